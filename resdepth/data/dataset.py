"""A data set as the network sees it."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
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


BLOCK = 1 << 22
"""Bytes hashed by one task: SHA-256 of one stream has no use for a second core."""


def digest(samples: np.ndarray, targets: np.ndarray, classes: Sequence[str] = ()) -> str:
    """SHA-256 over the samples of one part as they were read, their targets and classes, as hex.

    It does not depend on where the data lies, nor on the options of a run.
    """
    whole = hashlib.sha256(repr(tuple(classes)).encode("utf-8", "surrogateescape"))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for array in (samples, targets):
            whole.update(f"{array.dtype.str} {array.shape}".encode())
            for part in pool.map(lambda block: hashlib.sha256(block).digest(), _blocks(array)):
                whole.update(part)
    return whole.hexdigest()


def fingerprint(train: Dataset | Pixels, validation: Dataset | Pixels) -> str:
    """SHA-256 of a data set of two parts, as hex: equal for equal data, wherever it lies.

    Over the digests that `load_data` and `load_images` give with each part, hence at no cost.
    """
    return hashlib.sha256(f"{_digest_of(train)} {_digest_of(validation)}".encode()).hexdigest()


def _digest_of(part: Dataset | Pixels) -> str:
    if part.digest:
        return part.digest
    if isinstance(part, Dataset):
        samples, targets = part.inputs, part.targets
    else:
        samples, targets = part.images, part.labels
    return digest(samples.cpu().numpy(), targets.cpu().numpy(), part.classes)


def _blocks(array: np.ndarray) -> Iterator[memoryview]:
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return (content[start : start + BLOCK] for start in range(0, len(content), BLOCK))
