"""A data set as the network sees it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from resdepth.arrays import Inputs, Targets


@dataclass(frozen=True)
class Dataset:
    """`inputs` (N, features) floating; `targets` (N,): int64 classes, or real values.

    `classes` names the classes of a classification and is empty for a regression; `digest` is that
    of the whole part before the run's dtype and `train_fraction` are applied.
    """

    inputs: Inputs
    targets: Targets
    classes: tuple[str, ...] = ()
    digest: str = ""

    @property
    def samples(self) -> int:
        """Number of samples N."""
        return self.targets.shape[0]

    def take(self, index: Tensor) -> "Dataset":
        """The samples at `index`, in that order."""
        return Dataset(self.inputs[index], self.targets[index], self.classes, self.digest)


@dataclass(frozen=True)
class Pixels:
    """Raw images (N, channels, height, width) uint8 with their class indices (N,).

    `digest` is that of the whole part, also where these are some of its images.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    digest: str = ""


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
    labels = pixels.labels.to(torch.int64)
    return Dataset(values.flatten(1), labels, pixels.classes, pixels.digest)
