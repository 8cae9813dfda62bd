"""Trained weights wherever they lie: runs, checkpoints, exported files, and folders of these."""

import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resdepth.errors import Corrupt, Impossible, Unsafe, no_models, no_such
from resdepth.find_files import walk
from resdepth.mathematics import powers
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.runs.checkpoint import check_place, last_path, newest
from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import read_manifest, run_of
from resdepth.weights.own import SUFFIXES, read_weights

Array = NDArray[np.float64]
PROGRAM = "train"
"""The program whose runs are paths of equal matrices."""


@dataclass(frozen=True)
class Model:
    """Weights `blocks` (L, d, d) in float64, their file, the run folder it lies in and its beta.

    `family` is the name of one path among several of a checkpoint; ours have one, without a name.
    """

    path: Path
    blocks: Array
    beta: float | None
    run: Path | None = None
    family: str = ""

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.blocks)

    @property
    def width(self) -> int:
        """Dimension d."""
        return int(self.blocks.shape[-1])


def read_models(
    folders: Sequence[Path | str] | Path | str, extension: str | None = None
) -> list[Model]:
    """Every model in `folders`, by depth, then by path; `extension` ("pth") takes such files alone.

    A folder is a run (its last weights count), or it holds weight files, runs or further folders; a
    file is itself. A model that is reached twice is read once. A folder with a `last.safetensors`
    stands for that file alone, the others being earlier states of the same weights. A file that
    was found in a folder and does not hold weights is left out with a warning where others do.

    Raises
    ------
    Missing
        A path is not there, or holds no weights.
    Impossible
        One folder holds two models of one depth (of which one cannot tell whether they are
        repetitions), or the models have different widths.
    Corrupt, Unsafe
        A file that was named does not hold weights, or asks to run code; or all that were found.
    """
    wanted = _suffixes(extension)
    files: dict[Path, Path] = {}
    aside: list[Path] = []
    paths = [Path(p) for p in ([folders] if isinstance(folders, Path | str) else folders)]
    for folder in paths:
        found = list(_weight_files(folder, wanted, aside))
        if not found:
            detail = f" with extension {extension}" if extension else ""
            detail += "; its runs are of another program than 'train'" if aside else ""
            raise no_models(folder, detail)
        files.update((path.resolve(), path) for path in found)
    if aside:
        more = f" and {len(aside) - 1} more" if aside[1:] else ""
        reason = f"runs of another program than '{PROGRAM}'" if more else "not a run of 'train'"
        warnings.warn(f"{aside[0]}{more}: {reason}; left out", stacklevel=2)
    models = _readable(list(files.values()), named=set(paths))
    _check_together(models)
    return sorted(models, key=lambda model: (model.depth, str(model.path)))


def _readable(files: Sequence[Path], named: Set[Path]) -> list[Model]:
    models: list[Model] = []
    bad: list[Corrupt | Unsafe] = []
    for file in files:
        try:
            models.append(read_model(file))
        except (Corrupt, Unsafe) as error:
            if file in named:
                raise
            bad.append(error)
    if not models:
        raise bad[0]
    for problem in bad:
        warnings.warn(f"{problem}; left out", stacklevel=3)
    return models


def read_model(path: Path) -> Model:
    """The weights in one file, checked, and the run they belong to."""
    run, blocks = run_of(path), read_weights(path)
    if run is None:
        return Model(path, blocks, None)
    options = read_manifest(run).options
    _check_place(path, blocks, options)
    return Model(path, blocks, _beta(options), run)


def _check_place(path: Path, blocks: Array, options: Mapping[str, Any]) -> None:
    """Raise Corrupt where the weights in a run of `options` are plainly not its own."""
    if path.suffix == ".safetensors":
        check_place(path)
    ours = options.get("depth", len(blocks)), options.get("width", blocks.shape[1])
    if ours != blocks.shape[:2]:
        theirs = "depth {}, width {}".format(*blocks.shape)
        raise Corrupt(
            path,
            f"weights of {theirs} in a run of depth {ours[0]}, width {ours[1]}",
            "move it out of the run that it is not of",
        )


def _suffixes(extension: str | None) -> tuple[str, ...]:
    return SUFFIXES if not extension else (f".{extension.lstrip('.').lower()}",)


def _weight_files(path: Path, wanted: tuple[str, ...], aside: list[Path]) -> Iterator[Path]:
    """Files of weights in or under `path`; runs that hold none such are put `aside`."""
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise no_such(path, "file or folder")
    folders: dict[Path, list[Path]] = {}
    for file in walk(path, _may_hold_weights, once=True):
        if not file.name.startswith("."):
            folders.setdefault(file.parent, []).append(file)
    for folder, files in folders.items():
        if folder / MANIFEST in files:
            yield from _files_of_run(folder, wanted, aside)
        elif folder.name == CHECKPOINTS and (folder.parent / MANIFEST).is_file():
            yield from _files_of_run(folder.parent, wanted, aside)
        else:
            weights = [file for file in files if file.suffix.lower() in wanted]
            yield from [file for file in weights if file.stem == "last"] or weights


def _may_hold_weights(folder: Path) -> bool:
    """Not hidden folders, and not those inside a run, which stands for itself."""
    return not folder.name.startswith(".") and not (folder.parent / MANIFEST).is_file()


def _files_of_run(run: Path, wanted: tuple[str, ...], aside: list[Path]) -> list[Path]:
    """The newest checkpoint of a run, or what it exported where there is none."""
    if _program(run) != PROGRAM:
        aside.append(run)
        return []
    latest = newest(run)
    if latest is not None and latest.suffix in wanted:
        return [latest]
    if latest is not None and latest != last_path(run):
        return []  # What was exported is older than the newest weights.
    exported = sorted((run / EXPORTED).glob("resnet_*"))
    return [path for path in exported if path.suffix.lower() in wanted]


def _program(run: Path) -> str:
    try:
        return read_manifest(run).program
    except Corrupt:
        return PROGRAM  # Said when its weights are read.


def _beta(options: Mapping[str, Any]) -> float | None:
    alpha = options.get("alpha")
    return None if alpha is None else powers.beta(float(alpha))


def _check_together(models: list[Model]) -> None:
    places: dict[tuple[Path, int], Path] = {}
    for model in models:
        key = (model.path.resolve().parent, model.depth)
        # Checkpoints of one run say of which step they are; whoever averages compares these.
        if key in places and not (model.run and key[0].name == CHECKPOINTS):
            raise Impossible(
                model.path.parent,
                f"{places[key].name} and {model.path.name} are both of depth {model.depth}",
                "keep repetitions in folders of their own; `ext` takes one kind of file",
            )
        places[key] = model.path
        if model.width != models[0].width:
            raise Impossible(
                model.path,
                f"width {model.width}, but {models[0].path} has {models[0].width}",
                "compare models of one width",
            )
