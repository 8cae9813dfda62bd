"""How a quantity grows with the depth L: the exponent of a power law."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from resdepth.mathematics.rounding import rounding

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Growth:
    """value = factor L^exponent; `standard_error` is NaN for two depths, which fit a line."""

    exponent: float
    standard_error: float
    factor: float
    depths: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the exponent by Student's t; NaN for two depths."""
        if self.depths < 3:
            return math.nan, math.nan
        half = float(student.ppf(0.975, self.depths - 2)) * self.standard_error
        return self.exponent - half, self.exponent + half


def growth_exponent(depths: Array, values: Array) -> Growth | None:
    """Slope of log(values) on log(depths) by least squares, one point a depth.

    None where fewer than two different depths have a positive, finite value.
    """
    usable = np.isfinite(values) & (values > 0)
    x, y = np.log(depths[usable]), np.log(values[usable])
    if len(x) < 2 or np.ptp(x) == 0.0:
        return None
    centred = x - x.mean()
    square = float(centred @ centred)
    slope = float(centred @ y) / square
    residuals = y - y.mean() - slope * centred
    freedom = len(x) - 2
    least = len(x) * rounding(y) ** 2
    variance = max(float(residuals @ residuals) / freedom, least) if freedom else math.nan
    intercept = float(y.mean() - slope * x.mean())
    return Growth(slope, math.sqrt(variance / square), math.exp(intercept), len(x))
