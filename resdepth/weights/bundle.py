"""Checkpoints of others wherever they lie: a file, shards, an index, a folder, a run."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from resdepth.errors import Corrupt, Unsafe, no_models, no_such
from resdepth.find_files import walk
from resdepth.runs.checkpoint import newest
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import read_manifest, run_of
from resdepth.weights import stages
from resdepth.weights.file import read_file
from resdepth.weights.index import SUFFIX, read_index
from resdepth.weights.scales import with_scales
from resdepth.weights.splits import check_distributed, check_whole, is_training_state
from resdepth.weights.tensor import Stored

KINDS = ((".safetensors",), (".pth", ".pt"), (".npz",), (".ckpt", ".bin"))
"""Kinds of files, of which the first that a folder has is read."""
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.\w+)")


@dataclass(frozen=True)
class Bundle:
    """The tensors of one checkpoint by name; `run` where one of ours wrote it."""

    path: Path
    tensors: Mapping[str, Stored]
    run: Path | None = None


def read_bundles(sources: Sequence[Path], extension: str | None = None) -> list[Bundle]:
    """The checkpoints in `sources`, in their order; `extension` ("pt") takes such files alone.

    A run stands for its newest weights, an index (`*.index.json`) for the shards that it names,
    and a shard (`x-00001-of-00003.safetensors`) for all that lie beside it. Of other files in a
    folder, or among `sources`, those without a name in common are parts of one checkpoint; where
    two share a name, each is a checkpoint of its own.

    Raises
    ------
    Missing, System
        A source is not there, holds no weights, or cannot be read.
    Corrupt, Unsafe
        A file that was named does not hold tensors, a shard is missing, an index is wrong.
    Impossible
        Files are parts of the same tensors, split among devices.
    """
    found: list[Bundle] = []
    for folders, paths in groupby(sources, key=_holds_many):
        if folders:
            for path in paths:
                found += _below(path, extension)
        else:
            found += _together(list(paths), named=True)
    return [replace(bundle, tensors=with_scales(bundle.tensors)) for bundle in found]


def _holds_many(path: Path) -> bool:
    if not path.exists():
        raise no_such(path, "file or folder")
    return path.is_dir()


def _below(folder: Path, extension: str | None) -> list[Bundle]:
    files: dict[Path, list[Path]] = {}
    training: list[Path] = []
    for file in walk(folder, _may_hold_weights, once=True):
        if is_training_state(file):
            training.append(file)
        elif not file.name.startswith("."):
            files.setdefault(file.parent, []).append(file)
    found = [bundle for group in files.values() for bundle in _in_folder(group, extension)]
    if not found:
        for file in (file for group in files.values() for file in group):
            check_distributed(file)
        detail = f" with extension {extension}" if extension else ""
        if training:
            detail += f", but {training[0].name}, which by its name is a state of training"
        raise no_models(folder, detail)
    return found


def _may_hold_weights(folder: Path) -> bool:
    """Not hidden folders, and not those inside a run, which stands for itself."""
    return not folder.name.startswith(".") and not (folder.parent / MANIFEST).is_file()


def _in_folder(files: Sequence[Path], extension: str | None) -> list[Bundle]:
    """What the files of one folder are together."""
    if any(file.name == MANIFEST for file in files):
        return _of_run(files[0].parent)
    wanted = (f".{extension.lstrip('.').lower()}",) if extension else ()
    for kind in [wanted] if wanted else KINDS:
        indices = [file for file in files if file.name.endswith(tuple(k + SUFFIX for k in kind))]
        if indices:
            return [_bundle(index, read_index(index)) for index in indices]
        if fitting := [file for file in files if file.suffix.lower() in kind]:
            return _together(fitting, named=False)
    return []


def _of_run(run: Path) -> list[Bundle]:
    latest = newest(run)
    return [] if latest is None else [_bundle(latest, read_file(latest))]


def _bundle(path: Path, tensors: Mapping[str, Stored]) -> Bundle:
    run = run_of(path)
    if run is not None and read_manifest(run).program == stages.PROGRAM:
        tensors = stages.staged(tensors)
    return Bundle(path, tensors, run)


def _together(files: Sequence[Path], *, named: bool) -> list[Bundle]:
    """Bundles of files that lie together, or were named one after the other."""
    parts: list[Bundle] = []
    bad: list[Corrupt | Unsafe] = []
    for group in _shards(files):
        try:
            parts.append(_part(group))
        except (Corrupt, Unsafe) as error:
            if named:
                raise
            bad.append(error)
    if bad and not parts:
        raise bad[0]
    for problem in bad:
        warnings.warn(f"{problem}; left out", stacklevel=2)
    known = {part.path: part.tensors for part in parts}
    for path in known:
        check_whole(path, known)
    names = [name for part in parts for name in part.tensors]
    if len(parts) < 2 or len(set(names)) < len(names):
        return parts
    return [Bundle(parts[0].path, {n: t for part in parts for n, t in part.tensors.items()})]


def _shards(files: Iterable[Path]) -> Iterator[list[Path]]:
    """Files that are shards of one another, in the order of the first of each."""
    groups: dict[object, list[Path]] = {}
    for file in files:
        match = _SHARD.fullmatch(file.name)
        key = (file.parent, match[1], match[3], match[4]) if match else file
        groups.setdefault(key, []).append(file)
    yield from groups.values()


def _part(group: Sequence[Path]) -> Bundle:
    first = group[0]
    match = _SHARD.fullmatch(first.name)
    if match is None:
        if first.name.endswith(SUFFIX):
            return _bundle(first, read_index(first))
        return _bundle(first, read_file(first))
    tensors: dict[str, Stored] = {}
    for number in range(1, int(match[3]) + 1):
        path = first.with_name(f"{match[1]}-{number:05d}-of-{match[3]}{match[4]}")
        if not path.is_file():
            reason = f"this shard of {int(match[3])} is missing"
            raise Corrupt(path, reason, f"put it beside {first.name}")
        for name, stored in read_file(path).items():
            if name in tensors:
                reason = f"'{name}' is in {tensors[name].file.name} too"
                raise Corrupt(path, reason, "download the shards again")
            tensors[name] = stored
    return Bundle(first, tensors)
