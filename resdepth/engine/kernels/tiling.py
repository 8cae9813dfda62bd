"""Tiling of a batch for the fused GPU kernels. It depends on sizes alone: equal sizes, equal bits.

A program (one block of a GPU) takes `tile` samples through all layers, and sums the gradient of the
weights in a part (L, width, width) of its own. All layers' values are kept, or one segment's.

Bytes per step, w the padded width, b the item size, n the samples rounded up to whole tiles:

    kept whole       R n w b L           (N = 12,500, d = 15, L = 2,000, float32: 1.6 GB)
    recomputed       R w b (n L/m + parts tile m), smallest at m = sqrt(L n / (parts tile));
                     one more forward pass, 8 N d^2 L operations per step instead of 6
    parts            R parts L w^2 b     (the same network: 0.8 GB in 391 parts)
"""

import math
from dataclasses import dataclass

KEPT_SHARE = 0.5
"""If kept layers need more than this share of the memory, they are recomputed."""
PARTS_SHARE = 0.2
"""Largest share of the memory for the parts of the gradient."""
SHARED = {16: 5_000, 32: 12_500, 64: 20_500, 128: 35_000}
"""Upper bound on shared memory of a block, per byte of a number, by padded width."""
WIDTHS = tuple(SHARED)
"""Padded widths of the fused kernels."""
PROGRAMS_PER_PROCESSOR = 16
"""At most this many programs per multiprocessor; a program takes further tiles one by one."""


@dataclass(frozen=True)
class Machine:
    """Multiprocessors, memory in bytes, and shared memory of one block in bytes."""

    processors: int
    memory: int
    shared: int

    def widest(self, itemsize: int) -> int:
        """The widest of WIDTHS whose kernels fit into the shared memory; 0 if none does."""
        fitting = (width for width in WIDTHS if SHARED[width] * itemsize <= self.shared)
        return max(fitting, default=0)


@dataclass(frozen=True)
class Shape:
    """Samples, true width, depth, replicas and bytes of a number."""

    samples: int
    width: int
    depth: int
    replicas: int
    itemsize: int


@dataclass(frozen=True)
class Tiling:
    """`parts` programs take `tiles` tiles of `tile` samples and keep `segment` layers at a time."""

    width: int
    tile: int
    warps: int
    stages: int
    tiles: int
    parts: int
    segment: int
    recompute: bool


TILES: dict[int, tuple[tuple[int, int, int], ...]] = {
    16: ((64, 1, 8), (32, 1, 2), (16, 1, 0)),
    32: ((32, 2, 2), (16, 1, 0)),
    64: ((32, 8, 2), (16, 4, 0)),
    128: ((16, 8, 0),),
}
"""By padded width: samples per tile, warps, and required programs per multiprocessor.

Large tiles need fewer memory accesses, small ones fill the machine; the first with enough programs
is used. In float32 none of these spills registers inside its loops (`benchmarks/compile_gpu.py`).
"""


def tiling(shape: Shape, machine: Machine) -> Tiling:
    """The tiling of `shape` on `machine`; ValueError beyond the widest of WIDTHS."""
    width = next((padded for padded in WIDTHS if padded >= shape.width), 0)
    if not width:
        raise ValueError(f"width {shape.width}: the fused kernels end at {WIDTHS[-1]}")
    tile, warps = next(
        (tile, warps)
        for tile, warps, needed in TILES[width]
        if shape.replicas * math.ceil(shape.samples / tile) >= needed * machine.processors
    )
    tiles = math.ceil(shape.samples / tile)
    row = shape.replicas * width * shape.itemsize
    affordable = PARTS_SHARE * machine.memory / (row * width * shape.depth)
    filling = PROGRAMS_PER_PROCESSOR * machine.processors / shape.replicas
    most = max(1, min(tiles, int(affordable), int(filling)))
    # Each program takes as many tiles as the busiest one.
    parts = math.ceil(tiles / math.ceil(tiles / most))
    recompute = row * tiles * tile * shape.depth > KEPT_SHARE * machine.memory
    least = min(shape.depth, math.ceil(math.sqrt(shape.depth * tiles / parts)))
    segment, stages = least if recompute else shape.depth, 3 if width < 128 else 2
    return Tiling(width, tile, warps, stages, tiles, parts, segment, recompute)
