"""The same few numbers out of all checkpoints of a run at once, so that all of them fit in memory.

What a statistic over many large checkpoints needs: a slab holds some coordinates of every
checkpoint.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLAB = 2**26
"""Bytes that a slab may take in any case; more where a checkpoint itself is larger."""
DTYPES: dict[str, type[np.floating[Any]]] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
}
"""What checkpoints are written in, as safetensors names it."""


@dataclass(frozen=True)
class Part:
    """Where a tensor's `count` numbers lie in its file."""

    path: Path
    dtype: type[np.floating[Any]]
    offset: int
    count: int

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Its numbers from `start` on, up to `stop`."""
        offset = self.offset + start * np.dtype(self.dtype).itemsize
        return np.fromfile(self.path, self.dtype, stop - start, offset=offset)


class Columns:
    """The tensors `names` of checkpoints, laid end to end: (checkpoints, numbers) in float64.

    The checkpoints are known to be whole and alike (`read_checkpoint`, `check_like`).
    """

    def __init__(self, paths: Sequence[Path], names: Sequence[str]) -> None:
        self._parts = [_parts(path, names) for path in paths]
        self._ends = np.cumsum([part.count for part in self._parts[0]]).tolist()

    def slabs(self) -> Iterator[Array]:
        """All numbers, some at a time."""
        count, whole = len(self._parts), self._ends[-1]
        width = max(1, max(SLAB // 8, whole) // count)
        for start in range(0, whole, width):
            yield self._slab(start, min(start + width, whole))

    def _slab(self, start: int, stop: int) -> Array:
        slab = np.empty((len(self._parts), stop - start))
        begin = 0
        for number, end in enumerate(self._ends):
            low, high = max(start, begin), min(stop, end)
            if low < high:
                for row, parts in zip(slab, self._parts, strict=True):
                    row[low - start : high - start] = parts[number].read(low - begin, high - begin)
            begin = end
        return slab


def _parts(path: Path, names: Sequence[str]) -> list[Part]:
    """Where the tensors of a safetensors file lie."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    found = []
    for name in names:
        dtype = DTYPES[header[name]["dtype"]]
        first, last = header[name]["data_offsets"]
        count = (last - first) // np.dtype(dtype).itemsize
        found.append(Part(path, dtype, 8 + length + first, count))
    return found
