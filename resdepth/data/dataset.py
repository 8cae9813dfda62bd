"""A data set in memory, its checksum, and random crops and flips of its images."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from resdepth.arrays import Inputs, Targets
from resdepth.cores import available_threads
from resdepth.mathematics.random import permutation, stream

BLOCK = 1 << 22  # Bytes hashed by one task; SHA-256 of one stream uses only one core.
PADDING = 4  # Black pixels on every side before a crop of the original size.


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
        return self.targets.shape[0]

    def take(self, index: Tensor) -> "Dataset":
        return replace(self, inputs=self.inputs[index], targets=self.targets[index])


@dataclass(frozen=True)
class Pixels:
    """Raw images (N, C, H, W) uint8 with their class indices (N,); `digest` as of a `Dataset`."""

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    digest: str = ""

    def to(self, device: torch.device) -> "Pixels":
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


@dataclass(frozen=True)
class Epoch:
    """The random choices of one epoch, which depend on the seed and the epoch alone.

    `order` (samples,) holds the indices of the images, `offsets` (2, samples) the row and column at
    which each crop starts in the padded image, `flips` (samples,) whether it is mirrored, or None.
    """

    number: int
    order: Tensor
    offsets: Tensor
    flips: Tensor | None

    @classmethod
    def draw(
        cls, seed: int, number: int, samples: int, *, flip: bool, device: torch.device
    ) -> "Epoch":
        """Draw the choices of epoch `number`, with one transfer to the device for all of it."""
        order = torch.from_numpy(permutation(seed, number, samples))
        shifts = stream(seed, "crops", number).integers(0, 2 * PADDING + 1, (2, samples))
        mirrored = torch.from_numpy(stream(seed, "flips", number).integers(0, 2, samples) == 1)
        flips = mirrored.to(device) if flip else None
        return cls(number, order.to(device), torch.from_numpy(shifts).to(device), flips)

    def batch(self, pixels: Pixels, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Cropped images (uint8) and labels of the epoch's samples `start` to `stop`."""
        index = self.order[start:stop]
        images = crop(pixels.images[index], self.offsets[:, start:stop])
        if self.flips is not None:
            images = mirror(images, self.flips[start:stop])
        return images, pixels.labels[index]


def crop(images: Tensor, offsets: Tensor, padding: int = PADDING) -> Tensor:
    """Pad images (N, C, H, W) with zeros, and cut (H, W) at rows and columns `offsets` (2, N)."""
    height, width = images.shape[-2:]
    padded = functional.pad(images, (padding,) * 4)
    # A view (N, C, rows, columns, H, W) of all windows; only the chosen ones are copied.
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    rows, columns = offsets
    return windows[torch.arange(len(images), device=images.device), :, rows, columns]


def mirror(images: Tensor, chosen: Tensor) -> Tensor:
    """The images (N, C, H, W) with those in `chosen` (N,) bool flipped left to right."""
    return torch.where(chosen[:, None, None, None], images.flip(-1), images)


def normalise(images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 to (value / 255 - 0.5) / 0.5, the range [-1, 1]."""
    return images.to(dtype).div_(127.5).sub_(1.0)
