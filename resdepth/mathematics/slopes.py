"""The power of the depth L that a statistic follows: exponent, interval, local slopes, bend.

A statistic is a table (seeds, depths) of positive numbers; NaN marks a cell that is missing.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from resdepth.mathematics.interval import UNKNOWN, Array, Interval, mean_interval
from resdepth.mathematics.rounding import rounding

LEVEL = 0.95
"""Coverage of the intervals."""
FEWEST = 3
"""Depths that a seed needs to have a slope of its own (all of them where there are fewer)."""


@dataclass(frozen=True)
class LocalSlope:
    """Slope between two neighbouring depths, its interval over the seeds."""

    shallow: int
    deep: int
    slope: Interval


@dataclass(frozen=True)
class PowerLaw:
    """statistic = e^intercept L^exponent over the depths at hand: an *effective* exponent.

    `wider` says which of the two intervals `exponent` has: that of the seeds' own slopes (they
    differ), or that of the regression of the means by depth (these do not lie on a line); empty
    where neither is known.
    `bend` is the mean over seeds of the quadratic coefficient of log on log times the range of
    log L: how far the slope at the deepest depth is from the one in the middle. Where its interval
    excludes 0 the exponent has not settled, and no interval covers the asymptotic one.
    `seeds` is how many seeds it rests on, `excluded` how many further ones have too few depths.
    """

    exponent: Interval
    intercept: float
    wider: Literal["seeds", "depths", ""]
    local: tuple[LocalSlope, ...]
    bend: Interval
    seeds: int = 0
    excluded: int = field(default=0, compare=False)

    def at(self, depth: float) -> float:
        """The fitted line at depth L."""
        return math.exp(self.intercept + self.exponent.value * math.log(depth))

    @property
    def bends(self) -> bool:
        """Whether the bend's interval excludes 0."""
        return self.bend.outside(0.0, 0.0)

    @property
    def rests_on(self) -> str:
        """The number of seeds that the exponent rests on, as in "3", or "1 of 3" if not on all."""
        return f"{self.seeds} of {self.seeds + self.excluded}" if self.excluded else f"{self.seeds}"


FEW = "a seed with fewer than three depths (two if there are only two) has no slope"
"""Why an exponent does not rest on all seeds; see `FEWEST`."""
NOTHING = PowerLaw(UNKNOWN, math.nan, "", (), UNKNOWN)
"""What is known of a statistic that is not positive, or of a single depth."""


def power_law(depths: Array, values: Array) -> PowerLaw:
    """The power of L that `values` (seeds, depths) follow; `depths` (depths,) ascend.

    The interval is the wider of two by Student's t: over the S seeds' own slopes (S - 1 degrees of
    freedom), and of the regression through the D means by depth (D - 2 degrees). The first knows
    that seeds differ, the second that a deviation may be common to all seeds of a depth. Coverage
    as measured: `benchmarks/verdict_errors.py`. Bootstraps over a handful of seeds undercover.

    With missing cells the means by depth are least-squares estimates beside an effect of each
    seed (of mean 0 in each set of seeds that depths in common connect); seeds with fewer than
    `FEWEST` depths are left out. `NOTHING` where a value that is there is not positive, or fewer
    than two depths are left.
    """
    there = ~np.isnan(values)
    if np.any(values[there] <= 0) or np.any(np.isinf(values)):
        return NOTHING
    enough = there.sum(1) >= min(FEWEST, values.shape[1])
    kept = there[enough].any(0)
    x, y = np.log(depths[kept]), np.log(values[enough][:, kept])
    if len(x) < 2:
        return NOTHING
    own = np.array([_coefficient(x, row, 1) for row in y])
    slope, intercept, half = _regression(x, _depth_means(y))
    wider: Literal["seeds", "depths", ""]
    least = _rounded(x, y)
    half = max(half, least) if math.isfinite(half) else half
    if (of_seeds := mean_interval(own)).known and not of_seeds.high - of_seeds.value < half:
        half, wider = of_seeds.high - of_seeds.value, "seeds"
    else:
        wider = "depths" if math.isfinite(half) else ""
    return PowerLaw(
        Interval(slope, slope - half, slope + half),
        intercept,
        wider,
        _local_slopes(depths[kept], y),
        _bend(x, y),
        len(y),
        int(there.any(1).sum()) - len(y),
    )


def _bend(x: Array, y: Array) -> Interval:
    """Mean over the seeds of the quadratic coefficient times the range of x."""
    found = mean_interval(np.array([_coefficient(x, row, 2) for row in y]) * np.ptp(x))
    half = max(found.high - found.value, 4.0 * _rounded(x, y))
    return Interval(found.value, found.value - half, found.value + half) if found.known else found


def _rounded(x: Array, y: Array) -> float:
    """What the rounding of the logarithms `y` alone may do to a slope on x."""
    known = y[~np.isnan(y)]
    return rounding(known) * math.sqrt(len(x) / float(np.square(x - x.mean()).sum()))


def _coefficient(x: Array, row: Array, degree: Literal[1, 2]) -> float:
    """The leading coefficient of the polynomial through one seed's points; NaN for too few."""
    there = ~np.isnan(row)
    if there.sum() <= degree:
        return math.nan
    power = x[there] - x[there].mean()
    if degree == 2:
        # What is left of the square beside a constant and a line.
        square = power * power
        square -= square.mean()
        power = square - float(square @ power) / float(power @ power) * power
    return float(power @ row[there]) / float(power @ power)


def _depth_means(y: Array) -> Array:
    """Mean by depth beside an effect of each seed, the effects' mean being 0.

    Seeds that no depth connects tell nothing of one another's effects: the mean is 0 in each set of
    connected ones, so that seeds without a depth in common are compared as they are.
    """
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
    goal = np.concatenate([y[there], np.zeros(len(sets))])
    found: Array = np.linalg.lstsq(matrix, goal, rcond=None)[0]
    return found[y.shape[0] :]


def _regression(x: Array, y: Array) -> tuple[float, float, float]:
    """Slope, intercept and half the slope's interval (NaN for two points)."""
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


def _local_slopes(depths: Array, y: Array) -> tuple[LocalSlope, ...]:
    steps = np.diff(y, axis=1) / np.diff(np.log(depths))
    return tuple(
        LocalSlope(int(depths[i]), int(depths[i + 1]), mean_interval(steps[:, i]))
        for i in range(len(depths) - 1)
    )
