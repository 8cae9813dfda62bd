"""Regression data sets drawn from a function of one variable."""

import math
from collections.abc import Callable

import numpy as np
import torch

from resdepth.data.dataset import Dataset
from resdepth.mathematics.random import stream


def half_width(samples: int, separation: float | None) -> float:
    """Half the width of the interval that x is drawn from.

    1 without a separation; else sqrt(K) with K = e^(-4c) / (8N), so that |x_i x_j| <= K for all
    pairs: Assumption (iii) of Cont, Rossier & Xu (arXiv 2204.07261).
    """
    return 1.0 if separation is None else math.sqrt(math.exp(-4.0 * separation) / (8.0 * samples))


def sine(
    samples: int, separation: float | None, frequency: float | str, seed: int, dtype: torch.dtype
) -> tuple[Dataset, Dataset]:
    """y = sin(frequency x); "period" stands for one period over the interval."""
    half = half_width(samples, separation)
    omega = math.pi / half if isinstance(frequency, str) else frequency
    return _draw(samples, half, lambda x: np.sin(omega * x), seed, dtype)


def constant(samples: int, value: float, seed: int, dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    """y = value, x uniform on [-1, 1]."""
    return _draw(samples, 1.0, lambda x: np.full_like(x, value), seed, dtype)


def _draw(
    samples: int,
    half: float,
    function: Callable[[np.ndarray], np.ndarray],
    seed: int,
    dtype: torch.dtype,
) -> tuple[Dataset, Dataset]:
    parts = []
    for name in ("inputs", "validation"):
        x = stream(seed, name).uniform(-half, half, samples)
        parts.append(
            Dataset(torch.from_numpy(x[:, None]).to(dtype), torch.from_numpy(function(x)).to(dtype))
        )
    return parts[0], parts[1]
