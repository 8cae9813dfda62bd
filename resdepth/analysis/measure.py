"""What analyses measure on the path of one model, held in memory or read where it is too large."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from resdepth.errors import Usage
from resdepth.mathematics.masks import refuse_masked
from resdepth.mathematics.norms import Norm, frobenius, operator, spectral
from resdepth.mathematics.pvariation import (
    CriticalExponent,
    critical_exponent,
    p_variation_norms,
    p_variation_norms_from_distances,
    path_scale,
    weight_path,
)
from resdepth.mathematics.statistics import PathStatistics, gathered_statistics, path_statistics
from resdepth.weights.models import Model
from resdepth.weights.stages import input_size
from resdepth.weights.stored import StoredModel

Array = NDArray[np.float64]
AnyModel = Model | StoredModel
M = TypeVar("M", bound=AnyModel)
Way = Literal["path", "distances"]
"""Where p-variation comes from: the path in memory, or its distances, read in blocks."""
COLUMNS = 1 << 21
"""Numbers of a path that are read at once."""


def way(model: AnyModel) -> Way:
    """How the p-variation of a model is measured; both are exact."""
    return "path" if isinstance(model, Model) or model.fits else "distances"


def same_weights(one: AnyModel, other: AnyModel) -> bool:
    """Whether one model is a copy of the other; constant weights are no sign of a copy.

    Reading ends at the first difference.
    """
    if type(one) is not type(other) or one.depth != other.depth:
        return False
    if matrix_shape(one) != matrix_shape(other):
        return False
    varied = False
    for ours, theirs in zip(_numbers(one), _numbers(other), strict=True):
        if not np.array_equal(ours, theirs):
            return False
        varied = varied or bool(ours.min() < ours.max())
    return varied


def _numbers(model: AnyModel) -> Iterator[Array]:
    """All weights, a few at a time."""
    if isinstance(model, Model):
        yield from model.blocks
    else:
        for chunks in model.each():
            yield from chunks


def layer_norms(model: AnyModel, norm: Norm = "frobenius", size: Sequence[int] = ()) -> Array:
    """A norm of every layer, unscaled: (L,).

    `size` is that of a convolution's input, or of the images of a run of `resnet-cifar`.

    Raises
    ------
    Usage
        A convolution's operator norm was asked for, and nothing tells the size of its input.
    """
    if norm == "frobenius":
        if isinstance(model, Model):
            refuse_masked(blocks=model.blocks)
            norms: Array = np.linalg.norm(model.blocks.reshape(model.depth, -1), axis=1)
            return norms
        return np.array([frobenius(chunks) for chunks in model.each()])
    if norm == "spectral" or isinstance(model, Model) or len(model.shape) < 3:
        return np.array([spectral(layer) for layer in _layers(model)])
    known = tuple(size) if model.run is None else input_size(model.family, model.run, size)
    axes = len(model.shape) - 2
    if not known or len(known) not in (1, axes):
        shape = " x ".join(map(str, model.shape))
        reason = f"is needed: '{model.family}' is a convolution of shape {shape}"
        remedy = "rows and columns of its input, for example `input_size=32`,32"
        raise Usage("input_size", reason, remedy)
    whole = known * axes if len(known) == 1 else known
    return np.array([operator(layer, whole) for layer in _layers(model)])


def _layers(model: AnyModel) -> Iterator[Array]:
    if isinstance(model, Model):
        refuse_masked(blocks=model.blocks)
        yield from model.blocks
    else:
        for layer in model.layers:
            yield layer.whole()


def variation_norms(model: AnyModel, beta: float, exponents: Sequence[float]) -> Array:
    """The p-variation norms of k -> L^beta A_k for each p >= 1 of `exponents`: (exponents,)."""
    if isinstance(model, StoredModel) and not model.fits:
        scale = path_scale(model.depth, beta)
        return scale * p_variation_norms_from_distances(model.distances, exponents)
    return p_variation_norms(weight_path(model.blocks, beta), exponents)


def critical(model: AnyModel, beta: float) -> CriticalExponent | None:
    """The critical exponent of the path; None where it is short, does not move, or is too large."""
    if isinstance(model, StoredModel) and not model.fits:
        return None
    return critical_exponent(weight_path(model.blocks, beta))


def statistics(model: AnyModel) -> PathStatistics:
    """All statistics of the path, unscaled."""
    if isinstance(model, Model) or model.fits:
        return path_statistics(model.blocks)
    (variation,) = p_variation_norms_from_distances(model.distances, [2.0])
    return gathered_statistics(model.depth, _columns(model), float(variation))


def _columns(model: StoredModel) -> Iterator[Array]:
    size = model.layers[0].size
    width = max(1, COLUMNS // model.depth)
    for start in range(0, size, width):
        yield model.columns(start, min(start + width, size))


def matrix_shape(model: AnyModel) -> tuple[int, int]:
    """Rows and columns of a layer as a matrix (first axis, all others)."""
    shape = model.blocks.shape[1:] if isinstance(model, Model) else model.shape
    rows = shape[0] if shape else 1
    return rows, int(np.prod(shape[1:], dtype=np.int64))


def entry_paths(model: AnyModel, entries: Sequence[tuple[int, int]]) -> Array:
    """The entries (row, column) of every layer as a matrix, unscaled: (entries, L)."""
    _, columns = matrix_shape(model)
    places = [row * columns + column for row, column in entries]
    if isinstance(model, Model):
        refuse_masked(blocks=model.blocks)
        found: Array = model.blocks.reshape(model.depth, -1)[:, places].T
        return found
    return np.array([[float(layer.read(at, at + 1)[0]) for layer in model.layers] for at in places])
