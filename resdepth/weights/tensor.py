"""One tensor of a file: how it is called, how it looks, and its numbers when they are asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.errors import Corrupt

Array = NDArray[np.float64]
Numbers = Callable[[int, int], Array]
"""The numbers start to stop - 1 of a tensor, row by row, in float64."""
CHUNK = 1 << 21
"""Numbers that are turned into float64 at once."""
AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Stored:
    """A tensor `name` of `shape` in `file`; `dtype` is the word for what its numbers are stored as.

    `numbers` reads them; it is None where they are no real numbers (integers, complex, packed).
    `copy` is the entry of the file that it is from, if the file has it in another entry as well.
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
        """The numbers start to stop - 1, row by row: every stored float is exact in float64.

        Raises
        ------
        Corrupt
            They are no real numbers, one is not finite, or the file has changed meanwhile.
        """
        if self.numbers is None:
            reason = f"{self.name} holds {self.dtype}, not real numbers"
            raise Corrupt(self.file, reason, "convert it to floats first")
        try:
            found = self.numbers(start, stop)
        except Changed as error:
            raise Corrupt(self.file, f"{self.name}: {error}", AGAIN) from None
        if not np.isfinite(found).all():
            place = int(np.flatnonzero(~np.isfinite(found))[0])
            index = ", ".join(str(i) for i in np.unravel_index(start + place, self.shape))
            reason = f"{self.name}, entry ({index}) is {found[place]}"
            raise Corrupt(self.file, reason, "leave these weights out")
        return found

    def whole(self) -> Array:
        """All numbers in its shape, in float64; beside them no more than a chunk is held."""
        found = np.empty(self.size)
        for start in range(0, self.size, CHUNK):
            stop = min(start + CHUNK, self.size)
            found[start:stop] = self.read(start, stop)
        return found.reshape(self.shape)


class Changed(ValueError):
    """A file does not hold any more what its header says."""


def read_floats(file: Path, place: int, count: int, dtype: torch.dtype) -> Array:
    """`count` floats of `dtype`, little-endian, from byte `place` on, as float64: (count,).

    Raises
    ------
    Changed
        They are not there.
    """
    raw = bytearray(count * dtype.itemsize)
    # Read, not mapped: the pages of a map count as the process's until the system takes them back.
    with file.open("rb", buffering=0) as stream:
        stream.seek(place)
        if stream.readinto(raw) != len(raw):
            raise Changed("the file ends before its numbers do")
    found: Array = torch.frombuffer(raw, dtype=dtype).to(torch.float64).numpy()
    return found
