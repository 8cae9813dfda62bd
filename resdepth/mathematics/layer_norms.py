"""Norms of one layer: a matrix, or the kernel (filters, channels, *offsets) of a convolution."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from resdepth.mathematics import Array

Norm = Literal["frobenius", "spectral", "operator"]
TINY = 1e-100
BATCH = 1 << 21  # Complex numbers of transfer matrices in memory at once


def frobenius(chunks: Iterable[Array]) -> float:
    """The root of the sum of the squares of all numbers in `chunks`."""
    return math.sqrt(math.fsum(float(np.vdot(chunk, chunk)) for chunk in chunks))


def spectral(layer: Array) -> float:
    """The largest singular value of `layer` as a matrix (first axis, all others)."""
    matrix = layer.reshape(len(layer), -1) if layer.ndim else layer.reshape(1, 1)
    size = float(max(matrix.max(initial=0.0), -matrix.min(initial=0.0)))
    if size == 0.0:
        return 0.0
    if TINY < size < 1.0 / TINY:
        size = 1.0  # No square over- or underflows, and no second copy of a large layer is made.
    else:
        matrix = matrix / size
    # The largest eigenvalue of the smaller Gram matrix has full relative accuracy.
    gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
    last = len(gram) - 1
    (largest,) = eigh(gram, eigvals_only=True, subset_by_index=(last, last))
    return size * math.sqrt(max(float(largest), 0.0))


def operator(kernel: Array, size: Sequence[int]) -> float:
    """The largest singular value of the circular convolution with `kernel`, stride 1, on `size`.

    That of the matrices (filters, channels) of the discrete Fourier transform at all frequencies:
    Sedghi, Gupta & Long, ICLR 2019, arXiv 1805.10408; Cohen, Cont, Rossier & Xu, arXiv 2105.12245.
    ValueError: `size` does not have one length for each axis of offsets.
    """
    offsets = kernel.shape[2:]
    if not offsets:
        return spectral(kernel)
    if len(size) != len(offsets) or min(size) < 1:
        raise ValueError(f"an input of {len(offsets)} axes, not {tuple(size)}")
    filters, channels = kernel.shape[:2]
    scale = float(np.abs(kernel).max(initial=0.0)) or 1.0
    flat = kernel.reshape(filters * channels, -1) / scale
    # A real kernel has conjugate values at the other half of the frequencies.
    lengths = [*size[:-1], size[-1] // 2 + 1]
    step = max(1, BATCH // len(flat))
    largest = 0.0
    for start in range(0, math.prod(lengths), step):
        batch = np.arange(start, min(start + step, math.prod(lengths)))
        waves = _waves(offsets, size, np.unravel_index(batch, lengths))
        transfer = (flat @ waves).T.reshape(-1, filters, channels)
        adjoint = transfer.conj().transpose(0, 2, 1)
        gram = transfer @ adjoint if filters <= channels else adjoint @ transfer
        largest = max(largest, float(np.linalg.eigvalsh(gram).max()))
    return scale * math.sqrt(largest)


def _waves(
    offsets: Sequence[int], size: Sequence[int], frequencies: Sequence[NDArray[np.intp]]
) -> NDArray[np.complex128]:
    """exp(-2 pi i <frequency, offset / size>): (offsets in a row, frequencies)."""
    places = np.unravel_index(np.arange(math.prod(offsets)), offsets)
    # Modulo the size before the division: large products lose no digit.
    parts = [
        np.outer(place, frequency) % length / length
        for place, frequency, length in zip(places, frequencies, size, strict=True)
    ]
    return np.asarray(np.exp(-2j * np.pi * sum(parts)))
