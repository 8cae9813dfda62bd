"""Residual networks whose limit as a function is known: the oracle of the function's verdict."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from resdepth.mathematics.function_limit import FunctionLimit, function_limit, geometric_mean
from resdepth.mathematics.interval import Interval
from resdepth.mathematics.interventions import (
    output_change,
    pair_order,
    shuffled_order,
    smoothed,
)
from resdepth.mathematics.slopes import power_law
from tests.support.synthetic import Path, diffusive, fractional, smooth, spikes, white

D = 10
"""Width of the networks: paths have D * D coordinates."""
SAMPLES = 50
DRAWS = {"pair": 8, "shuffle": 4}
"""Draws per network, as the product takes them."""

Sigma = Callable[[np.ndarray], np.ndarray]


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


@dataclass(frozen=True)
class FunctionKind:
    """A family of networks h' = h + L^(-alpha) sigma(A_k h / D^(1/2)), and the limit it shows.

    `borderline`: its slopes at L = 16 .. 1024 are near those of another limit.
    """

    limit: str
    path: Path
    alpha: float
    sigma: Sigma = np.tanh
    borderline: bool = False


def noisy(share: float) -> Path:
    return lambda n, s: smooth(n, s) + share * white(n, s)


def driver(hurst: float) -> Path:
    return lambda n, s: fractional(n, s, hurst)


def spiked(depth: int, seed: int) -> np.ndarray:
    return smooth(depth, seed) + np.sqrt(depth) * spikes(depth, seed)


FUNCTIONS: Mapping[str, FunctionKind] = {
    "curve, tanh": FunctionKind("curve", smooth, 1.0),
    "curve, relu": FunctionKind("curve", smooth, 1.0, relu),
    "mean field, tanh": FunctionKind("mean-field", noisy(1.0), 1.0),
    "mean field, relu": FunctionKind("mean-field", noisy(1.0), 1.0, relu),
    "mean field, white, relu": FunctionKind("mean-field", white, 1.0, relu),
    "noise of 10 %, tanh": FunctionKind("mean-field", noisy(0.1), 1.0, borderline=True),
    "noise of 10 %, relu": FunctionKind("mean-field", noisy(0.1), 1.0, relu, borderline=True),
    "noise of 2 %, tanh": FunctionKind("mean-field", noisy(0.02), 1.0, borderline=True),
    "noise of 2 %, relu": FunctionKind("mean-field", noisy(0.02), 1.0, relu, borderline=True),
    "SDE": FunctionKind("realisation", diffusive, 0.0),
    "fractional .7": FunctionKind("realisation", driver(0.7), 0.0, borderline=True),
    "fractional .8": FunctionKind("realisation", driver(0.8), 0.0, borderline=True),
    "fractional .9": FunctionKind("realisation", driver(0.9), 0.0, borderline=True),
    "sparse": FunctionKind("none", spikes, 0.0),
    # Bounded by sigma, spikes move the state by 1/L each: the function is that of the trend.
    "spikes on a curve": FunctionKind("curve", spiked, 1.0, borderline=True),
}
"""Kinds of networks by name."""


def last_states(weights: np.ndarray, h0: np.ndarray, alpha: float, sigma: Sigma) -> np.ndarray:
    """The last hidden states (R, N, d) of networks with `weights` (R, L, d, d)."""
    depth = weights.shape[1]
    h = np.broadcast_to(h0, (len(weights), *h0.shape)).copy()
    turned = np.ascontiguousarray(weights.transpose(1, 0, 3, 2))
    for blocks in turned:
        h += depth**-alpha * sigma(h @ blocks)
    return h


def output_changes(kind: FunctionKind, depth: int, seed: int) -> dict[str, float]:
    """Geometric mean over draws of the output changes of one network, by intervention."""
    blocks = kind.path(depth, seed).reshape(depth, D, D) / np.sqrt(D)
    h0 = np.random.default_rng([seed, 8]).standard_normal((SAMPLES, D))
    random = np.random.default_rng([seed, 9, depth])
    pairs = [blocks[pair_order(depth, random)] for _ in range(DRAWS["pair"])]
    shuffles = [blocks[shuffled_order(depth, random)] for _ in range(DRAWS["shuffle"])]
    weights = np.stack([blocks, smoothed(blocks), *pairs, *shuffles])
    states = last_states(weights, h0, kind.alpha, kind.sigma)
    changes = output_change(states[0], h0, states[1:])
    parts = np.split(changes, [1, 1 + len(pairs)])
    return dict(zip(("smooth", "pair", "shuffle"), map(geometric_mean, parts), strict=True))


def participation(kind: FunctionKind, depths: Sequence[int], seed: int) -> Interval:
    """The exponent of the participation ratio of the norms of the layers."""
    ratios = []
    for depth in depths:
        squares = np.square(kind.path(depth, seed)).sum(1)
        ratios.append(squares.mean() ** 2 / np.square(squares).mean())
    return power_law(np.array(depths, dtype=float), np.array([ratios])).exponent


def measured(kind: FunctionKind, depths: Sequence[int], seeds: int) -> FunctionLimit:
    """The verdict on `seeds` networks of a kind at every depth."""
    cells = [[output_changes(kind, n, s) for n in depths] for s in range(seeds)]
    changes = {
        name: np.array([[cell[name] for cell in row] for row in cells])
        for name in ("smooth", "pair", "shuffle")
    }
    ratios = {s: participation(kind, depths, s) for s in range(seeds)}
    return function_limit(np.array(depths, dtype=float), changes, tuple(range(seeds)), ratios)


def judged(kind: FunctionKind, found: FunctionLimit) -> dict[str, int]:
    """How many seeds were right, undecided and wrong."""
    counts = {"right": 0, "undecided": 0, "wrong": 0}
    for seed in found.by_seed.values():
        right = "right" if seed.verdict == kind.limit else "wrong"
        counts["undecided" if seed.verdict == "undecided" else right] += 1
    return counts
