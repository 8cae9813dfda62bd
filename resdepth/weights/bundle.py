"""Group files into checkpoints: an index and its shards, numbered shards, disjoint parts."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from resdepth.errors import Corrupt, Impossible, ResdepthError, unreadable
from resdepth.runs.manifest import read_manifest, run_of
from resdepth.weights.find import INDEX, WeightFiles
from resdepth.weights.loading import surviving, unique_json
from resdepth.weights.tensor import Stored, Tensors, with_scales

KINDS = ((".safetensors",), (".pth", ".pt"), (".npz",), (".ckpt", ".bin"))
"""Kinds of files; only the first that a folder has is read."""
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.\w+)")
_FILE = re.compile(r"(.*(?:consolidated|rank|shard|fsdp)[._-]?)([0-9]+)(.*)")
_FOLDER = re.compile(r"(.*(?:mp|tp|pp|dp)_rank_?)([0-9]+)(.*)")
STAGED_PROGRAM = "resnet-cifar"
STAGED_PATTERN = "stage*.{k}.*.kernel"
"""The paths of such a run: first and second convolution of each stage."""
PIXELS, STAGES = 32, 3  # Rows and columns of an image of CIFAR-10, and stages of the network.
_BLOCK = re.compile(r"blocks\.([0-9]+)\.(.+)")
Read = Callable[[Path], Tensors]


@dataclass(frozen=True)
class Bundle:
    """The tensors of one checkpoint by name; `run` if one of our programs wrote it."""

    path: Path
    tensors: Mapping[str, Stored]
    run: Path | None = None


def bundles_of(places: Iterable[WeightFiles], read: Read) -> list[Bundle]:
    """The checkpoints in `places`.

    An index (`*.index.json`) or a shard (`x-00001-of-00003.safetensors`) stands for all its shards.
    Other files of one place without a common name are parts of one checkpoint; else each is one.
    Raises Corrupt or Unsafe for a damaged file that is named (one in a folder is left out), a
    missing shard or a wrong index; Impossible for parts of tensors that were split among devices.
    """
    found = [bundle for place in places for bundle in _in_place(place, read)]
    return [replace(bundle, tensors=with_scales(bundle.tensors)) for bundle in found]


def _in_place(place: WeightFiles, read: Read) -> list[Bundle]:
    """The checkpoints that the files of one place form."""
    files, named = place.files, place.named or place.run is not None
    for kind in () if named else KINDS:
        ends = tuple(ending + INDEX for ending in kind)
        indices = tuple(file for file in place.files if file.name.endswith(ends))
        named = bool(indices)
        if files := indices or tuple(f for f in place.files if f.suffix.lower() in kind):
            break
    groups: dict[object, list[Path]] = {}
    for file in files:
        shard = _SHARD.fullmatch(file.name)
        groups.setdefault((file.parent, *shard.group(1, 3, 4)) if shard else file, []).append(file)
    attempts = [partial(_part, group[0], read) for group in groups.values()]
    parts = [attempt() for attempt in attempts] if named else surviving(attempts)
    known = {part.path: part.tensors for part in parts}
    for path in known:
        _check_whole(path, known, read)
    names = [name for part in parts for name in part.tensors]
    if len(parts) < 2 or len(set(names)) < len(names):
        return parts
    return [Bundle(parts[0].path, {n: t for part in parts for n, t in part.tensors.items()})]


def _part(first: Path, read: Read) -> Bundle:
    """One file, or what its index or its number as a shard stands for."""
    run, tensors = run_of(first), Tensors()
    if first.name.endswith(INDEX):
        tensors = _indexed(first, read)
    elif shard := _SHARD.fullmatch(first.name):
        for number in range(1, int(shard[3]) + 1):
            path = first.with_name(f"{shard[1]}-{number:05d}-of-{shard[3]}{shard[4]}")
            if not path.is_file():
                what = f"this shard of {int(shard[3])} is missing"
                raise Corrupt(path, what, f"put it next to {first.name}")
            found = read(path)
            if twice := [name for name in found if name in tensors]:
                what = f"'{twice[0]}' is in {tensors[twice[0]].file.name} too"
                raise Corrupt(path, what, "download the shards again")
            tensors |= found
    else:
        tensors = read(first)
    if run is not None and read_manifest(run).program == STAGED_PROGRAM:
        tensors = _staged(tensors)
    return Bundle(first, tensors, run)


def _indexed(index: Path, read: Read) -> Tensors:
    """The tensors that an index names, each from its shard, which lies in the index's folder."""

    def wrong(reason: str) -> Corrupt:
        return Corrupt(index, reason, "download index and shards again, from one place")

    try:
        content = unique_json(index, index.read_bytes(), "the index")
    except OSError as error:
        raise unreadable(index, error) from None
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places:
        raise wrong("it has no 'weight_map' of tensors to files")
    tensors: Tensors = {}
    for name, place in places.items():
        if not isinstance(place, str) or not place:
            raise wrong(f"it names no file for '{name}'")
        if place.startswith("/") or "\\" in place or ".." in PurePosixPath(place).parts:
            raise wrong(f"it looks for '{name}' outside its folder, in {place}")
        shard = index.parent / place
        if not shard.is_file():
            what = f"the shard is missing: {index.name} names it for '{name}'"
            raise Corrupt(shard, what, "download it into the folder of the index")
        if name not in (shards := read(shard)):
            raise wrong(f"it says that '{name}' is in {place}, which does not hold it")
        tensors[name] = shards[name]
    return tensors


def _check_whole(path: Path, known: Mapping[Path, Mapping[str, Stored]], read: Read) -> None:
    """Raise Impossible if another file holds other parts of the same tensors as `path`.

    Training on several devices writes one file per device, whose names or folders differ in a
    number (consolidated.00.pth, mp_rank_00/model.pt). `known` are the tensors that were read.
    """
    other = _numbered_alike(path)
    try:
        tensors = {} if other is None else known[other] if other in known else read(other)
    except ResdepthError:
        return
    shapes = {name: stored.shape for name, stored in known[path].items()}
    shared = shapes.keys() & tensors.keys()
    if other and shared and all(tensors[name].shape == shapes[name] for name in shared):
        name = other.name if other.name != path.name else f"{other.parent.name}/{other.name}"
        raise Impossible(
            path,
            f"it and {name} hold the same tensors: they are parts of one checkpoint that was split "
            "among devices, not repetitions",
            "merge them with the program that wrote them, and give the result",
        )


def _numbered_alike(path: Path) -> Path | None:
    """The first other of the files numbered 0, 1, … that `path` (or its folder) belongs to."""
    for place, pattern, inside in ((path, _FILE, ""), (path.parent, _FOLDER, path.name)):
        if (match := pattern.fullmatch(place.name)) is None:
            continue
        found: dict[int, Path] = {}
        for beside in sorted(place.parent.iterdir()):
            other, file = pattern.fullmatch(beside.name), beside / inside
            if other and other.group(1, 3) == match.group(1, 3) and file.is_file():
                found[int(other[2])] = file
        if len(found) > 1 and set(found) == set(range(len(found))):
            return found[0] if found[0] != path else found[1]
    return None


def _staged(tensors: Mapping[str, Stored]) -> dict[str, Stored]:
    """Add `blocks.<b>.…` again as `stage<s>.<k>.…`: s = 1, 2, 3, k the block in the stage."""
    matches = [match for name in tensors if (match := _BLOCK.fullmatch(name))]
    length = len({int(match[1]) for match in matches}) // STAGES
    found = dict(tensors)
    for match in matches if length else ():
        stage, k = divmod(int(match[1]), length)
        # The first convolution of stages 2 and 3 has another shape: it is no layer.
        wider = stage > 0 and k == 0 and match[2].startswith("first.")
        rest = match[2].replace("first.", "widening.", 1) if wider else f"{k}.{match[2]}"
        new = f"stage{stage + 1}.{rest}"
        found[new] = replace(tensors[match[0]], name=new)
    return found


def input_size(family: str, run: Path, images: Sequence[int] = ()) -> tuple[int, ...]:
    """Rows and columns of the input of a family's convolutions; () if unknown.

    `images` is the size of the images, by default CIFAR-10's, which each stage halves.
    """
    match = re.match(r"stage([1-3])\.\{k\}", family)
    if match is None:
        return tuple(images)
    if not images and read_manifest(run).options.get("data") == "cifar10":
        images = (PIXELS,)
    return tuple(-(-length // 2 ** (int(match[1]) - 1)) for length in images)
