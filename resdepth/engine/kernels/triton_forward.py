"""One launch through all layers: a program walks a tile of samples from h_0 to h_L in registers.

B_k is the matrix of layer k (A_k, or A_k - A_{k-1} for `inc_skip`), zero-padded to a square of a
power of two; it is read once a tile and layer, from L2. What the backward pass needs of layer k is
one number a sample and unit:

| augmentation              | kept of layer k                               |
|---------------------------|-----------------------------------------------|
| `skip`                    | sigma(z_k), z_k = h_k B_k^T (gelu: z_k)        |
| `none`                    | h_k                                           |
| `linear_skip`, `inc_skip` | sigma(h_k) (gelu: h_k)                         |

Padded rows and columns never reach a gradient: their adjoint is zero.
"""

import triton
from triton import language as tl

from resdepth.engine.kernels.triton_activation import activate


@triton.jit
def load_rows(pointer, rows, N, d, WIDTH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Rows of a contiguous (N, d) matrix, (TILE, WIDTH), zero outside it."""
    columns = tl.arange(0, WIDTH)
    inside = (rows[:, None] < N) & (columns[None, :] < d)
    return tl.load(pointer + rows[:, None] * d + columns[None, :], mask=inside, other=0.0)


@triton.jit
def square(WIDTH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Offsets of a contiguous (WIDTH, WIDTH) matrix."""
    index = tl.arange(0, WIDTH)
    return index[:, None] * WIDTH + index[None, :]


@triton.jit
def walk(  # type: ignore[no-untyped-def]
    h, matrices, delta, kept, kept_stride, begin, end, tile_offsets,
    AUGMENTATION: tl.constexpr, ACTIVATION: tl.constexpr, PRECISION: tl.constexpr,
    WIDTH: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """h_begin -> h_end. Layer k is kept at kept + (k - begin) kept_stride + tile_offsets."""
    for k in tl.range(begin, end):
        matrix = tl.load(matrices + tl.cast(k, tl.int64) * (WIDTH * WIDTH) + square(WIDTH))
        if AUGMENTATION == "skip" or AUGMENTATION == "none":
            argument = tl.dot(h, tl.trans(matrix), input_precision=PRECISION).to(h.dtype)
        else:
            argument = h
        value = activate(argument, ACTIVATION)
        if KEEP:
            if AUGMENTATION == "none":
                keep = h
            elif ACTIVATION == "gelu":
                keep = argument
            else:
                keep = value
            tl.store(kept + tl.cast(k - begin, tl.int64) * kept_stride + tile_offsets, keep)
        if AUGMENTATION == "skip":
            h += delta * value
        elif AUGMENTATION == "none":
            h = value
        else:
            h += tl.dot(value, tl.trans(matrix), input_precision=PRECISION).to(h.dtype)
    return h


@triton.jit(do_not_specialize=["N", "d", "L", "segment"])
def forward_kernel(  # type: ignore[no-untyped-def]
    h0, h0_stride, matrices, delta, kept, starts, layer_stride, last, N, d, L, segment,
    AUGMENTATION: tl.constexpr, ACTIVATION: tl.constexpr, PRECISION: tl.constexpr,
    TILE: tl.constexpr, WIDTH: tl.constexpr,
    KEEP_STARTS: tl.constexpr, KEEP_LAYERS: tl.constexpr,
):  # fmt: skip
    """h_L of a tile (axis 0 of the grid) of one replica (axis 1) into `last` (R, N, d).

    `kept` (L, R, tiles TILE, WIDTH) takes what the backward pass needs of each layer, `starts`
    (segments + 1, R, tiles TILE, WIDTH) the hidden state at every `segment`-th layer, then h_L.
    """
    tile = tl.program_id(0).to(tl.int64)
    replica = tl.program_id(1).to(tl.int64)
    rows = tile * TILE + tl.arange(0, TILE)
    slot = (replica * tl.num_programs(0) + tile) * (TILE * WIDTH)
    here = tl.arange(0, TILE)[:, None] * WIDTH + tl.arange(0, WIDTH)[None, :]
    kept += slot
    starts += slot
    matrices += replica * L * (WIDTH * WIDTH)
    step = tl.load(delta)
    h = load_rows(h0 + replica * h0_stride, rows, N, d, WIDTH)
    for begin in tl.range(0, L, segment):
        if KEEP_STARTS:
            tl.store(starts + tl.cast(begin // segment, tl.int64) * layer_stride + here, h)
        layers = kept + tl.cast(begin, tl.int64) * layer_stride
        end = tl.minimum(begin + segment, L)
        h = walk(
            h, matrices, step, layers, layer_stride, begin, end, here,
            AUGMENTATION, ACTIVATION, PRECISION, WIDTH, KEEP_LAYERS,
        )  # fmt: skip
    if KEEP_STARTS:
        tl.store(starts + tl.cast(tl.cdiv(L, segment), tl.int64) * layer_stride + here, h)
    columns = tl.arange(0, WIDTH)
    inside = (rows[:, None] < N) & (columns[None, :] < d)
    tl.store(last + (replica * N + rows[:, None]) * d + columns[None, :], h, mask=inside)
