"""Our own weights in a file: L >= 1 square matrices of one size, all entries finite."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from resdepth.contents import listed
from resdepth.errors import Corrupt, Missing
from resdepth.mathematics import powers
from resdepth.runs.checkpoint import check_place
from resdepth.runs.manifest import read_manifest, run_of
from resdepth.weights.file import Tensors
from resdepth.weights.loading import damaged
from resdepth.weights.tensor import Array, Stored, shown
from resdepth.weights.weight_path import BLOCKS, WeightPath

OTHERS = "leave it out, or give the `pattern` of its layers"


def own_path(path: Path, tensors: Tensors) -> WeightPath:
    """The family `blocks` of a file, with beta = 1 - alpha of the run that it lies in.

    It is the tensor 'blocks' (L, d, d) or the only one, or a list of L matrices (d, d). Raises
    Missing for another program's tensors, Corrupt for entries that are not finite or weights that
    are not those of the run.
    """
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
    layers = _list(tensors)
    if not layers and BLOCKS not in tensors and len(tensors) != 1:
        what = (
            f"no tensor named '{BLOCKS}' among {len(tensors)} ({listed(list(tensors)) or 'none'})"
        )
        raise Missing(path, what, OTHERS)
    found = layers or [tensors.get(BLOCKS) or next(iter(tensors.values()))]
    shapes = sorted({layer.shape for layer in found})
    for layer in found:
        if layer.numbers is None:
            raise damaged(path, f"{layer.name} holds {layer.dtype}, not real numbers")
    if len(shapes) > 1:
        what = f"layers of different shapes: {shown(shapes[0])} and {shown(shapes[1])}"
        raise Missing(path, what, OTHERS)
    shape = (len(layers), *shapes[0]) if layers else shapes[0]
    if len(shape) != 3 or shape[1] != shape[2] or 0 in shape:
        raise Missing(path, f"the weights are {shown(shape)}, not L x d x d", OTHERS)
    return np.stack([layer.whole() for layer in found]).reshape(shape)


def _list(tensors: Tensors) -> list[Stored]:
    """The tensors of a list: it is called 'blocks', or nothing else is in the file."""
    names = [name for name in tensors if name.startswith(f"{BLOCKS}.")] or list(tensors)
    prefix = names[0].removesuffix("0") if names else ""
    if prefix and not prefix.endswith("."):
        return []
    numbered = [f"{prefix}{k}" for k in range(len(names))]
    if set(names) != set(numbered):
        return []
    return [replace(tensors[name], name=f"layer {k}") for k, name in enumerate(numbered)]
