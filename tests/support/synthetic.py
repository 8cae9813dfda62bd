"""Paths whose limit is known, and experiments drawn from them: the oracle of the verdict."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from resdepth.mathematics.crossover import path_parts
from resdepth.mathematics.exponents import Table
from resdepth.mathematics.fractional import fractional_noise
from resdepth.mathematics.limits import Parts, WeightsLimit, decide
from resdepth.mathematics.pvariation import p_variation_norm
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
    "smooth": Kind("smooth", smooth),
    "wiggly": Kind("smooth", lambda n, s: smooth(n, s, waves=10)),
    "smooth, vanishing noise": Kind("smooth", lambda n, s: smooth(n, s) + white(n, s) / n),
    "smooth, beta 1/2": Kind("smooth", lambda n, s: smooth(n, s) / np.sqrt(n)),
    "diffusive": Kind("diffusive", diffusive),
    "diffusive, weak": Kind("diffusive", lambda n, s: smooth(n, s) + diffusive(n, s) / 2),
    "diffusive with a trend": Kind("diffusive", lambda n, s: smooth(n, s) + 2 * diffusive(n, s)),
    "diffusive, varying volatility": Kind(
        "diffusive", lambda n, s: (0.3 + 1.4 * times(n)) * diffusive(n, s)
    ),
    "fractional .3": Kind("rough", lambda n, s: fractional(n, s, 0.3)),
    "fractional .7": Kind("rough", lambda n, s: fractional(n, s, 0.7)),
    "fractional .3 with a trend": Kind("rough", lambda n, s: smooth(n, s) + fractional(n, s, 0.3)),
    "fractional .7 with a trend": Kind(
        "rough", lambda n, s: smooth(n, s) + 4 * fractional(n, s, 0.7)
    ),
    "sparse": Kind("other", spikes),
    "sparse with a trend": Kind("other", lambda n, s: smooth(n, s) + np.sqrt(n) * spikes(n, s)),
    "jump": Kind("other", lambda n, s: smooth(n, s) + jump(n, s)),
    "Brownian path": Kind("rough", motion),
    "white": Kind("rough", white),
    "white with a trend": Kind("rough", lambda n, s: smooth(n, s) + white(n, s) / 2),
}
"""Kinds of paths by name, four of them smooth, four diffusive."""


def noisy(share: float) -> Path:
    """A trend with independent noise of `share` of its size."""

    def path(depth: int, seed: int) -> np.ndarray:
        size = np.sqrt(np.square(smooth(2048, seed)).mean())
        return smooth(depth, seed) + share * size * white(depth, seed)

    return path


SMALL_NOISE: Mapping[str, Kind] = {
    f"noise of {100 * share:g} %": Kind("rough", noisy(share)) for share in (0.01, 0.02, 0.05, 0.1)
}
"""Rough paths whose noise takes over at L = 100 (10 %) to 10,000 (1 %)."""
DIFFERENT = ("white", "diffusive", "fractional .7", "white with a trend", "jump")
"""Kinds that a mixed study has beside smooth ones."""

DEPTHS = (64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Bank:
    """Statistics, and trend and noise, of some seeds at every depth."""

    table: Table
    parts: Parts

    def drawn(self, seeds: int, depths: int, random: np.random.Generator) -> "Bank":
        """Some seeds at the shallowest depths."""
        rows = random.choice(len(self.table.seeds), seeds, replace=False)
        values = {name: values[rows, :depths] for name, values in self.table.values.items()}
        parts = [x[rows, :depths] for x in (self.parts.trend, self.parts.noise, self.parts.visible)]
        return Bank(Table(self.table.depths[:depths], tuple(range(seeds)), values), Parts(*parts))

    def joined(self, other: "Bank") -> "Bank":
        """The seeds of both."""
        values = {
            name: np.concatenate([rows, other.table.values[name]])
            for name, rows in self.table.values.items()
        }
        parts = [
            np.concatenate([getattr(self.parts, name), getattr(other.parts, name)])
            for name in ("trend", "noise", "visible")
        ]
        seeds = tuple(range(len(self.table.seeds) + len(other.table.seeds)))
        return Bank(Table(self.table.depths, seeds, values), Parts(*parts))

    def perturbed(self, random: np.random.Generator, size: float = 0.1) -> "Bank":
        """With noise on the log of every statistic; that of `NOISE` is on the noise as well."""
        shape = self.parts.trend.shape
        factors = {name: np.exp(size * random.standard_normal(shape)) for name in STATISTICS}
        factors["H"] = np.ones(shape)
        values = {name: rows * factors[name] for name, rows in self.table.values.items()}
        trend = self.parts.trend * np.exp(size * random.standard_normal(shape))
        parts = Parts(trend, self.parts.noise * factors["NOISE"], self.parts.visible)
        return Bank(Table(self.table.depths, self.table.seeds, values), parts)

    def verdict(self) -> WeightsLimit:
        return decide(self.table, self.parts)


def bank(kind: Kind, depths: Sequence[int], seeds: int) -> Bank:
    """Statistics and parts of `seeds` paths at every depth, as `model_scaling` computes them."""
    found, parts = [], []
    for seed in range(seeds):
        paths = [kind.path(depth, seed) for depth in depths]
        found.append([path_statistics(path) for path in paths])
        known = [one.H for one in found[-1] if one.H == one.H]
        hurst = known[-1] if known else np.nan
        parts.append([path_parts(*pair, hurst) for pair in zip(paths, found[-1], strict=True)])
    values = {
        name: np.array([[getattr(cell, name) for cell in row] for row in found])
        for name in STATISTICS
    }
    table = Table(np.array(depths, dtype=float), tuple(range(seeds)), values)
    separated = [
        np.array([[getattr(cell, name) for cell in row] for row in parts])
        for name in ("trend", "noise", "visible")
    ]
    return Bank(table, Parts(*separated))


def experiment(
    whole: Bank, seeds: int, depths: int, random: np.random.Generator, noise: float = 0.1
) -> Bank:
    """Some seeds of a bank at its shallowest depths, with noise on the log of every statistic."""
    return whole.drawn(seeds, depths, random).perturbed(random, noise)


def trials(whole: Bank, seeds: int, depths: int, count: int) -> Counter[str]:
    """How often experiments with seeds of one kind had each verdict."""
    random = np.random.default_rng([seeds, depths, count])
    return Counter(experiment(whole, seeds, depths, random).verdict().verdict for _ in range(count))


def mixed_trials(one: Bank, other: Bank, sizes: tuple[int, int], count: int) -> Counter[str]:
    """How often experiments with seeds of two kinds had each verdict."""
    random, depths = np.random.default_rng([*sizes, count]), len(one.table.depths)
    found: Counter[str] = Counter()
    for _ in range(count):
        parts = (x.drawn(n, depths, random) for x, n in zip((one, other), sizes, strict=True))
        first, second = parts
        found[first.joined(second).perturbed(random).verdict().verdict] += 1
    return found


def true_crossover(share: float, seed: int) -> float:
    """L* of `noisy(share)`: the norm of the noise is that of the curve; c is from other noise."""
    curve = smooth(2048, seed)
    c = p_variation_norm(white(512, 99), 2.0) ** 2 / (512 * WIDTH)
    variance = share**2 * np.square(curve).mean() * WIDTH
    return p_variation_norm(curve, 2.0) ** 2 / (c * variance)


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
