"""Whether seeds share one exponent: an F test that a bend common to all seeds does not affect."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from resdepth.mathematics import Array

LEVEL = 0.01
"""Seeds differ if the p-value is below this."""


@dataclass(frozen=True)
class Agreement:
    """F statistic of different slopes of the seeds, with its degrees of freedom and p-value."""

    statistic: float
    freedom: tuple[int, int]
    p_value: float

    @property
    def rejected(self) -> bool:
        """Whether the seeds do not share one exponent."""
        return self.p_value < LEVEL


UNTESTED = Agreement(math.nan, (0, 0), math.nan)
"""The result for one seed, two depths, or a value that is not positive."""


def agreement(depths: Array, values: Array) -> Agreement:
    """Test of seed x log L in log `values` (seeds, depths), NaN for missing cells.

    The null model has an effect of every seed and of every depth, the alternative also one slope
    per seed; without missing cells the degrees of freedom are S - 1 and (S - 1)(D - 2).
    """
    there = ~np.isnan(values)
    there &= (there.sum(1) > 1)[:, None]
    if np.any(values[there] <= 0) or np.any(np.isinf(values)) or not there.any():
        return UNTESTED
    seeds, places = np.nonzero(there)
    x, y = np.log(depths)[places], np.log(values[there])
    count = len(values)
    of_seed = (seeds[:, None] == np.arange(count)).astype(float)
    of_depth = (places[:, None] == np.arange(len(depths))).astype(float)
    null = np.hstack([of_seed, of_depth])
    less, rank = _residual(null, y)
    more, full = _residual(np.hstack([null, of_seed * (x - x.mean())[:, None]]), y)
    first, second = full - rank, len(y) - full
    if first < 1 or second < 1:
        return UNTESTED
    # Rounding leaves a residual even where every seed follows its own line.
    floor = len(y) * (8 * np.finfo(float).eps * (1 + np.abs(y).max())) ** 2
    statistic = (max(less - more, 0.0) / first) / (max(more, floor) / second)
    return Agreement(statistic, (first, second), float(fdtrc(first, second, statistic)))


def _residual(matrix: Array, y: Array) -> tuple[float, int]:
    """Sum of squared residuals of the least squares fit, and the rank of the matrix."""
    found, _, rank, _ = np.linalg.lstsq(matrix, y, rcond=None)
    return float(np.square(y - matrix @ found).sum()), int(rank)
