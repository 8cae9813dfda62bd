"""Random crops and flips of a batch, on the device of the images."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from resdepth.data.dataset import Pixels
from resdepth.mathematics.random import permutation, stream

PADDING = 4  # Black pixels on every side before a crop of the original size.


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
    """Pad images (N, C, H, W) with zeros on every side and cut (H, W) at `offsets` (2, N).

    Offsets are (row, column) in 0..2 * padding; at `padding` the image is unchanged.
    """
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
