"""Read the weight paths of runs, files and folders: our own, or the families of a pattern."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from resdepth.contents import listed
from resdepth.errors import Corrupt, Impossible, Missing, ResdepthError, Unsafe, Usage
from resdepth.mathematics import powers
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.runs.checkpoint import check_place
from resdepth.runs.manifest import read_manifest, run_of
from resdepth.weights.bundle import Read, bundles_of
from resdepth.weights.families import Range, default_pattern, find_families
from resdepth.weights.file import READERS, read_file
from resdepth.weights.find import PROGRAM, WeightFiles, find_places
from resdepth.weights.loading import damaged
from resdepth.weights.tensor import Array, Tensors, shown
from resdepth.weights.weight_path import BLOCKS, WeightPath

Sources = Sequence[Path | str] | Path | str
UNNAMED = (".ckpt", ".bin")
"""Extensions under which our own weights are read only if the file is named."""
NOT_OURS = "leave it out, or give the `pattern` of its layers"


def read_paths(
    sources: Sources,
    pattern: str | None = None,
    layers: Range | None = None,
    extension: str | None = None,
) -> list[WeightPath]:
    """The weight paths in `sources` (runs, files, folders of these), by depth, each once.

    Without `pattern` these are the runs and files of `train`, else all families that fit it, of
    each the requested `layers`; runs of `resnet-cifar` have a pattern of their own. `extension`
    ("pth") selects one kind of file. A damaged file in a folder is left out with a warning.

    Raises Missing if a source does not exist or holds no weights; Usage if a `pattern` is needed
    (`PatternNeeded`) or fits nothing; Impossible if layers are missing, a family has two shapes, or
    a folder two checkpoints of one depth; Corrupt or Unsafe for a named file that is damaged or
    asks to run code.
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
        pattern = pattern or default_pattern(bundles, reasons)
        found = [path for bundle in bundles for path in find_families(bundle, pattern, layers)]
    _check_together(found, named)
    return sorted(found, key=lambda path: path.depth)


def read_models(folders: Sources, extension: str | None = None) -> list[WeightPath]:
    """`read_paths` without a pattern: the weights of runs and files of `train`."""
    return read_paths(folders, extension=extension)


stored_models = read_paths  # Its earlier name, for families in the checkpoints of any program.


def _own(
    places: Sequence[WeightFiles], read: Read, named: set[Path]
) -> tuple[list[WeightPath], list[ResdepthError]]:
    """Our own weights; nothing, but the reasons, if a named file is another program's."""
    found: list[WeightPath] = []
    reasons: list[ResdepthError] = []
    others = False
    for place in places:
        files = list(place.files)
        if not (place.named or place.run):
            files = [f for f in files if f.suffix.lower() in READERS and f.suffix not in UNNAMED]
            # In a folder, the `last` of several states.
            files = [file for file in files if file.stem == "last"] or files
        for file in files:
            try:
                if place.program not in ("", PROGRAM):
                    raise Missing(file.parent.parent, f"not a run of '{PROGRAM}'")
                found.append(_own_path(file, read(file)))
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


def _own_path(path: Path, tensors: Tensors) -> WeightPath:
    """The family `blocks`: a tensor (L, d, d) of that name, the only one, or L matrices."""
    blocks, run = _blocks(path, tensors), run_of(path)
    if run is None:
        return WeightPath(path, blocks)
    options = read_manifest(run).options
    if path.suffix == ".safetensors":
        check_place(path)
    expected = options.get("depth", len(blocks)), options.get("width", blocks.shape[1])
    if expected != blocks.shape[:2]:
        found = "depth {}, width {}".format(*blocks.shape)
        what = f"weights of {found} in a run of depth {expected[0]}, width {expected[1]}"
        raise Corrupt(path, what, "move it out of this run")
    alpha = options.get("alpha")
    return WeightPath(path, blocks, None if alpha is None else powers.beta(float(alpha)), run)


def _blocks(path: Path, tensors: Tensors) -> Array:
    """The weights (L, d, d) in float64."""
    # A list is called 'blocks', or nothing else is in the file.
    names = [name for name in tensors if name.startswith(f"{BLOCKS}.")] or list(tensors)
    prefix = names[0].removesuffix("0") if names else "none"
    numbered = [f"{prefix}{k}" for k in range(len(names))]
    is_list = prefix[-1:] in ("", ".") and set(names) == set(numbered)
    if is_list:
        found = [replace(tensors[name], name=f"layer {k}") for k, name in enumerate(numbered)]
    elif BLOCKS in tensors or len(tensors) == 1:
        found = [tensors.get(BLOCKS) or tensors[names[0]]]
    else:
        among = listed(list(tensors)) or "none"
        what = f"no tensor named '{BLOCKS}' among {len(tensors)} ({among})"
        raise Missing(path, what, NOT_OURS)
    for layer in found:
        if layer.numbers is None:
            raise damaged(path, f"{layer.name} holds {layer.dtype}, not real numbers")
    shapes = sorted({layer.shape for layer in found})
    if len(shapes) > 1:
        what = f"layers of different shapes: {shown(shapes[0])} and {shown(shapes[1])}"
        raise Missing(path, what, NOT_OURS)
    shape = (len(found), *shapes[0]) if is_list else shapes[0]
    if len(shape) != 3 or shape[1] != shape[2] or 0 in shape:
        raise Missing(path, f"the weights are {shown(shape)}, not L x d x d", NOT_OURS)
    return np.stack([layer.whole() for layer in found]).reshape(shape)


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
            both = f"{other.source.name} and {path.source.name} both hold"
            raise Impossible(
                path.source.parent,
                f"{both} '{path.family}' of depth {path.depth}",
                "move repetitions into folders of their own, or select files by name or `ext`; "
                "steps of one training are not repetitions",
            )
