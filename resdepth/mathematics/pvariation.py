"""p-variation of weight paths, by `pvar`.

For a path x_0..x_n in R^m the *variation* V_p is the supremum over partitions of
sum |x_{t_{i+1}} - x_{t_i}|^p, and the *norm* V_p^(1/p). ValueError for masked entries.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pvar
from numpy.typing import NDArray

from resdepth.mathematics import Array, refuse_masked

Numbers = NDArray[np.float64] | NDArray[np.float32]


@dataclass(frozen=True)
class CriticalExponent:
    """The p above which the p-variation over finer and finer partitions stays bounded."""

    value: float
    standard_error: float


def path_scale(depth: int, beta: float) -> float:
    """L^beta, by which the weights of a network of depth L become a path."""
    return math.pow(depth, beta)


def weight_path(blocks: Numbers, beta: float) -> Array:
    """The path k -> L^beta A_k of `blocks` (L, d, d), flattened: (L, d*d), float64."""
    refuse_masked(blocks=blocks)
    return path_scale(len(blocks), beta) * blocks.reshape(len(blocks), -1).astype(np.float64)


def p_variation_norm(path: Numbers, p: float) -> float:
    """The norm V_p^(1/p) of `path` (points, dimension), Euclidean, exact to rounding.

    By Butkus & Norvaisa, Lithuanian Math. J. 58 (2018). ValueError: p < 1, empty path, not finite.
    """
    refuse_masked(path=path)
    return float(pvar.p_variation_norm(path, p))


def p_variation_norms(path: Numbers, exponents: Sequence[float]) -> Array:
    """The norms V_p^(1/p) for each p of `exponents`: (exponents,); see `p_variation_norm`."""
    refuse_masked(path=path)
    return np.asarray(pvar.profile(path, list(exponents)), dtype=np.float64)


def distances_by_blocks(columns: Callable[[int, int], Array], shape: tuple[int, int]) -> Array:
    """The distances (points, points) of a path of `shape` (points, dimension) too large to hold.

    `columns(start, stop)` reads coordinates of all points, once, 64 MiB at a time. Error 1e-13.
    """
    return np.asarray(pvar.pairwise_distances(columns, shape=shape), dtype=np.float64)


def p_variation_norms_from_distances(distances: Array, exponents: Sequence[float]) -> Array:
    """The norms V_p^(1/p) for each p of `exponents` from distances (points, points): exact."""
    return np.asarray(pvar.profile_from_distances(distances, list(exponents)), dtype=np.float64)


def critical_exponent(path: Array) -> CriticalExponent | None:
    """Critical exponent 1/H of `path` (points, dimension); None below 257 points or if constant.

    By regression over dyadic lags: Bayer, Friz & Tapia, SIAM J. Math. Data Sci. 5 (2023).
    """
    refuse_masked(path=path)
    try:
        estimate = pvar.critical_exponent(path)
    except ValueError:
        return None
    return CriticalExponent(float(estimate.exponent), float(estimate.standard_error))
