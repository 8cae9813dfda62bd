"""Read the same coordinates of all checkpoints of a run at once, a block that fits in memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLAB = 2**26
"""Bytes of a slab; more if a single checkpoint is larger."""
DTYPES: dict[str, np.dtype[np.floating[Any]]] = {
    f"F{8 * size}": np.dtype(f"f{size}") for size in (2, 4, 8)
}
"""The number formats of checkpoints, as safetensors names them."""


@dataclass(frozen=True)
class ColumnBlock:
    """The `count` numbers of one tensor, from `offset` bytes into its file."""

    path: Path
    dtype: np.dtype[np.floating[Any]]
    offset: int
    count: int

    def read(self, start: int, stop: int) -> NDArray[np.floating[Any]]:
        """The numbers from `start` to `stop`, as far as there are any."""
        start, stop = max(start, 0), min(stop, self.count)
        offset = self.offset + start * self.dtype.itemsize
        return np.fromfile(self.path, self.dtype, stop - start, offset=offset)


class Columns:
    """The tensors `names` of checkpoints, laid end to end: (checkpoints, numbers) in float64.

    The checkpoints must be whole and alike (`read_checkpoint`, `check_like`).
    """

    def __init__(self, paths: Sequence[Path], names: Sequence[str]) -> None:
        self._rows = [_blocks(path, names) for path in paths]
        self._starts = np.cumsum([0, *(block.count for block in self._rows[0])]).tolist()

    def slabs(self) -> Iterator[Array]:
        """All numbers, some columns at a time."""
        count, whole = len(self._rows), self._starts[-1]
        width = max(1, max(SLAB // 8, whole) // count)
        for start in range(0, whole, width):
            yield self._slab(start, min(start + width, whole))

    def _slab(self, start: int, stop: int) -> Array:
        slab = np.empty((len(self._rows), stop - start))
        for row, blocks in zip(slab, self._rows, strict=True):
            parts = [
                block.read(start - first, stop - first)
                for block, first in zip(blocks, self._starts[:-1], strict=True)
                if first < stop and start < first + block.count
            ]
            np.concatenate(parts, out=row)
        return slab


def _blocks(path: Path, names: Sequence[str]) -> list[ColumnBlock]:
    """Where the tensors of a safetensors file lie."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    found = []
    for name in names:
        dtype = DTYPES[header[name]["dtype"]]
        first, last = header[name]["data_offsets"]
        found.append(ColumnBlock(path, dtype, 8 + length + first, (last - first) // dtype.itemsize))
    return found
