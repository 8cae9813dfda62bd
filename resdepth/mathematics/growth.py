"""Whether a statistic is bounded or grows with the depth L, seed by seed.

A power law fitted to values that saturate has a small positive exponent with a narrow interval. The
slope at the deepest depth, from a parabola through the logarithms, tells the two apart.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from resdepth.mathematics import Array
from resdepth.mathematics.interval import LEVEL, UNKNOWN, Interval
from resdepth.mathematics.slopes import power_law

FLAT = 0.05
"""A slope below this at the deepest depth, or a power law below it, is no growth."""
FEWEST = 4
"""Depths that a seed needs."""
Growth = Literal["bounded", "grows", "undecided"]


@dataclass(frozen=True)
class SeedGrowth:
    """What one seed shows: verdict, effective exponent, slope at the deepest depth."""

    verdict: Growth
    exponent: Interval
    last: Interval


@dataclass(frozen=True)
class GrowthTable:
    """What all seeds show over the depths `first` to `last`, and each of them."""

    verdict: Growth
    first: int
    last: int
    by_seed: Mapping[int | str, SeedGrowth]

    def sentence(self, name: str) -> str:
        """The verdict on the statistic `name` in words."""
        depths = f"L = {self.first} … {self.last}"
        counts = Counter(seed.verdict for seed in self.by_seed.values())
        seeds = ", ".join(f"{count} {word}" for word, count in counts.most_common())
        if self.verdict == "bounded":
            return f"{name} is bounded over {depths} ({seeds})"
        if self.verdict == "grows":
            slopes = [seed.last.value for seed in self.by_seed.values() if seed.verdict == "grows"]
            low, high = min(slopes), max(slopes)
            power = f"L^{low:.2f}" if high - low < 0.005 else f"L^{low:.2f} to L^{high:.2f}"
            return f"{name} grows like {power} near L = {self.last} ({seeds})"
        return f"{name} is undecided for {depths} ({seeds})"


def growth_table(depths: Array, values: Array, seeds: tuple[int | str, ...]) -> GrowthTable:
    """The growth of `values` (seeds, depths), NaN for missing cells.

    The verdict on all seeds is that of the decided ones if they agree and are more than half.
    """
    found = {name: _growth(depths, row) for name, row in zip(seeds, values, strict=True)}
    counts = Counter(seed.verdict for seed in found.values() if seed.verdict != "undecided")
    verdict: Growth = "undecided"
    if len(counts) == 1 and 2 * counts.total() > len(found):
        verdict = next(iter(counts))
    return GrowthTable(verdict, int(depths[0]), int(depths[-1]), found)


def _growth(depths: Array, row: Array) -> SeedGrowth:
    there = np.isfinite(row) & (row > 0)
    if there.sum() < FEWEST:
        return SeedGrowth("undecided", UNKNOWN, UNKNOWN)
    exponent = power_law(depths[there], row[None, there]).exponent
    last = end_slope(np.log(depths[there]), np.log(row[there]))
    if last.high < FLAT:
        return SeedGrowth("bounded", exponent, last)
    if last.low > 0 and last.value > FLAT:
        return SeedGrowth("grows", exponent, last)
    return SeedGrowth("undecided", exponent, last)


def end_slope(x: Array, y: Array) -> Interval:
    """Slope at the last x of the parabola through points (x, y), by least squares.

    The interval is by Student's t with n - 3 degrees of freedom.
    """
    u = x - x[-1]
    matrix = np.stack([np.ones_like(u), u, u * u], 1)
    coefficients, *_ = np.linalg.lstsq(matrix, y, rcond=None)
    freedom = len(x) - 3
    value = float(coefficients[1])
    if freedom < 1:
        return Interval(value, math.nan, math.nan)
    residuals = y - matrix @ coefficients
    variance = float(residuals @ residuals) / freedom * np.linalg.inv(matrix.T @ matrix)[1, 1]
    half = float(stdtrit(freedom, 0.5 + LEVEL / 2)) * math.sqrt(float(variance))
    return Interval(value, value - half, value + half)
