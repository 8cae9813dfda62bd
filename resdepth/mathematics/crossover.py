"""Trend and noise of one path, and the depth at which the noise takes over its 2-variation.

For a trend plus noise the 2-variation is a supremum over coarse partitions, which see the trend,
and fine ones, which see the noise:

    P2^2 ~ max(a^2, c L NOISE^2),

a the 2-variation norm of the trend, c = 2 for independent layers in high dimension. Both terms are
powers of L; the crossover depth L* is where they are equal. Near it P2 is up to 40 % off the
maximum, so that `PathParts.predicted` measures the sum of the trend and simulated noise instead.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from resdepth.mathematics import Array
from resdepth.mathematics.fractional import fractional_noise
from resdepth.mathematics.interval import LEVEL, UNKNOWN, Interval
from resdepth.mathematics.interventions import half_width
from resdepth.mathematics.pvariation import Numbers, p_variation_norm
from resdepth.mathematics.statistics import PathStatistics, moving_mean, noise_size

MOST_RESIDUALS = 256
"""Residuals that simulated noise is mixed from."""
ENDS_OF_H = 0.05, 0.95
"""Hurst exponents of simulated noise."""
VISIBLE = 0.25
"""Noise is visible if the third differences of the trend are below this share of the path's."""


@dataclass(frozen=True)
class PathParts:
    """2-variation norms of the parts of one path of depth L, unscaled.

    `trend` is a, corrected for what smoothing removes and leaves (simulated), `noise` that of the
    noise alone, (c L)^(1/2) NOISE, `predicted` that of the fitted trend plus simulated noise,
    `factor` is c. `noise` and what follows from it are NaN if the third differences, from which
    NOISE comes, are those of the trend: then the noise is not `visible`.
    """

    trend: float
    noise: float
    predicted: float
    factor: float
    visible: bool = True


UNKNOWN_PARTS = PathParts(math.nan, math.nan, math.nan, math.nan)
"""Of a path of fewer than 4 layers, or too large to hold."""


def path_parts(
    path: Numbers, found: PathStatistics, hurst: float = 0.5, seed: int = 0
) -> PathParts:
    """Separate trend and noise of `path` (L, D) with the statistics `found`.

    `hurst` is the index of the noise, best that of the deepest path of the same seed: at smaller
    depths the trend raises the estimate.
    """
    flat = path.reshape(len(path), -1).astype(np.float64)
    depth = len(flat)
    if depth < 4:
        return UNKNOWN_PARTS
    width = half_width(depth)
    trend = moving_mean(flat, width)
    if not noise_size(trend) < VISIBLE * found.NOISE:
        return PathParts(found.P2, math.nan, math.nan, math.nan, visible=False)
    index = 0.5 if math.isnan(hurst) else float(np.clip(hurst, *ENDS_OF_H))
    noise = simulated_noise(flat - trend, index, seed)
    noise *= found.NOISE / noise_size(noise)
    alone = p_variation_norm(noise, 2.0)
    first = p_variation_norm(trend, 2.0)
    # The same smoothing of a path whose trend is known shows its bias.
    second = p_variation_norm(moving_mean(trend + noise, width), 2.0)
    return PathParts(
        trend=first * first / second if second > 0 else 0.0,
        noise=alone,
        predicted=p_variation_norm(trend + noise, 2.0),
        factor=alone**2 / (depth * found.NOISE**2),
    )


def simulated_noise(residuals: Array, hurst: float, seed: int = 0) -> Array:
    """Gaussian noise (L, D) with the covariance of `residuals` (L, D) in each layer.

    Along the layers it is fractional Gaussian noise of index H.
    """
    random = np.random.default_rng([seed, 7])
    depth = len(residuals)
    if depth > MOST_RESIDUALS:
        residuals = residuals[random.choice(depth, MOST_RESIDUALS, replace=False)]
    generators = random.spawn(len(residuals))
    series = fractional_noise(depth, hurst, generators)
    noise: Array = series.T @ residuals / math.sqrt(len(residuals))
    return noise


def crossover_depth(depths: Array, trend: Array, noise: Array) -> Interval:
    """L* with its interval, from the norms of trend and noise (depths,) of one seed.

    NaN stands for what is not visible or not known.

    The log of their ratio is a line in log L; the interval is that of its zero (E. C. Fieller,
    J. R. Stat. Soc. B 16, 1954). Infinite if the noise never takes over or is not visible at the
    deepest depth, 0 if it always dominates.
    """
    there = np.isfinite(trend) & np.isfinite(noise)
    if np.isfinite(trend[-1]) and not there[-1]:
        return Interval(math.inf, math.inf, math.inf)
    if there.sum() < 2 or not np.all(trend[there] > 0):
        return UNKNOWN
    x, y = np.log(depths[there]), np.log(noise[there] / trend[there])
    middle, height, freedom = x.mean(), y.mean(), len(x) - 2
    square = float(np.square(x - middle).sum())
    slope = float((x - middle) @ y) / square
    value = _zero(middle - height / slope if slope > 0 else math.nan, height)
    if freedom < 1:
        return Interval(value, math.nan, math.nan)
    residuals = y - height - slope * (x - middle)
    variance = float(residuals @ residuals) / freedom
    margin = float(stdtrit(freedom, 0.5 + LEVEL / 2)) ** 2 * variance
    return Interval(value, *_fieller(middle, height, slope, margin, len(x), square))


def _fieller(
    middle: float, height: float, slope: float, margin: float, count: int, square: float
) -> tuple[float, float]:
    """Depths at which the line's confidence band contains 0, as far as the noise grows there."""
    # (height + slope u)^2 <= margin (1 / count + u^2 / square) with u = log L - middle.
    a, b = slope * slope - margin / square, height * slope
    c = height * height - margin / count
    if a > 0 and slope > 0:
        root = math.sqrt(max(b * b - a * c, 0.0))
        return tuple(_depth(middle + (-b + sign * root) / a) for sign in (-1, 1))  # type: ignore
    if a > 0:
        return (0.0, 0.0) if height > 0 else (math.inf, math.inf)
    # The sign of the slope is not known: one side, or both, are open.
    discriminant = b * b - a * c
    if discriminant <= 0 or c <= 0:
        return 0.0, math.inf
    root = math.sqrt(discriminant)
    ends = sorted((-b + sign * root) / a for sign in (-1, 1))
    # Noise dominates at the depths seen: L* lies below them; else above.
    return (0.0, _depth(middle + ends[0])) if height > 0 else (_depth(middle + ends[1]), math.inf)


def _zero(place: float, height: float) -> float:
    if not math.isnan(place):
        return _depth(place)
    return 0.0 if height > 0 else math.inf


def _depth(logarithm: float) -> float:
    """e^logarithm; depths that are no numbers of layers are 0 or infinite."""
    return 0.0 if logarithm < 0 else math.inf if logarithm > 60 else math.exp(logarithm)
