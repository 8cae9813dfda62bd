"""What is measured on one weight path, in memory or read in blocks if it is too large."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from resdepth.errors import Usage
from resdepth.mathematics import pvariation
from resdepth.mathematics.layer_norms import Norm, frobenius, operator, spectral
from resdepth.mathematics.statistics import PathStatistics, gathered_statistics, path_statistics
from resdepth.weights.bundle import input_size
from resdepth.weights.tensor import Array, shown
from resdepth.weights.weight_path import WeightPath


def same_weights(one: WeightPath, other: WeightPath) -> bool:
    """Whether one path is a copy of the other; constant weights do not count as copies."""
    if (one.own, one.depth, one.matrix) != (other.own, other.depth, other.matrix):
        return False
    varied = False
    numbers = (chain.from_iterable(path.chunks()) for path in (one, other))
    for ours, theirs in zip(*numbers, strict=True):
        if not np.array_equal(ours, theirs):
            return False
        varied = varied or bool(ours.min() < ours.max())
    return varied


def layer_norms(path: WeightPath, norm: Norm = "frobenius", size: Sequence[int] = ()) -> Array:
    """A norm of every layer, unscaled: (L,); `size` is that of a convolution's input, or of images.

    Raises Usage if `size` is needed for an operator norm and unknown.
    """
    if norm == "frobenius" and path.own:
        norms: Array = np.linalg.norm(path.blocks.reshape(path.depth, -1), axis=1)
        return norms
    if norm == "frobenius":
        return np.array([frobenius(chunks) for chunks in path.chunks()])
    if norm == "spectral" or len(path.shape) < 3:
        return np.array([spectral(layer) for layer in path.whole_layers()])
    known = tuple(size) if path.run is None else input_size(path.family, path.run, size)
    axes = len(path.shape) - 2
    if not known or len(known) not in (1, axes):
        what = f"is needed: '{path.family}' is a convolution of shape {shown(path.shape)}"
        raise Usage("input_size", what, "rows and columns of its input, as in `input_size=32,32`")
    whole = known * axes if len(known) == 1 else known
    return np.array([operator(layer, whole) for layer in path.whole_layers()])


def variation_norms(path: WeightPath, beta: float, exponents: Sequence[float]) -> Array:
    """The p-variation norms of k -> L^beta A_k for each p >= 1 of `exponents`: (exponents,)."""
    if path.way == "path":
        return pvariation.p_variation_norms(_points(path, beta), exponents)
    return path.scaled(pvariation.p_variation_norms_from_distances(path.distances, exponents), beta)


def critical(path: WeightPath, beta: float) -> pvariation.CriticalExponent | None:
    """The critical exponent; None if the path is short, constant, or too large for memory."""
    return pvariation.critical_exponent(_points(path, beta)) if path.way == "path" else None


def _points(path: WeightPath, beta: float) -> Array:
    return path.scaled(path.blocks.reshape(path.depth, -1), beta)


def statistics(path: WeightPath) -> PathStatistics:
    """All statistics of the path, unscaled."""
    if path.way == "path":
        return path_statistics(path.blocks)
    (variation,) = pvariation.p_variation_norms_from_distances(path.distances, [2.0])
    return gathered_statistics(path.depth, path.column_blocks(), float(variation))
