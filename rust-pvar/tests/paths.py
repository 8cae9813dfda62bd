"""Random paths of many kinds, by name."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def _smooth(rng: np.random.Generator, n: int, d: int) -> Array:
    t = np.linspace(0, 1, n)[:, None]
    curve = np.sin(2 * np.pi * (rng.uniform(0.5, 1.5, d) * t + rng.random(d)))
    return curve + 0.01 * rng.standard_normal((n, d))


def _plateaus(rng: np.random.Generator, n: int, d: int) -> Array:
    return np.repeat(rng.standard_normal((n, d)), rng.integers(1, 5, n), axis=0)[:n]


def _tiny_noise(rng: np.random.Generator, n: int, d: int) -> Array:
    return np.outer(np.arange(n) % 7, np.ones(d)) + 1e-9 * rng.standard_normal((n, d))


def _one_jump(rng: np.random.Generator, n: int, d: int) -> Array:
    path = 1e-7 * rng.standard_normal((n, d))
    path[n // 2 :] += 1.0
    return path


KINDS: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "brownian": lambda rng, n, d: rng.standard_normal((n, d)).cumsum(axis=0),
    "iid": lambda rng, n, d: rng.standard_normal((n, d)),
    "smooth": _smooth,
    "line": lambda rng, n, d: np.outer(np.arange(n), rng.standard_normal(d)),
    "lattice": lambda rng, n, d: rng.integers(-1, 2, (n, d)).cumsum(axis=0).astype(np.float64),
    "zigzag": lambda rng, n, d: np.outer((-1.0) ** np.arange(n) * np.arange(n), np.ones(d)),
    "plateaus": _plateaus,
    "far from the origin": lambda rng, n, d: rng.standard_normal((n, d)).cumsum(axis=0) + 1e8,
    "tiny noise": _tiny_noise,
    "one jump": _one_jump,
}


def draw(kind: str, n: int, d: int, seed: int) -> Array:
    """A path of ``n`` points in R^d of one kind."""
    return KINDS[kind](np.random.default_rng(seed), n, d)
