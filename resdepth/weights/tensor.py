"""One tensor of a file: its name, its shape, and its numbers, which are read on request."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth.contents import UNREADABLE
from resdepth.errors import Corrupt

Array = NDArray[np.float64]
Numbers = Callable[[int, int], Array]
"""Reads the numbers start to stop - 1 of a tensor, row by row, in float64."""
CHUNK = 1 << 21  # Numbers that are converted to float64 at once.
AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Stored:
    """A tensor `name` of `shape` in `file`; `dtype` describes how its numbers are stored.

    `numbers` is None if they are not real numbers (integers, complex, packed). `copy` is the entry
    of the file that holds the tensor, if it repeats the names of another entry.
    """

    name: str
    file: Path
    shape: tuple[int, ...]
    dtype: str
    numbers: Numbers | None
    copy: str = ""

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    def read(self, start: int, stop: int) -> Array:
        """The numbers start to stop - 1, exact in float64; Corrupt if one is lost or infinite."""
        if self.numbers is None:
            reason = f"{self.name} holds {self.dtype}, not real numbers"
            raise Corrupt(self.file, reason, "convert it to floats first")
        try:
            found = self.numbers(start, stop)
        except UNREADABLE as error:  # The file no longer holds what its header says.
            raise Corrupt(self.file, f"{self.name}: {error}", AGAIN) from None
        if not np.isfinite(found).all():
            place = int(np.flatnonzero(~np.isfinite(found))[0])
            index = ", ".join(str(i) for i in np.unravel_index(start + place, self.shape))
            reason = f"{self.name}, entry ({index}) is {found[place]}"
            raise Corrupt(self.file, reason, "leave these weights out")
        return found

    def chunks(self) -> Iterator[Array]:
        """All numbers, a chunk at a time."""
        for start in range(0, self.size, CHUNK):
            yield self.read(start, min(start + CHUNK, self.size))

    def whole(self) -> Array:
        """All numbers in its shape; at most one chunk is held in addition."""
        found = np.empty(self.size)
        for start, chunk in zip(range(0, self.size, CHUNK), self.chunks(), strict=True):
            found[start : start + len(chunk)] = chunk
        return found.reshape(self.shape)


Tensors = dict[str, Stored]  # The tensors of a file by name.


def shown(shape: Sequence[int]) -> str:
    """A shape in words, as in 3 x 4."""
    return " x ".join(map(str, shape)) or "a single number"
