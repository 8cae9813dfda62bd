"""Power laws in the depth L of a statistic (seeds, depths), positive or NaN for missing cells."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, TypeVar

import numpy as np
from scipy.special import stdtrit

from resdepth.mathematics import Array
from resdepth.mathematics.interval import LEVEL, UNKNOWN, Interval, mean_interval, rounding

S = TypeVar("S")
FEWEST = 3  # Depths that a seed needs for its own slope (all of them if there are fewer)
FEW = "a seed with fewer than three depths (two if there are only two) has no slope"
"""Why an exponent excludes seeds."""


@dataclass(frozen=True)
class LocalSlope:
    """Slope between two neighbouring depths, with its interval over the seeds."""

    shallow: int
    deep: int
    slope: Interval


@dataclass(frozen=True)
class PowerLaw:
    """statistic = e^intercept L^exponent over the given depths: an *effective* exponent.

    If the interval of `bend` excludes 0, no interval covers the asymptotic exponent.
    """

    exponent: Interval
    intercept: float
    wider: Literal["seeds", "depths", ""]  # what the interval comes from; "" if it is unknown
    local: tuple[LocalSlope, ...]
    bend: Interval  # the mean quadratic coefficient times the range of log L
    seeds: int = 0
    excluded: int = field(default=0, compare=False)  # seeds with too few depths

    def at(self, depth: float) -> float:
        """The fitted line at depth L."""
        return math.exp(self.intercept + self.exponent.value * math.log(depth))

    @property
    def bends(self) -> bool:
        """Whether the bend's interval excludes 0."""
        return self.bend.outside(0.0, 0.0)

    @property
    def rests_on(self) -> str:
        """The number of seeds used, as in "3", or "1 of 3" if some are excluded."""
        return f"{self.seeds} of {self.seeds + self.excluded}" if self.excluded else f"{self.seeds}"


NOTHING = PowerLaw(UNKNOWN, math.nan, "", (), UNKNOWN)
"""The result for a statistic that is not positive, or for a single depth."""


def by_seed_and_depth(
    seeds: Sequence[S], depths: Sequence[int], values: Iterable[Any]
) -> tuple[tuple[S, ...], Array, Array]:
    """Seeds in order, depths ascending, `values` as (..., seeds, depths), NaN if missing.

    One number, or one array (...), belongs to each seed and depth. ValueError: two have the same.
    """
    names, places = list(dict.fromkeys(seeds)), sorted(set(depths))
    if len(set(zip(seeds, depths, strict=True))) < len(seeds):
        raise ValueError("two paths are of one seed and depth")
    numbers = np.array([*values], dtype=np.float64).T
    table = np.full((*numbers.shape[:-1], len(names), len(places)), np.nan)
    table[..., [*map(names.index, seeds)], [*map(places.index, depths)]] = numbers
    return tuple(names), np.array(places, dtype=np.float64), table


def power_law(depths: Array, values: Array) -> PowerLaw:
    """The power law of `values` (seeds, depths) in `depths` (depths,), which ascend.

    The interval is the wider of two by Student's t: over the S seeds' own slopes (S - 1 degrees of
    freedom: differences between seeds), and of the regression of the D means by depth (D - 2
    degrees: deviations common to a depth). Coverage: `benchmarks/verdict_errors.py`.

    With missing cells, means by depth are estimated together with an effect of each seed. `NOTHING`
    if a value is not positive, or fewer than two depths remain.
    """
    there = ~np.isnan(values)
    if np.any(values[there] <= 0) or np.any(np.isinf(values)):
        return NOTHING
    enough = there.sum(1) >= min(FEWEST, values.shape[1])
    kept = there[enough].any(0)
    x, y = np.log(depths[kept]), np.log(values[enough][:, kept])
    if len(x) < 2:
        return NOTHING
    slope, intercept, half = _regression(x, depth_means(y))
    known = y[~np.isnan(y)]
    # How far rounding of the logarithms may move a slope.
    rounded = rounding(known) * math.sqrt(len(x) / float(np.square(x - x.mean()).sum()))
    half = max(half, rounded) if math.isfinite(half) else half
    wider: Literal["seeds", "depths", ""] = "depths" if math.isfinite(half) else ""
    of_seeds = mean_interval(np.array([_coefficient(x, row, 1) for row in y]))
    if of_seeds.known and not of_seeds.high - of_seeds.value < half:
        half, wider = of_seeds.high - of_seeds.value, "seeds"
    bend = mean_interval(np.array([_coefficient(x, row, 2) for row in y]) * np.ptp(x))
    if bend.known:
        bend = Interval.around(bend.value, max(bend.high - bend.value, 4.0 * rounded))
    steps, ends = np.diff(y, axis=1) / np.diff(np.log(depths[kept])), depths[kept].astype(int)
    means = map(mean_interval, steps.T)
    local = tuple(LocalSlope(*pair, next(means)) for pair in pairwise(ends.tolist()))
    excluded = int(there.any(1).sum()) - len(y)
    exponent = Interval.around(slope, half)
    return PowerLaw(exponent, intercept, wider, local, bend, len(y), excluded)


def _coefficient(x: Array, row: Array, degree: Literal[1, 2]) -> float:
    """The leading coefficient of the polynomial fit to one seed's points; NaN for too few."""
    there = ~np.isnan(row)
    if there.sum() <= degree:
        return math.nan
    power = x[there] - x[there].mean()
    if degree == 2:
        # The part of the square orthogonal to constants and lines.
        square = power * power
        square -= square.mean()
        power = square - float(square @ power) / float(power @ power) * power
    return float(power @ row[there]) / float(power @ power)


def depth_means(y: Array) -> Array:
    """Mean by column of `y` (seeds, columns) with an effect of each seed, 0 over linked seeds."""
    there = ~np.isnan(y)
    if there.all():
        means: Array = y.mean(0)
        return means
    seeds, depths = np.nonzero(there)
    sets = np.unique(np.linalg.matrix_power(there @ there.T, len(y)), axis=0)
    matrix = np.zeros((len(seeds) + len(sets), sum(y.shape)))
    places = np.arange(len(seeds))
    matrix[places, seeds] = matrix[places, y.shape[0] + depths] = 1.0
    matrix[len(seeds) :, : y.shape[0]] = sets
    right = np.concatenate([y[there], np.zeros(len(sets))])
    found: Array = np.linalg.lstsq(matrix, right, rcond=None)[0]
    return found[y.shape[0] :]


def _regression(x: Array, y: Array) -> tuple[float, float, float]:
    """Slope, intercept, and half width of the slope's interval (NaN for two points)."""
    centred = x - x.mean()
    square = float(centred @ centred)
    slope = float(centred @ y) / square
    intercept = float(y.mean() - slope * x.mean())
    freedom = len(x) - 2
    if freedom < 1:
        return slope, intercept, math.nan
    residuals = y - y.mean() - slope * centred
    deviation = math.sqrt(float(residuals @ residuals) / freedom / square)
    return slope, intercept, float(stdtrit(freedom, 0.5 + LEVEL / 2)) * deviation
