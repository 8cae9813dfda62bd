"""One type for all weights: the layers of one family, ours or another program's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np

from resdepth.mathematics import refuse_masked
from resdepth.mathematics.pvariation import distances_by_blocks, path_scale
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.weights.tensor import Array, Stored

BLOCKS = "blocks"  # The family of our own weights, and the name of their tensor.
IN_MEMORY, COLUMNS = 1 << 26, 1 << 21
"""Bytes in float64 up to which layers are held in memory; numbers that are read at once if not."""
Way = Literal["path", "distances"]
"""Source of the p-variation: the path in memory, or distances of its layers read in blocks."""


@dataclass(frozen=True, eq=False)
class WeightPath:
    """The layers A_0, ..., A_{L-1} of one `family` in the checkpoint `source`.

    `layers` are an array (L, *shape) in float64, or tensors of one shape, read on request: in
    memory up to `limit` bytes, else in blocks of columns. `beta` = 1 - alpha is known for a `run`
    of `train`.
    """

    source: Path
    layers: Array | tuple[Stored, ...]
    beta: float | None = None
    run: Path | None = None
    family: str = BLOCKS
    limit: int = IN_MEMORY

    def __post_init__(self) -> None:
        refuse_masked(layers=self.layers)

    @property
    def path(self) -> Path:
        """An earlier name of `source`."""
        return self.source

    @property
    def own(self) -> bool:
        """Whether these are the square matrices of a network of `train`."""
        return self.family == BLOCKS

    @property
    def label(self) -> str:
        """The family as tables show it: "" for ours, which has one."""
        return "" if self.own else self.family

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.layers)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a layer."""
        return tuple(self.layers[0].shape)

    @property
    def width(self) -> int:
        """Last dimension of a layer, d for ours."""
        return self.shape[-1] if self.shape else 1

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows and columns of a layer as a matrix (first axis, all others)."""
        return prod(self.shape[:1]), prod(self.shape[1:])

    @property
    def way(self) -> Way:
        """How the p-variation is measured; both ways are exact."""
        held = isinstance(self.layers, np.ndarray)
        return "path" if held or 8 * self.depth * prod(self.shape) <= self.limit else "distances"

    @property
    def blocks(self) -> Array:
        """All layers (L, *shape) in float64."""
        if isinstance(self.layers, np.ndarray):
            return self.layers
        return np.stack(list(self.whole_layers()))

    def whole_layers(self) -> Iterator[Array]:
        """Every layer in its shape, one at a time."""
        for layer in self.layers:
            yield layer.whole() if isinstance(layer, Stored) else layer

    def chunks(self) -> Iterator[Iterable[Array]]:
        """For every layer its numbers, a chunk at a time."""
        for layer in self.layers:
            yield layer.chunks() if isinstance(layer, Stored) else (layer,)

    def columns(self, start: int, stop: int) -> Array:
        """The numbers start to stop - 1 of every layer: (L, stop - start)."""
        if isinstance(self.layers, np.ndarray):
            return self.layers.reshape(self.depth, -1)[:, start:stop]
        return np.stack([layer.read(start, stop) for layer in self.layers])

    def column_blocks(self) -> Iterator[Array]:
        """All columns, a few at a time."""
        size, width = prod(self.shape), max(1, COLUMNS // self.depth)
        for start in range(0, size, width):
            yield self.columns(start, min(start + width, size))

    @cached_property
    def distances(self) -> Array:
        """|A_j - A_k| of all layers (L, L), from blocks of columns."""
        return distances_by_blocks(self.columns, (self.depth, prod(self.shape)))

    def scaled(self, numbers: Array, beta: float) -> Array:
        """Entries, norms or distances of this path, for the scaled path k -> L^beta A_k."""
        return path_scale(self.depth, beta) * numbers

    @property
    def files(self) -> Iterator[Path]:
        """The files that the weights come from, and the manifest of their run."""
        yield self.source
        yield from (layer.file for layer in self.layers if isinstance(layer, Stored))
        if self.run is not None:
            yield self.run / MANIFEST
