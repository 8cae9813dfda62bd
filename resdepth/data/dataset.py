"""A data set as the network sees it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from resdepth.arrays import Inputs, Targets


@dataclass(frozen=True)
class Dataset:
    """`inputs` (N, features) floating; `targets` (N,): int64 classes, or real values.

    `classes` names the classes of a classification and is empty for a regression.
    """

    inputs: Inputs
    targets: Targets
    classes: tuple[str, ...] = ()

    @property
    def samples(self) -> int:
        """Number of samples N."""
        return self.targets.shape[0]

    def take(self, index: Tensor) -> "Dataset":
        """The samples at `index`, in that order."""
        return Dataset(self.inputs[index], self.targets[index], self.classes)


@dataclass(frozen=True)
class Pixels:
    """Raw images (N, channels, height, width) uint8 with their class indices."""

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]


def part_size(fraction: float, samples: int) -> int:
    """Samples in a part of a set: a share of it, or so many where `fraction` is above 1."""
    return min(samples, max(1, round(fraction * samples if fraction <= 1.0 else fraction)))


def normalised(
    pixels: Pixels,
    scale: float,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    dtype: torch.dtype,
) -> Dataset:
    """(value / scale - mean) / std per channel, flattened in (channel, row, column) order."""
    shape = (1, -1, 1, 1)
    centre = torch.tensor(mean, dtype=dtype).reshape(shape)
    width = torch.tensor(std, dtype=dtype).reshape(shape)
    values = pixels.images.to(dtype).div_(scale).sub_(centre).div_(width)
    return Dataset(values.flatten(1), pixels.labels.to(torch.int64), pixels.classes)
