"""The critical scaling of an untrained network whose weights are rough along the layers.

h_{k+1} = h_k + L^(-beta) f_k(h_k) explodes where beta is too small and turns into the identity
where it is too large; in between lies the beta at which the branches add up to something of size
1. P. Marion, A. Fermanian, G. Biau & J.-P. Vert, "Scaling ResNets in the large-depth regime", arXiv
2206.06929: for weights that are increments of fractional Brownian motion it is max(1/2, H).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch

from resdepth.mathematics.activation import ACTIVATIONS
from resdepth.mathematics.fractional import fractional_noise
from resdepth.mathematics.interval import Array, Interval, mean_interval
from resdepth.mathematics.random import stream

HALVINGS = 4
"""The prefixes are L/16, L/8, L/4, L/2 and L layers."""
ODD = ("tanh",)
"""Activations whose mean over a centred normal variable is 0."""

Sigma = Callable[[Array], Array]
Matrices = Iterator[Array]


def _skip(h: Array, sigma: Sigma, matrices: Matrices) -> Array:
    return sigma(np.einsum("ijk,j->ik", next(matrices), h))


def _res3(h: Array, sigma: Sigma, matrices: Matrices) -> Array:
    inner = sigma(np.einsum("ijk,j->ik", next(matrices), h))
    outer: Array = np.einsum("ijk,jk->ik", next(matrices), inner)
    return outer


STRUCTURES: dict[str, Callable[[Array, Sigma, Matrices], Array]] = {"res3": _res3, "skip": _skip}
"""Branches f_k by name: `res3` V_k sigma(W_k h), `skip` sigma(A_k h), the network of `train`."""


@dataclass(frozen=True)
class CriticalScaling:
    """Estimated beta for one H: mean over draws with its 95 % interval, and its limit in L."""

    hurst: float
    beta: Interval
    standard_error: float
    limit: float


@dataclass(frozen=True)
class CriticalTable:
    """Estimates by H, and the networks that they are of; `depths` are the prefixes."""

    structure: str
    activation: str
    width: int
    depths: tuple[int, ...]
    draws: int
    seed: int
    estimates: tuple[CriticalScaling, ...]


def limit(hurst: float, structure: str, activation: str) -> float:
    """The critical beta for L to infinity, from how far the branches correlate along the layers.

    max(1/2, H), but two cases: `skip` with an activation of mean m > 0 adds up L times m, so 1; in
    `res3` with one of mean 0 the product of two noises correlates like k^(4H - 4), so
    max(1/2, 2H - 1).
    """
    odd = activation in ODD
    if structure == "skip" and not odd:
        return 1.0
    return max(0.5, 2.0 * hurst - 1.0 if structure == "res3" and odd else hurst)


def prefixes(depth: int) -> tuple[int, ...]:
    """The numbers of layers that the slope is taken over."""
    return tuple(depth >> halvings for halvings in range(HALVINGS, -1, -1))


def critical_scaling(
    hurst: float,
    structure: str,
    activation: str,
    *,
    width: int = 20,
    depth: int = 2000,
    draws: int = 24,
    seed: int = 0,
) -> CriticalScaling:
    """Slope of log |sum_{k < n} f_k(h_0)| on log n over prefixes n = L/16 .. L, over the draws.

    The weights are unit fractional Gaussian noise over d^(1/2), h_0 is standard normal. No grid in
    beta is searched: with the weights of one draw the sum of the branches grows by the very power
    that L^(-beta) has to take off. At finite L the estimate lies below its limit: by up to .07 for
    `res3` with H > 1/2, by up to .1 for `skip` with H < 1/2.

    Parameters
    ----------
    hurst
        H in (0, 1).
    structure, activation
        Names in `STRUCTURES` and `ACTIVATIONS`.
    width, depth
        d, and L >= 16.
    draws, seed
        Independent draws, at least 2; draw m has the streams of (seed, m), the same for all H.
    """
    slopes = np.array(
        [
            _slope(_branches(hurst, structure, activation, width, depth, (seed, draw)))
            for draw in range(draws)
        ]
    )
    error = float(slopes.std(ddof=1)) / math.sqrt(draws)
    found = mean_interval(slopes)
    return CriticalScaling(hurst, found, error, limit(hurst, structure, activation))


def _branches(
    hurst: float, structure: str, activation: str, width: int, depth: int, draw: tuple[int, int]
) -> Array:
    """f_k(h_0), (width, depth)."""
    seed, number = draw
    h = stream(seed, "inputs", number).standard_normal(width)
    value = ACTIVATIONS[activation].value

    def matrices() -> Matrices:
        generator = stream(seed, "blocks", number)
        while True:
            noise = fractional_noise(depth, hurst, repeat(generator, width * width))
            yield noise.reshape(width, width, depth) / math.sqrt(width)

    return STRUCTURES[structure](h, lambda z: value(torch.from_numpy(z)).numpy(), matrices())


def _slope(branches: Array) -> float:
    depths = np.array(prefixes(branches.shape[1]))
    sums = np.cumsum(branches, axis=1)[:, depths - 1]
    x, y = np.log(depths), np.log(np.linalg.norm(sums, axis=0))
    return float((x - x.mean()) @ y / np.square(x - x.mean()).sum())
