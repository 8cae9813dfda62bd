"""Norms of layers against the dense matrix of what they do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resdepth.mathematics import layer_norms
from resdepth.mathematics.layer_norms import frobenius, operator, spectral

Array = NDArray[np.float64]


def dense(kernel: Array, size: tuple[int, ...]) -> Array:
    """The matrix of the circular convolution, entry by entry of its definition."""
    filters, channels, *offsets = kernel.shape
    pixels = list(np.ndindex(*size))
    matrix = np.zeros((filters, len(pixels), channels, len(pixels)))
    for row, place in enumerate(pixels):
        for offset in np.ndindex(*offsets):
            seen = tuple((p + o) % n for p, o, n in zip(place, offset, size, strict=True))
            matrix[:, row, :, pixels.index(seen)] += kernel[(slice(None), slice(None), *offset)]
    return matrix.reshape(filters * len(pixels), -1)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((3, 2, 3, 3), (6, 6)),
        ((2, 3, 3, 3), (5, 4)),
        ((4, 4, 1, 1), (3, 3)),
        ((2, 2, 3, 3), (1, 1)),
        ((2, 2, 5, 3), (4, 2)),
        ((3, 2, 4), (7,)),
        ((2, 1, 2, 2, 2), (3, 2, 4)),
        ((1, 1, 7, 7), (8, 8)),
    ],
)
def test_the_operator_is_the_dense_matrix(shape: tuple[int, ...], size: tuple[int, ...]) -> None:
    kernel = np.random.default_rng(sum(shape)).standard_normal(shape)
    expected = np.linalg.norm(dense(kernel, size), ord=2)
    assert operator(kernel, size) == pytest.approx(expected, rel=1e-12)


def test_frequencies_in_small_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = np.random.default_rng(0).standard_normal((3, 2, 3, 3))
    whole = operator(kernel, (6, 5))
    monkeypatch.setattr(layer_norms, "BATCH", 14)
    assert operator(kernel, (6, 5)) == pytest.approx(whole, rel=1e-14)


def test_a_mean_over_pixels_and_a_matrix_have_known_norms() -> None:
    assert operator(np.full((1, 1, 3, 3), 1 / 9), (32, 32)) == pytest.approx(1.0, rel=1e-13)
    matrix = np.random.default_rng(1).standard_normal((4, 6))
    assert operator(matrix, ()) == spectral(matrix)
    assert operator(matrix[:, :, None, None], (9, 9)) == pytest.approx(spectral(matrix), rel=1e-12)


def test_an_input_of_other_axes_is_refused() -> None:
    with pytest.raises(ValueError, match="an input of 2 axes"):
        operator(np.ones((1, 1, 3, 3)), (3,))


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(0, 99), st.sampled_from([1e-200, 1, 1e200])
)
def test_the_largest_singular_value(rows: int, columns: int, seed: int, scale: float) -> None:
    matrix = scale * np.random.default_rng(seed).standard_normal((rows, columns))
    expected = np.linalg.svd(matrix / scale, compute_uv=False)[0] * scale
    assert spectral(matrix) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 2, 2)])
def test_any_shape_is_a_matrix(shape: tuple[int, ...]) -> None:
    layer = np.random.default_rng(2).standard_normal(shape)
    flat = layer.reshape(len(layer), -1) if shape else layer.reshape(1, 1)
    assert spectral(layer) == pytest.approx(np.linalg.norm(flat, ord=2), rel=1e-12)
    assert spectral(np.zeros(shape)) == 0.0


def test_the_sum_of_squares_comes_in_chunks() -> None:
    numbers = np.random.default_rng(3).standard_normal(1000)
    found = frobenius(numbers[i : i + 7] for i in range(0, 1000, 7))
    assert found == pytest.approx(np.linalg.norm(numbers), rel=1e-14)
