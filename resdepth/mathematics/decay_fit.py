"""Power-law decay of a training curve: two filters and the fit of g(t) = C / (t + T0)^rho.

The fit minimises sum (log y - log g)^2. For fixed T0 that is a straight line in log(t + T0), so
the sum of squares depends on T0 alone (variable projection: Golub & Pereyra, SIAM J. Numer. Anal.
10, 1973). Every valley in the whole admissible range is searched: there is no starting point.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import f as fisher
from scipy.stats import t as student

from resdepth.mathematics import Array, refuse_masked
from resdepth.mathematics.interval import LEVEL, rounding

SCAN_POINTS = 400  # Values of T0 in the scan, evenly spaced in log(T0 + t_1)
SHIFT_RANGE = (1e-3, 1e2)
"""t_1 + T0 lies between 1e-3 times its value at T0 = 0 and 100 t_n more than that value."""
CONDITION_LIMIT = 1e8  # A scaled Jacobian with a larger condition number counts as singular

Reason = Literal[
    "",
    "too few points",
    "T0 at its bound",
    "covariance singular",
    "no decay: a constant describes the points as well",
    "the uncertainty of T0 exceeds the length of the record",
    "rho and T0 compensate each other: a decay without an exponent",
]
"""Why a fit is not identified; empty if it is."""
NO_DECAY: Reason = "no decay: a constant describes the points as well"


@dataclass(frozen=True)
class Estimate:
    """A parameter, its standard error (0 if fixed) and 95 % interval (Student's t), or NaN."""

    value: float
    standard_error: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class DecayFit:
    """g(t) = C / (t + T0)^rho; R^2 and residual deviation of log y; points used, and dropped."""

    C: Estimate
    T0: Estimate
    rho: Estimate
    r_squared: float
    residual_deviation: float
    points: int
    dropped: int
    reason: Reason

    @property
    def identified(self) -> bool:
        """Whether the data determine every fitted parameter."""
        return self.reason == ""

    def curve(self, t: Array) -> Array:
        """g(t), by logarithms, so that a large C does not overflow."""
        log_c = math.log(self.C.value) if self.C.value > 0 else math.nan
        return np.exp(log_c - self.rho.value * np.log(t + self.T0.value))


def window_filter(y: Array, window: int) -> NDArray[np.bool_]:
    """Points that remain if each full `window` (0: none) loses its first least and last largest."""
    refuse_masked(y=y)
    kept = np.ones(len(y), dtype=bool)
    if window:
        rows = y[: len(y) // window * window].reshape(-1, window)
        start = np.arange(len(rows)) * window
        kept[start + rows.argmin(1)] = False
        kept[start + window - 1 - rows[:, ::-1].argmax(1)] = False
    return kept


def filter_curve(t: Array, y: Array, window: int = 0, period: int = 0) -> tuple[Array, Array]:
    """Times and values that pass `window_filter`, without the n-th for n = period, 2 period, ..."""
    kept = window_filter(y, window)
    t, y, numbers = t[kept], y[kept], np.arange(1, kept.sum() + 1)
    kept = numbers % period != 0 if period else numbers > 0
    return t[kept], y[kept]


def _line(t: Array, log_y: Array, shift: float) -> tuple[float, float, Array]:
    """Least squares of log y on log(t + T0) for one T0: log C, rho and residuals."""
    abscissa = np.log(t + shift)
    centred = abscissa - abscissa.mean()
    square = float(centred @ centred)
    rho = -float(centred @ log_y) / square if square > 0 else 0.0
    log_c = float(log_y.mean() + rho * abscissa.mean())
    return log_c, rho, log_y - log_c + rho * abscissa


def _slope_of_profile(shift: float, t: Array, log_y: Array) -> float:
    # Half the derivative of the sum of squares at the optimum of the line (envelope theorem).
    _, rho, residuals = _line(t, log_y, shift)
    return float(residuals @ (rho / (t + shift)))


def _best_shift(t: Array, log_y: Array) -> tuple[float, bool]:
    """T0 of the smallest sum of squares, and whether it is an end of the admissible range."""
    first = float(t[0])
    # The unit is t_1 if it is positive, otherwise the first step.
    unit = first if first > 0 else float(t[1] - t[0])
    low, high = SHIFT_RANGE[0] * unit, SHIFT_RANGE[1] * max(float(t[-1]), unit) + unit
    grid = np.geomspace(low, high, SCAN_POINTS) - first
    slopes = np.array([_slope_of_profile(shift, t, log_y) for shift in grid])
    valleys = np.flatnonzero((slopes[:-1] < 0) & (slopes[1:] >= 0))
    shifts = [
        brentq(_slope_of_profile, grid[i], grid[i + 1], (t, log_y), xtol=1e-14) for i in valleys
    ]
    candidates = [(shift, False) for shift in shifts] + [(grid[0], True), (grid[-1], True)]
    return min(candidates, key=lambda c: float(np.sum(_line(t, log_y, c[0])[2] ** 2)))


def _standard_errors(columns: Sequence[Array], variance: float) -> list[float] | None:
    """Standard errors from the columns of a Jacobian; None if the covariance is singular."""
    jacobian = np.stack(columns, axis=1)
    scale = np.linalg.norm(jacobian, axis=0)
    if not (np.all(np.isfinite(scale)) and np.all(scale > 0)):
        return None
    singular = np.linalg.svd(jacobian / scale, compute_uv=False)
    if singular[-1] * CONDITION_LIMIT < singular[0]:
        return None
    root = np.linalg.inv(np.linalg.qr(jacobian / scale, mode="r"))
    errors: list[float] = (np.linalg.norm(root, axis=1) / scale * math.sqrt(variance)).tolist()
    return errors


def fit_decay(t: Array, y: Array, shift: float | None = None) -> DecayFit:
    """Fit C / (t + T0)^rho to points (t, y), (n,) each, by least squares of the logarithms.

    The times `t` increase; values `y` that are not positive or not finite are dropped and counted.
    `shift` is T0 if it is known (then t + T0 > 0 throughout), None infers it. Raises ValueError: t
    or y has masked entries. The standard errors are those of the linearised model; for the points
    that `window_filter` leaves they are too small, by about 12 % for windows of 27 normal
    residuals.

    The F-test against a constant decides whether there is a decay. An interval of rho that contains
    0 does not: for T0 long compared with the data, T0 and rho compensate each other.
    """
    refuse_masked(t=t, y=y)
    t, y = np.asarray(t, dtype=np.float64), np.asarray(y, dtype=np.float64)
    usable = np.isfinite(y) & (y > 0)
    t, log_y = t[usable], np.log(y[usable])
    counts = len(t), len(y) - len(t)
    inferred, parameters = shift is None, 3 if shift is None else 2
    freedom = len(t) - parameters
    if freedom < 0:
        t0 = _estimate(math.nan) if shift is None else Estimate(shift, 0.0, (shift, shift))
        c = rho = _estimate(math.nan)
        return DecayFit(c, t0, rho, math.nan, math.nan, *counts, "too few points")
    total = float(np.sum((log_y - log_y.mean()) ** 2))
    least = len(t) * rounding(log_y) ** 2
    at_bound = False
    if shift is None:
        if total <= least:
            # The points differ by rounding alone: rho is 0, and every T0 fits equally well.
            c, t0, rho = map(_estimate, (math.exp(float(log_y.mean())), math.nan, 0.0))
            return DecayFit(c, t0, rho, math.nan, 0.0, *counts, NO_DECAY)
        shift, at_bound = _best_shift(t, log_y)
    log_c, power, residuals = _line(t, log_y, shift)
    squares = float(residuals @ residuals)
    variance = squares / freedom if freedom > 0 else math.nan
    believed, quantile, errors = max(variance, least), math.nan, None
    if freedom > 0:
        quantile = float(student.ppf(0.5 + LEVEL / 2, freedom))
        # Of log C, which is of order one even if C overflows; of T0 if inferred; of rho.
        columns = [np.ones_like(t), -power / (t + shift), -np.log(t + shift)]
        errors = _standard_errors(columns if inferred else columns[::2], believed)
    of_log_c, *others = [math.nan] * parameters if errors is None else errors
    size = math.exp(log_c) if log_c < math.log(np.finfo(float).max) else math.inf
    c, rho = _estimate(size, size * of_log_c, quantile), _estimate(power, others[-1], quantile)
    t0 = _estimate(shift, others[0] if inferred else 0.0, quantile)
    gain = (total - squares) / (parameters - 1) / believed
    decays = gain > float(fisher.ppf(LEVEL, parameters - 1, freedom))
    reason: Reason = ""
    if freedom == 0:
        reason = "too few points"
    elif not decays and (inferred or errors is not None):
        reason = NO_DECAY
    elif at_bound:
        reason = "T0 at its bound"
    elif errors is None:
        reason = "covariance singular"
    elif inferred and t0.interval[1] - t0.value > float(t[-1]):
        reason = "the uncertainty of T0 exceeds the length of the record"
    elif inferred and rho.interval[0] <= 0.0 <= rho.interval[1]:
        reason = "rho and T0 compensate each other: a decay without an exponent"
    r_squared = 1.0 - squares / total if total > least else math.nan
    return DecayFit(c, t0, rho, r_squared, math.sqrt(variance), *counts, reason)


def _estimate(value: float, error: float = math.nan, quantile: float = math.nan) -> Estimate:
    return Estimate(value, error, (value - quantile * error, value + quantile * error))
