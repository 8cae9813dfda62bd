"""Mean of repetitions with its band by Student's t."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MeanBand:
    """Mean over n repetitions, sample deviation, and the interval of the mean.

    With one repetition `deviation`, `low` and `high` are NaN: nothing is known about the spread.
    """

    mean: Array
    deviation: Array
    low: Array
    high: Array
    repetitions: int


def mean_band(samples: Array, level: float = 0.95) -> MeanBand:
    """Mean of `samples` (n, ...) over the first axis, and mean -+ t_{n-1} s / sqrt(n)."""
    count = len(samples)
    mean = samples.mean(axis=0)
    if count == 1:
        unknown = np.full_like(mean, np.nan)
        return MeanBand(mean, unknown, unknown, unknown, 1)
    deviation = samples.std(axis=0, ddof=1)
    half = student.ppf(0.5 + level / 2, count - 1) * deviation / np.sqrt(count)
    return MeanBand(mean, deviation, mean - half, mean + half, count)
