"""Data sets that need no files of the user: handwritten digits, and functions of one variable.

The digits are 1,797 images of 8 x 8 pixels with values 0 to 16: E. Alpaydin and C. Kaynak, "Optical
Recognition of Handwritten Digits", UCI Machine Learning Repository, CC BY 4.0 (its test part).
"""

import hashlib
import math
from collections.abc import Callable
from importlib.resources import files

import numpy as np
import torch

from resdepth.data.dataset import Dataset, Pixels, digest
from resdepth.errors import Usage
from resdepth.mathematics.random import stream

HIGHEST, MEAN, STD = 16.0, (0.3053,), (0.3763,)
"""Largest value of a pixel of the digits, and their mean and deviation as shares of it."""
Function = Callable[[np.ndarray], np.ndarray]
LARGEST_PHASE = 2.0**26
"""Largest phase of a sine: a rounding error of x, 2^-53 of it, changes the sine by 1e-8."""


def digits(dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    """Training (1,437) and validation set (360): every fifth image in the order of the classes."""
    with files(__package__).joinpath("digits.npz").open("rb") as source:
        archive = np.load(source, allow_pickle=False)
        images, labels = archive["images"], archive["labels"].astype(np.int64)
    held_out = np.zeros(len(labels), dtype=bool)
    held_out[np.argsort(labels, kind="stable")[::5]] = True
    classes = tuple(str(digit) for digit in range(10))

    def part(chosen: np.ndarray) -> Dataset:
        x, y = images[chosen], labels[chosen]
        tensors = torch.from_numpy(x[:, None]), torch.from_numpy(y)
        pixels = Pixels(*tensors, classes, digest(x, y, classes))
        return pixels.normalised(HIGHEST, MEAN, STD, dtype)

    return part(~held_out), part(held_out)


def sine(
    samples: int, separation: float | None, frequency: float | str, seed: int, dtype: torch.dtype
) -> tuple[Dataset, Dataset]:
    """y = sin(frequency x), x uniform; a `frequency` of "period" is one period over the interval.

    The interval is [-1, 1], or with a `separation` c [-sqrt(K), sqrt(K)], K = e^(-4c) / (8N), so
    that |x_i x_j| <= K for all pairs: Assumption (iii) of Cont, Rossier & Xu (arXiv 2204.07261).

    Raises Usage if the interval is too narrow for `dtype`, or the frequency too high for float64.
    """
    half = 1.0
    if separation is not None:
        half = math.sqrt(math.exp(-4.0 * separation) / (8.0 * samples))
        # The largest at which K in float64 and sqrt(K) in `dtype` are still normal numbers.
        tiny = math.log(torch.finfo(torch.float64).smallest_normal)
        tiny = max(2.0 * math.log(torch.finfo(dtype).smallest_normal), tiny)
        largest = -(tiny + math.log(8.0 * samples)) / 4.0
        if separation > largest:
            what = f"{separation:g} leaves |x| < {half:.3g}, too small for {_name(dtype)}"
            raise Usage("separation", what, f"at most {math.floor(largest)} for {samples} points")
    omega = math.pi / half if isinstance(frequency, str) else frequency
    if abs(omega) * half > LARGEST_PHASE:
        what = f"{omega:g} x runs to {abs(omega) * half:.3g}, where rounding decides the sine"
        raise Usage("sin_frequency", what, f"at most {LARGEST_PHASE / half:.3g}")
    recipe = f"sin {frequency} x, separation {separation}"
    return _draw(samples, half, lambda x: np.sin(omega * x), seed, dtype, recipe)


def constant(samples: int, value: float, seed: int, dtype: torch.dtype) -> tuple[Dataset, Dataset]:
    """y = value, x uniform on [-1, 1]; Usage if `value` is beyond the largest number of `dtype`."""
    if abs(value) > torch.finfo(dtype).max:
        what = f"{value:g} is beyond the largest {_name(dtype)}"
        raise Usage("target_value", what, "a smaller one, or `dtype=float64`")
    recipe = f"constant {value}"
    return _draw(samples, 1.0, lambda x: np.full_like(x, value), seed, dtype, recipe)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _draw(
    samples: int, half: float, function: Function, seed: int, dtype: torch.dtype, recipe: str
) -> tuple[Dataset, Dataset]:
    def part(name: str) -> Dataset:
        x = stream(seed, name).uniform(-half, half, samples)
        inputs, targets = (torch.from_numpy(a).to(dtype) for a in (x[:, None], function(x)))
        # Of the recipe, since the last bit of a sine depends on the machine.
        known = hashlib.sha256(f"{recipe}, seed {seed}, {samples} {name}".encode()).hexdigest()
        return Dataset(inputs, targets, digest=known)

    return part("inputs"), part("validation")
