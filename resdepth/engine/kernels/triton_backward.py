"""One launch back through all layers, and the fixed-order sum of the tiles' gradients.

The equations are those of `eager`; the adjoint of h is held in registers with h. `skip` recovers
h_k = h_{k+1} - delta sigma(z_k), and reads h anew at the end of each segment: where h grows,
subtraction cannot find the small h it grew from. `none` reads h_k of every layer.

A program takes the tiles p, p + S, p + 2S, ... of S programs one after another and adds their
gradients into its own (L, WIDTH, WIDTH) part; `sum_kernel` adds the S parts in a fixed order. There
are no atomics: the same sizes give the same bits. If the layers of all tiles do not fit into
memory, the forward pass keeps only the segments' starts, and a program recomputes each segment
before it walks it back.
"""

import triton
from triton import language as tl

from resdepth.engine.kernels.triton_activation import activate, derivative
from resdepth.engine.kernels.triton_forward import load_rows, square, walk

SUM_ROWS = 8
"""Partial sums of `sum_kernel`."""
SUM_BLOCK = 256
"""Entries of the gradient that a program of `sum_kernel` adds up."""


@triton.jit
def walk_back(  # type: ignore[no-untyped-def]
    h, adjoint, matrices, delta, kept, kept_stride, parts, accumulate, begin, end, tile_offsets,
    AUGMENTATION: tl.constexpr, ACTIVATION: tl.constexpr, PRECISION: tl.constexpr,
    WIDTH: tl.constexpr,
):  # fmt: skip
    """The adjoint of h_end -> that of h_begin; dB_k of the tile is added to `parts`."""
    for i in tl.range(0, end - begin):
        k = end - 1 - i
        offsets = tl.cast(k, tl.int64) * (WIDTH * WIDTH) + square(WIDTH)
        matrix = tl.load(matrices + offsets)
        keep = tl.load(kept + tl.cast(k - begin, tl.int64) * kept_stride + tile_offsets)
        if AUGMENTATION == "none":
            argument = h
            if ACTIVATION == "gelu":
                argument = tl.dot(keep, tl.trans(matrix), input_precision=PRECISION).to(h.dtype)
            slope = derivative(argument, h, ACTIVATION)
            h = keep
        else:
            value = activate(keep, ACTIVATION) if ACTIVATION == "gelu" else keep
            slope = derivative(keep, value, ACTIVATION)
        if AUGMENTATION == "skip":
            h -= delta * value
        if AUGMENTATION == "skip" or AUGMENTATION == "none":
            u = adjoint * slope
            if AUGMENTATION == "skip":
                u *= delta
            part = tl.dot(tl.trans(u), h, input_precision=PRECISION).to(h.dtype)
            through = tl.dot(u, matrix, input_precision=PRECISION).to(h.dtype)
        else:
            part = tl.dot(tl.trans(adjoint), value, input_precision=PRECISION).to(h.dtype)
            through = tl.dot(adjoint, matrix, input_precision=PRECISION).to(h.dtype) * slope
        if AUGMENTATION == "none":
            adjoint = through
        else:
            adjoint += through
        # A branch, not a mask: the compiler spills around a predicated load of a whole matrix.
        if accumulate:
            part += tl.load(parts + offsets)
        tl.store(parts + offsets, part)
    return adjoint


@triton.jit(do_not_specialize=["N", "d", "L", "segment", "tiles"])
def backward_kernel(  # type: ignore[no-untyped-def]
    adjoints, matrices, delta, kept, kept_stride, starts, starts_stride, parts,
    N, d, L, segment, tiles,
    AUGMENTATION: tl.constexpr, ACTIVATION: tl.constexpr, PRECISION: tl.constexpr,
    TILE: tl.constexpr, WIDTH: tl.constexpr, RECOMPUTE: tl.constexpr,
):  # fmt: skip
    """Part s of S (axis 0 of the grid) of one replica's gradient (axis 1).

    `adjoints` is the adjoint of h_L, (R, N, d); `parts` is (R, S, L, WIDTH, WIDTH); `starts` comes
    from the forward pass. Without RECOMPUTE, `kept` does so too; with it, `kept`
    (segment, R, S TILE, WIDTH) is the programs' own scratch.
    """
    program = tl.program_id(0).to(tl.int64)
    programs = tl.num_programs(0)
    replica = tl.program_id(1).to(tl.int64)
    here = tl.arange(0, TILE)[:, None] * WIDTH + tl.arange(0, WIDTH)[None, :]
    matrices += replica * L * (WIDTH * WIDTH)
    parts += (replica * programs + program) * L * (WIDTH * WIDTH)
    step = tl.load(delta)
    segments = tl.cdiv(L, segment)
    for tile in tl.range(tl.program_id(0), tiles, programs):
        rows = tl.cast(tile, tl.int64) * TILE + tl.arange(0, TILE)
        slot = (replica * tiles + tile) * (TILE * WIDTH)
        adjoint = load_rows(adjoints + replica * N * d, rows, N, d, WIDTH)
        # The first tile of a program writes its part, the next ones add to it.
        accumulate = tile >= programs
        for i in tl.range(0, segments):
            index = tl.cast(segments - 1 - i, tl.int64)
            begin = (segments - 1 - i) * segment
            end = tl.minimum(begin + segment, L)
            if RECOMPUTE:
                layers = kept + (replica * programs + program) * (TILE * WIDTH)
                h = tl.load(starts + slot + index * starts_stride + here)
                h = walk(
                    h, matrices, step, layers, kept_stride, begin, end, here,
                    AUGMENTATION, ACTIVATION, PRECISION, WIDTH, True,
                )  # fmt: skip
                # Other threads of the program may read what this one has written.
                tl.debug_barrier()
            else:
                layers = kept + slot + index * segment * kept_stride
                h = tl.load(starts + slot + (index + 1) * starts_stride + here)
            adjoint = walk_back(
                h, adjoint, matrices, step, layers, kept_stride, parts, accumulate,
                begin, end, here, AUGMENTATION, ACTIVATION, PRECISION, WIDTH,
            )  # fmt: skip
            tl.debug_barrier()


@triton.jit(do_not_specialize=["S", "d", "entries"])
def sum_kernel(  # type: ignore[no-untyped-def]
    parts, gradient, S, d, entries,
    WIDTH: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """gradient (R, L, d, d) = sum over S of parts (R, S, L, WIDTH, WIDTH); entries = L WIDTH^2.

    ROWS partial sums over s = i mod ROWS, then those in the fixed tree of `tl.sum`.
    """
    replica = tl.program_id(1).to(tl.int64)
    entry = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    parts += replica * S * entries
    total = tl.zeros((ROWS, BLOCK), parts.dtype.element_ty)
    for first in tl.range(0, S, ROWS, num_stages=3):
        s = first + tl.arange(0, ROWS)
        inside = (s[:, None] < S) & (entry[None, :] < entries)
        source = parts + s.to(tl.int64)[:, None] * entries + entry[None, :]
        total += tl.load(source, mask=inside, other=0.0)
    row = entry // WIDTH
    column = entry % WIDTH
    layer = row // WIDTH
    row = row % WIDTH
    inside = (entry < entries) & (row < d) & (column < d)
    layers = entries // (WIDTH * WIDTH)
    target = ((replica * layers + layer) * d + row) * d + column
    tl.store(gradient + target, tl.sum(total, 0), mask=inside)
