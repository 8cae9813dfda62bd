"""How a batch is cut for the fused GPU kernels: from sizes alone, so equal sizes give equal bits.

A program (one block of a GPU) carries `tile` samples through all layers. The gradient of the
weights is collected in `parts` buffers of (L, width, width), one a program, and the layers' values
are kept whole or recomputed segment by segment.

Bytes per step, w the padded width, b the item size, n the samples rounded up to whole tiles:

    kept whole       R n w b L           (N = 12,500, d = 15, L = 2,000, float32: 1.6 GB)
    recomputed       R w b (n L/m + parts tile m), smallest at m = sqrt(L n / (parts tile));
                     one more forward pass, 8 N d^2 L operations a step for 6
    parts            R parts L w^2 b     (the same network: 0.8 GB in 391 parts)
"""

import math
from dataclasses import dataclass

KEPT_SHARE = 0.5
"""Share of the device's memory that kept layers may take before they are recomputed."""
PARTS_SHARE = 0.2
"""Share of the device's memory that the parts of the gradient may take."""
WIDTHS = (16, 32, 64, 128)
"""Padded widths of the fused kernels."""
SHARED = {16: 5_000, 32: 12_500, 64: 20_500, 128: 35_000}
"""Bytes of shared memory that a block takes for each byte of a number, at most, by padded width."""
PROGRAMS_PER_PROCESSOR = 16
"""At most so many programs a multiprocessor; further tiles wait their turn in a program."""


@dataclass(frozen=True)
class Machine:
    """Multiprocessors, memory in bytes, and shared memory of one block in bytes."""

    processors: int
    memory: int
    shared: int

    def widest(self, itemsize: int) -> int:
        """The widest of WIDTHS whose kernels' shared memory a block has; 0 where none has."""
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
    """`parts` programs take `tiles` tiles of `tile` samples; `warps` and `stages` are for Triton.

    With `recompute`, layers are kept `segment` at a time, otherwise all of them are (depth).
    """

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
"""By padded width: samples a tile, warps, and programs a multiprocessor that the batch must yield.

Large tiles read the matrices and write the parts less often, small ones fill the machine; the first
that yields enough programs is taken. Chosen from the registers and instructions of the sm_90 code:
in float32 none of these spills inside its loops (`benchmarks/compile_gpu.py` prints the numbers).
"""


def padded_width(width: int) -> int:
    """The smallest of WIDTHS that holds `width`; 0 where none does."""
    return next((padded for padded in WIDTHS if padded >= width), 0)


def tiling(shape: Shape, machine: Machine) -> Tiling:
    """How `shape` is cut on `machine`.

    Raises
    ------
    ValueError
        The width is beyond the widest of WIDTHS.
    """
    width = padded_width(shape.width)
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
    segment = shape.depth
    if recompute:
        segment = min(shape.depth, math.ceil(math.sqrt(shape.depth * tiles / parts)))
    stages = 3 if width < 128 else 2
    return Tiling(width, tile, warps, stages, tiles, parts, segment, recompute)
