"""Read the weight paths of runs, files and folders: our own, or the families of a pattern."""

import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from resdepth.contents import listed
from resdepth.errors import Corrupt, Impossible, Missing, ResdepthError, Unsafe, Usage
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.weights import stages
from resdepth.weights.bundle import Bundle, Read, bundles_of
from resdepth.weights.families import (
    UNSCALED,
    Listed,
    Range,
    find_families,
    grouped,
    layer_families,
    quantised,
)
from resdepth.weights.file import READERS, read_file
from resdepth.weights.find import PROGRAM, WeightFiles, find_places
from resdepth.weights.own import own_path
from resdepth.weights.tensor import shown
from resdepth.weights.weight_path import WeightPath

Sources = Sequence[Path | str] | Path | str
UNNAMED = (".ckpt", ".bin")
"""Extensions under which our own weights are read only if the file is named."""


class PatternNeeded(Usage):
    """Other programs' checkpoints were given without a pattern; `families` lists their layers."""

    def __init__(self, families: Sequence[tuple[Bundle, Sequence[Listed]]]) -> None:
        self.families = families
        patterns = list(dict.fromkeys(row.pattern for _, rows in families for row in rows))
        kinds = "family" if len(patterns) == 1 else "families"
        what = f"is needed: {families[0][0].path} holds {len(patterns)} {kinds} of layers"
        super().__init__("pattern", what, f"one of {listed(patterns)}")


def read_paths(
    sources: Sources,
    pattern: str | None = None,
    layers: Range | None = None,
    extension: str | None = None,
) -> list[WeightPath]:
    """The weight paths in `sources` (runs, files, folders of these), by depth.

    Without `pattern` these are the runs and files of `train`, else all families that fit it, of
    each the requested `layers`; runs of `resnet-cifar` have a pattern of their own. `extension`
    ("pth") selects one kind of file. A model that is reached twice is read once. A damaged file in
    a folder is left out with a warning, a named one is an error.

    Raises
    ------
    Missing
        A source does not exist, or holds no weights.
    Usage
        Other programs' checkpoints were given without a pattern (`PatternNeeded`), no tensor fits
        it, or `layers` are given without one.
    Impossible
        A family has different shapes in two checkpoints, layers are missing, or a folder holds two
        checkpoints of one depth, which may or may not be repetitions.
    Corrupt, Unsafe
        A file is damaged, or asks to run code.
    """
    paths = [Path(source) for source in ([sources] if isinstance(sources, Path | str) else sources)]
    places, read, named = find_places(paths, extension), cache(read_file), set(paths)
    found, reasons = ([], []) if pattern is not None else _own(places, read, named)
    if found:
        if layers is not None:
            raise Usage("layers", "has no effect without `pattern`", "leave it out")
        found.sort(key=lambda path: str(path.source))
    else:
        bundles = bundles_of(places, read)
        pattern = pattern or _pattern(bundles, reasons)
        found = [path for bundle in bundles for path in find_families(bundle, pattern, layers)]
    _check_together(found, named)
    return sorted(found, key=lambda path: path.depth)


def read_models(folders: Sources, extension: str | None = None) -> list[WeightPath]:
    """`read_paths` without a pattern: the weights of runs and files of `train`."""
    return read_paths(folders, extension=extension)


def stored_models(
    sources: Sources, pattern: str, layers: Range | None = None, extension: str | None = None
) -> list[WeightPath]:
    """`read_paths` with a pattern: families in the checkpoints of any program."""
    return read_paths(sources, pattern, layers, extension)


def _own(
    places: Sequence[WeightFiles], read: Read, named: set[Path]
) -> tuple[list[WeightPath], list[ResdepthError]]:
    """Our own weights; nothing, but the reasons, if a named file is another program's."""
    found: list[WeightPath] = []
    reasons: list[ResdepthError] = []
    others = False
    for place in places:
        for file in _candidates(place):
            try:
                if place.program not in ("", PROGRAM):
                    raise Missing(file.parent.parent, f"not a run of '{PROGRAM}'")
                found.append(own_path(file, read(file)))
            except (Corrupt, Unsafe, Missing) as error:
                if place.named or file in named:
                    others = True
                    if not isinstance(error, Missing):
                        raise
                reasons.append(error)
    if not found and reasons and not isinstance(reasons[0], Missing):
        raise reasons[0]
    if not found or others:
        return [], reasons
    for problem in reasons:
        warnings.warn(f"{problem}; left out", stacklevel=3)
    return found, []


def _candidates(place: WeightFiles) -> Sequence[Path]:
    """The files in which our weights may be; in a folder, the `last` of several states."""
    if place.named or place.run:
        return place.files
    ours = [f for f in place.files if f.suffix.lower() in READERS and f.suffix not in UNNAMED]
    return [file for file in ours if file.stem == "last"] or ours


def _pattern(bundles: Sequence[Bundle], reasons: Sequence[ResdepthError]) -> str:
    """The pattern of runs of `resnet-cifar`; PatternNeeded lists the families of others."""
    if all(grouped(bundle.tensors, stages.PATTERN) for bundle in bundles):
        return stages.PATTERN
    families = [(bundle, layer_families(bundle.tensors)) for bundle in bundles]
    families = [(bundle, rows) for bundle, rows in families if rows]
    for bundle in bundles:
        if what := quantised(bundle):
            if not families:
                raise Corrupt(bundle.path, what, UNSCALED)
            warnings.warn(f"{bundle.path}: {what}; not listed", stacklevel=3)
    if not families:
        raise reasons[0]
    raise PatternNeeded(families)


def _check_together(paths: Sequence[WeightPath], named: set[Path]) -> None:
    shapes: dict[str, WeightPath] = {}
    places: dict[tuple[str, int, Path], WeightPath] = {}
    for path in paths:
        first = shapes.setdefault(path.family, path)
        if path.shape != first.shape:
            what = f"'{path.family}' is {shown(path.shape)}, but {shown(first.shape)} in "
            raise Impossible(path.source, f"{what}{first.source}", "compare weights of one shape")
        folder = path.source.resolve().parent
        other = places.setdefault((path.family, path.depth, folder), path)
        # Checkpoints of one run know their step, which is compared before anything is averaged.
        steps = path.run is not None and folder.name == CHECKPOINTS
        if other is not path and not steps and (path.own or path.source not in named):
            both = f"{other.source.name} and {path.source.name}"
            raise Impossible(
                path.source.parent,
                f"{both} both hold '{path.family}' of depth {path.depth}",
                "move repetitions into folders of their own, or select files by name or `ext`; "
                "steps of one training are not repetitions",
            )
