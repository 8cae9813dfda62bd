"""Regression data sets drawn from a function of one variable."""

import hashlib
import math
from collections.abc import Callable

import numpy as np
import torch

from resdepth.data.dataset import Dataset
from resdepth.errors import Usage
from resdepth.mathematics.random import stream

LARGEST_PHASE = 2.0**26
"""Up to here a rounding error of x, half a unit in the 53rd place, moves the sine by 1e-8."""


def half_width(samples: int, separation: float | None) -> float:
    """Half the width of the interval that x is drawn from.

    1 without a separation; else sqrt(K) with K = e^(-4c) / (8N), so that |x_i x_j| <= K for all
    pairs: Assumption (iii) of Cont, Rossier & Xu (arXiv 2204.07261).
    """
    return 1.0 if separation is None else math.sqrt(math.exp(-4.0 * separation) / (8.0 * samples))


def sine(
    samples: int, separation: float | None, frequency: float | str, seed: int, dtype: torch.dtype
) -> tuple[Dataset, Dataset]:
    """y = sin(frequency x); "period" stands for one period over the interval.

    Raises
    ------
    Usage
        The interval is too narrow for numbers of `dtype`, or frequency x too large for float64 to
        tell where in a period it lies.
    """
    half = half_width(samples, separation)
    largest = _largest_separation(samples, dtype)
    if separation is not None and separation > largest:
        raise Usage(
            "separation",
            f"{separation:g} leaves |x| < {half:.3g}, too small for {_name(dtype)}",
            f"at most {math.floor(largest)} for {samples} points",
        )
    omega = math.pi / half if isinstance(frequency, str) else frequency
    if abs(omega) * half > LARGEST_PHASE:
        raise Usage(
            "sin_frequency",
            f"{omega:g} x runs to {abs(omega) * half:.3g}, where rounding decides the sine",
            f"at most {LARGEST_PHASE / half:.3g}",
        )
    recipe = f"sin {frequency} x, separation {separation}"
    return _draw(samples, half, lambda x: np.sin(omega * x), seed, dtype, recipe)


def constant(samples: int, value: float, seed: int, dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    """y = value, x uniform on [-1, 1].

    Raises
    ------
    Usage
        `value` is beyond the largest number of `dtype`.
    """
    if abs(value) > torch.finfo(dtype).max:
        raise Usage(
            "target_value",
            f"{value:g} is beyond the largest {_name(dtype)}",
            "a smaller one, or `dtype=float64`",
        )
    recipe = f"constant {value}"
    return _draw(samples, 1.0, lambda x: np.full_like(x, value), seed, dtype, recipe)


def _largest_separation(samples: int, dtype: torch.dtype) -> float:
    """Where K, in float64, and sqrt(K), in `dtype`, are still normal numbers."""
    smallest = math.log(torch.finfo(torch.float64).smallest_normal)
    smallest = max(2.0 * math.log(torch.finfo(dtype).smallest_normal), smallest)
    return -(smallest + math.log(8.0 * samples)) / 4.0


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _draw(
    samples: int,
    half: float,
    function: Callable[[np.ndarray], np.ndarray],
    seed: int,
    dtype: torch.dtype,
    recipe: str,
) -> tuple[Dataset, Dataset]:
    parts = []
    for name in ("inputs", "validation"):
        x = stream(seed, name).uniform(-half, half, samples)
        y = function(x)
        inputs, targets = (torch.from_numpy(array).to(dtype) for array in (x[:, None], y))
        # The sine's last bit is the machine's; the recipe is not.
        known = hashlib.sha256(f"{recipe}, seed {seed}, {samples} {name}".encode()).hexdigest()
        parts.append(Dataset(inputs, targets, digest=known))
    return parts[0], parts[1]
