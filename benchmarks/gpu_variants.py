"""Other walks through the layers for the GPU, each for one experiment; none of them ships.

A variant replaces the engine's `walk` and `walk_back` before anything is compiled, so that whole
steps, graphs and replicas run with it: `bench_gpu.py --variant NAME`, `compile_gpu.py` likewise.
What wins by measurement moves into the engine; what loses is deleted here.

`prefetch`: a layer's matrix, and on the way back what was kept of it, are loaded while the layer
before is computed. A walk is L dependent products of one small tile, so that each layer waits for
its loads unless they were asked for earlier; they depend on nothing that a layer computes.
"""

from types import ModuleType

import triton
from triton import language as tl

from resdepth.engine.kernels import triton_backward, triton_forward
from resdepth.engine.kernels.triton_activation import activate, derivative
from resdepth.engine.kernels.triton_forward import square


@triton.jit
def walk_prefetching(  # type: ignore[no-untyped-def]
    h,
    matrices,
    delta,
    kept,
    kept_stride,
    begin,
    end,
    tile_offsets,
    AUGMENTATION: tl.constexpr,
    ACTIVATION: tl.constexpr,
    PRECISION: tl.constexpr,
    WIDTH: tl.constexpr,
    KEEP: tl.constexpr,
):
    """h_begin -> h_end, with the matrix of layer k + 1 on its way while layer k is computed."""
    own = square(WIDTH)
    matrix = tl.load(matrices + tl.cast(begin, tl.int64) * (WIDTH * WIDTH) + own)
    for k in tl.range(begin, end):
        # The last layer asks for itself once more.
        following = tl.minimum(k + 1, end - 1)
        ahead = tl.load(matrices + tl.cast(following, tl.int64) * (WIDTH * WIDTH) + own)
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
        matrix = ahead
    return h


@triton.jit
def walk_back_prefetching(  # type: ignore[no-untyped-def]
    h,
    adjoint,
    matrices,
    delta,
    kept,
    kept_stride,
    parts,
    accumulate,
    begin,
    end,
    tile_offsets,
    AUGMENTATION: tl.constexpr,
    ACTIVATION: tl.constexpr,
    PRECISION: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """The adjoint of h_end -> that of h_begin, with layer k - 1 on its way at layer k."""
    own = square(WIDTH)
    last = tl.cast(end - 1, tl.int64)
    matrix = tl.load(matrices + last * (WIDTH * WIDTH) + own)
    keep = tl.load(kept + (last - begin) * kept_stride + tile_offsets)
    for i in tl.range(0, end - begin):
        k = end - 1 - i
        offsets = tl.cast(k, tl.int64) * (WIDTH * WIDTH) + own
        following = tl.cast(tl.maximum(k - 1, begin), tl.int64)
        matrix_ahead = tl.load(matrices + following * (WIDTH * WIDTH) + own)
        keep_ahead = tl.load(kept + (following - begin) * kept_stride + tile_offsets)
        if AUGMENTATION == "none":
            if ACTIVATION == "gelu":
                argument = tl.dot(keep, tl.trans(matrix), input_precision=PRECISION).to(h.dtype)
                slope = derivative(argument, h, ACTIVATION)
            else:
                slope = derivative(h, h, ACTIVATION)
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
        if accumulate:
            part += tl.load(parts + offsets)
        tl.store(parts + offsets, part)
        matrix, keep = matrix_ahead, keep_ahead
    return adjoint


Swap = tuple[ModuleType, str, object]
VARIANTS: dict[str, tuple[Swap, ...]] = {
    "shipped": (),
    "prefetch": (
        (triton_forward, "walk", walk_prefetching),
        (triton_backward, "walk", walk_prefetching),
        (triton_backward, "walk_back", walk_back_prefetching),
    ),
}
"""Which name of which module is replaced by what."""


def use(name: str) -> None:
    """Have the engine's kernels call a variant; to be called before they are first compiled."""
    for module, function, replacement in VARIANTS[name]:
        setattr(module, function, replacement)
