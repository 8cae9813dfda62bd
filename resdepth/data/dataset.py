"""A data set in memory, and its checksum, which does not depend on where the data lies."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from resdepth.arrays import Inputs, Targets
from resdepth.cores import available_threads

BLOCK = 1 << 22  # Bytes hashed by one task; SHA-256 of one stream uses only one core.


@dataclass(frozen=True)
class Dataset:
    """`inputs` (N, features) floating; `targets` (N,): int64 classes, or real values.

    `classes` names the classes of a classification and is empty for a regression. `digest` is the
    checksum of the whole part, before the run's dtype and `train_fraction` are applied.
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
        return replace(self, inputs=self.inputs[index], targets=self.targets[index])


@dataclass(frozen=True)
class Pixels:
    """Raw images (N, channels, height, width) uint8 with their class indices (N,).

    `digest` is the checksum of the whole part, even if these are only some of its images.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    digest: str = ""

    def to(self, device: torch.device) -> "Pixels":
        """The same images on `device`."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def normalised(
        self, scale: float, mean: Sequence[float], std: Sequence[float], dtype: torch.dtype
    ) -> Dataset:
        """(value / scale - mean) / std per channel, flattened in (channel, row, column) order."""
        centre, width = (torch.tensor(values, dtype=dtype)[:, None, None] for values in (mean, std))
        values = self.images.to(dtype).div_(scale).sub_(centre).div_(width)
        return Dataset(values.flatten(1), self.labels.long(), self.classes, self.digest)


def digest(samples: np.ndarray, targets: np.ndarray, classes: Sequence[str] = ()) -> str:
    """SHA-256 over the samples of one part as they were read, their targets and classes, as hex."""
    whole = hashlib.sha256(repr(tuple(classes)).encode("utf-8", "surrogateescape"))
    with ThreadPoolExecutor(available_threads()) as pool:
        for array in (samples, targets):
            whole.update(f"{array.dtype.str} {array.shape}".encode())
            content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            blocks = (content[start : start + BLOCK] for start in range(0, len(content), BLOCK))
            for part in pool.map(lambda block: hashlib.sha256(block).digest(), blocks):
                whole.update(part)
    return whole.hexdigest()


def fingerprint(train: Dataset | Pixels, validation: Dataset | Pixels) -> str:
    """SHA-256 of a data set of two parts, as hex, made of the digests that the loaders give."""
    digests = []
    for part in (train, validation):
        if isinstance(part, Pixels):
            samples, targets = part.images, part.labels
        else:
            samples, targets = part.inputs, part.targets
        known = part.digest or digest(samples.cpu().numpy(), targets.cpu().numpy(), part.classes)
        digests.append(known)
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()
