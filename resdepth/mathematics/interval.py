"""Means of repetitions with intervals by Student's t, and the effect of rounding on a fit."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from resdepth.mathematics import Array

LEVEL = 0.95  # Coverage of the intervals


@dataclass(frozen=True)
class MeanBand:
    """Mean over n repetitions, and sample deviation and interval of the mean (NaN for n = 1)."""

    mean: Array
    deviation: Array
    low: Array
    high: Array
    repetitions: int


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval; unknown bounds are NaN: all comparisons are false."""

    value: float
    low: float
    high: float

    @classmethod
    def around(cls, value: float, half: float) -> "Interval":
        """The interval of this half width."""
        return cls(value, value - half, value + half)

    @property
    def known(self) -> bool:
        """Whether both bounds are known."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def within(self, low: float, high: float) -> bool:
        """Whether the whole interval lies in [low, high]."""
        return low <= self.low and self.high <= high

    def outside(self, low: float, high: float) -> bool:
        """Whether the interval and [low, high] have nothing in common."""
        return self.high < low or self.low > high

    def __str__(self) -> str:
        bounds = f" [{three(self.low)}, {three(self.high)}]" if self.known else ""
        return f"{three(self.value)}{bounds}"


UNKNOWN = Interval(math.nan, math.nan, math.nan)  # A number that could not be estimated


def three(value: float) -> str:
    """Three decimals, a zero without a sign."""
    return f"{round(value, 3) + 0.0:.3f}"


def mean_interval(samples: Array) -> Interval:
    """Mean of the finite `samples` (n,) with its interval by Student's t."""
    found = samples[np.isfinite(samples)]
    if not len(found):
        return UNKNOWN
    band = mean_band(found[:, None])
    return Interval(float(band.mean[0]), float(band.low[0]), float(band.high[0]))


def mean_band(samples: Array) -> MeanBand:
    """Mean of `samples` (n, ...) over the first axis, and mean -+ t_{n-1} s / sqrt(n)."""
    count, mean = len(samples), samples.mean(axis=0)
    if count == 1:
        unknown = np.full_like(mean, np.nan)
        return MeanBand(mean, unknown, unknown, unknown, 1)
    deviation = samples.std(axis=0, ddof=1)
    half = stdtrit(count - 1, 0.5 + LEVEL / 2) * deviation / np.sqrt(count)
    return MeanBand(mean, deviation, mean - half, mean + half, count)


def rounding(logarithms: Array) -> float:
    """Bound on the error of each of `logarithms`, from the rounding of its argument and its own.

    It may move all n points in one direction: count it as residuals of sqrt(n) times this bound.
    """
    largest = float(np.abs(logarithms).max(initial=0.0))
    return 4.0 * float(np.finfo(np.float64).eps) * (1.0 + largest)
