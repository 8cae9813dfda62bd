"""Paths whose limit is known, and experiments drawn from them: the oracle of the verdict."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from resdepth.mathematics.exponents import Table
from resdepth.mathematics.fractional import fractional_noise
from resdepth.mathematics.limits import decide
from resdepth.mathematics.slopes import power_law
from resdepth.mathematics.statistics import STATISTICS, path_statistics

WIDTH = 100
"""Coordinates of a path: matrices of 10 x 10."""

Path = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class Kind:
    """A family of paths (depth, seed) -> (depth, WIDTH), and the limit that it shows."""

    limit: str
    path: Path


def times(depth: int) -> np.ndarray:
    return np.arange(depth)[:, None] / depth


def smooth(depth: int, seed: int, waves: int = 3) -> np.ndarray:
    """A random trigonometric polynomial of k/L, the same at every depth, of size 1."""
    random = np.random.default_rng([seed, 1])
    frequencies = np.pi * np.arange(waves + 1)
    parts = np.hstack([np.cos(times(depth) * frequencies), np.sin(times(depth) * frequencies)])
    return parts @ random.standard_normal((2 * waves + 2, WIDTH)) / np.sqrt(waves + 1)


def white(depth: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 2, depth]).standard_normal((depth, WIDTH))


def fractional(depth: int, seed: int, hurst: float) -> np.ndarray:
    """Increments over 1/L of fractional Brownian motion: of size L^(-H)."""
    generators = [np.random.default_rng([seed, 3, depth, i]) for i in range(WIDTH)]
    return depth**-hurst * fractional_noise(depth, hurst, generators).T


def spikes(depth: int, seed: int) -> np.ndarray:
    """Five layers of size 1, all others 0."""
    random = np.random.default_rng([seed, 4])
    path = np.zeros((depth, WIDTH))
    path[(depth * (np.arange(5) + random.uniform(0.2, 0.8, 5)) / 5).astype(int)] = (
        random.standard_normal((5, WIDTH))
    )
    return path


def jump(depth: int, seed: int) -> np.ndarray:
    place, height = 0.2 + 0.6 * np.random.default_rng([seed, 5]).random(), 2.0
    return height * (times(depth) > place) * np.ones(WIDTH)


def motion(depth: int, seed: int) -> np.ndarray:
    return np.cumsum(white(depth, seed), axis=0) / np.sqrt(depth)


def diffusive(depth: int, seed: int) -> np.ndarray:
    return white(depth, seed) / np.sqrt(depth)


KINDS: Mapping[str, Kind] = {
    "smooth": Kind("H1", smooth),
    "wiggly": Kind("H1", lambda n, s: smooth(n, s, waves=10)),
    "smooth, vanishing noise": Kind("H1", lambda n, s: smooth(n, s) + white(n, s) / n),
    "smooth, beta 1/2": Kind("H1", lambda n, s: smooth(n, s) / np.sqrt(n)),
    "diffusive": Kind("H2", diffusive),
    "diffusive, weak": Kind("H2", lambda n, s: smooth(n, s) + diffusive(n, s) / 2),
    "diffusive with a trend": Kind("H2", lambda n, s: smooth(n, s) + 2 * diffusive(n, s)),
    "diffusive, varying volatility": Kind(
        "H2", lambda n, s: (0.3 + 1.4 * times(n)) * diffusive(n, s)
    ),
    "fractional .3": Kind("neither", lambda n, s: fractional(n, s, 0.3)),
    "fractional .7": Kind("neither", lambda n, s: fractional(n, s, 0.7)),
    "fractional .3 with a trend": Kind(
        "neither", lambda n, s: smooth(n, s) + fractional(n, s, 0.3)
    ),
    "fractional .7 with a trend": Kind(
        "neither", lambda n, s: smooth(n, s) + 4 * fractional(n, s, 0.7)
    ),
    "sparse": Kind("neither", spikes),
    "sparse with a trend": Kind("neither", lambda n, s: smooth(n, s) + np.sqrt(n) * spikes(n, s)),
    "jump": Kind("neither", lambda n, s: smooth(n, s) + jump(n, s)),
    "Brownian path": Kind("neither", motion),
    "white": Kind("neither", white),
    "white with a trend": Kind("neither", lambda n, s: smooth(n, s) + white(n, s) / 2),
}
"""Kinds of paths by name, four of them smooth, four diffusive."""

DEPTHS = (64, 128, 256, 512, 1024)


def bank(kind: Kind, depths: Sequence[int], seeds: int) -> Table:
    """Statistics of `seeds` paths at every depth."""
    found = [[path_statistics(kind.path(n, s)) for n in depths] for s in range(seeds)]
    values = {
        name: np.array([[getattr(cell, name) for cell in row] for row in found])
        for name in STATISTICS
    }
    return Table(np.array(depths, dtype=float), tuple(range(seeds)), values)


def experiment(
    whole: Table, seeds: int, depths: int, random: np.random.Generator, noise: float = 0.1
) -> Table:
    """Some seeds of a bank at its shallowest depths, with noise on the log of every statistic."""
    rows = random.choice(len(whole.seeds), seeds, replace=False)
    values = {name: table[rows, :depths] for name, table in whole.values.items()}
    for name in STATISTICS:
        if name != "H":
            values[name] = values[name] * np.exp(noise * random.standard_normal((seeds, depths)))
    return Table(whole.depths[:depths], tuple(range(seeds)), values)


def trials(kind: Kind, whole: Table, seeds: int, depths: int, count: int) -> dict[str, int]:
    """How often the verdict was right, undecided and wrong."""
    random = np.random.default_rng([seeds, depths, count])
    counts = {"right": 0, "undecided": 0, "wrong": 0}
    for _ in range(count):
        limit = decide(experiment(whole, seeds, depths, random)).limit
        counts[limit if limit == "undecided" else "right" if limit == kind.limit else "wrong"] += 1
    return counts


SLOPE = 0.3
Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
DEVIATIONS: Mapping[str, Draw] = {
    "independent": lambda random, shape: random.standard_normal(shape),
    "slopes of the seeds": lambda random, shape: (
        random.standard_normal((shape[0], 1)) * LOG_DEPTHS + random.standard_normal(shape)
    ),
    "common to a depth": lambda random, shape: (
        random.standard_normal(shape[1]) + 0.3 * random.standard_normal(shape)
    ),
}
"""Deviations of the log of a statistic from a line, (seeds, depths), in units of their size."""
LOG_DEPTHS = np.log(2.0) * np.arange(4, 11)
"""Of the default study: L = 16 .. 1024."""


def covered(deviations: Draw, count: int, seeds: int = 5, size: float = 0.1) -> float:
    """How often the interval of a slope holds the true one."""
    random, depths = np.random.default_rng(count), np.exp(LOG_DEPTHS)
    inside = 0
    for _ in range(count):
        logs = SLOPE * LOG_DEPTHS + size * deviations(random, (seeds, len(depths)))
        found = power_law(depths, np.exp(logs)).exponent
        inside += found.low <= SLOPE <= found.high
    return inside / count
