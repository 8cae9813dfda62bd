"""Fractional Gaussian noise against its covariance, and against itself at other depths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from resdepth.mathematics.fractional import (
    autocovariance,
    coarsen,
    eigenvalues,
    fractional_noise,
)

HURSTS = [0.05, 0.3, 0.5, 0.8, 0.95]


def generators(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, i]) for i in range(count)]


def test_published_eigenvalues() -> None:
    found = eigenvalues(1000, 0.8)
    assert len(found) == 1001
    assert found[0] == pytest.approx(100.9532, abs=5e-5)
    assert found[-1] == pytest.approx(0.373613, abs=5e-7)
    assert autocovariance(1, 0.8)[1] == pytest.approx(0.5157, abs=5e-5)


@pytest.mark.filterwarnings("error")
@given(hurst=st.floats(0.01, 0.99), lags=st.integers(1, 40))
def test_autocovariance_is_its_definition(hurst: float, lags: int) -> None:
    k = np.arange(lags + 1.0)
    powers = [abs(k + shift) ** (2 * hurst) for shift in (1, 0, -1)]
    expected = (powers[0] - 2 * powers[1] + powers[2]) / 2
    np.testing.assert_allclose(autocovariance(lags, hurst), expected, atol=1e-12)


@pytest.mark.parametrize("hurst", HURSTS)
@pytest.mark.parametrize("length", [1, 2, 3, 1000])
def test_the_embedding_is_the_covariance(hurst: float, length: int) -> None:
    # Half a circle of eigenvalues back to covariances: what the noise has by construction.
    covariances = np.fft.irfft(eigenvalues(length, hurst), 2 * length)
    expected = autocovariance(length, hurst)
    np.testing.assert_allclose(covariances[: length + 1], expected, atol=1e-12)


class Unit(np.random.Generator):
    """A generator whose normal variates are 0 but for one."""

    def __init__(self, place: int) -> None:
        super().__init__(np.random.PCG64(0))
        self.place = place

    def standard_normal(self, count: int) -> np.ndarray:  # type: ignore[override]
        return np.eye(count)[self.place]


@pytest.mark.parametrize("hurst", HURSTS)
@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_covariance_is_exact(hurst: float, length: int) -> None:
    # The noise is linear in its normal variates: its covariance needs no samples.
    columns = fractional_noise(length, hurst, map(Unit, range(2 * length)))
    lags = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    expected = autocovariance(length, hurst)[lags]
    np.testing.assert_allclose(columns.T @ columns, expected, atol=1e-12)


@pytest.mark.parametrize("hurst", HURSTS)
def test_marginals_are_normal(hurst: float) -> None:
    noise = fractional_noise(64, hurst, generators(2000))
    assert stats.kstest(noise[:, 17], "norm").pvalue > 1e-3
    assert np.mean(noise[:, 3] * noise[:, 4]) == pytest.approx(
        autocovariance(1, hurst)[1], abs=4 / np.sqrt(1000)
    )


def test_a_series_is_a_function_of_its_generator() -> None:
    whole = fractional_noise(9, 0.3, generators(5))
    assert np.array_equal(whole[3], fractional_noise(9, 0.3, generators(5)[3:4])[0])


@pytest.mark.parametrize("hurst", HURSTS)
def test_coarser_noise_is_the_same_motion(hurst: float) -> None:
    fine = fractional_noise(48, hurst, generators(3))
    coarse = coarsen(fine, hurst, 12)
    # The motion is the sum of the increments, each of size length^(-H).
    at_fine = 48.0**-hurst * np.cumsum(fine, axis=1)[:, 3::4]
    np.testing.assert_allclose(12.0**-hurst * np.cumsum(coarse, axis=1), at_fine, atol=1e-12)
    assert coarsen(fine, hurst, 48) is fine


@pytest.mark.parametrize("length", [5, 18, 96])
def test_no_other_depth_is_reached_by_pairs(length: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        coarsen(np.zeros((2, 48)), 0.5, length)


@pytest.mark.parametrize("hurst", [0.3, 0.7])
def test_coarser_noise_has_the_same_law(hurst: float) -> None:
    coarse = coarsen(fractional_noise(40, hurst, generators(4000)), hurst, 10)
    spread = np.cov(coarse.T)
    expected = autocovariance(9, hurst)[np.abs(np.subtract.outer(np.arange(10), np.arange(10)))]
    np.testing.assert_allclose(spread, expected, atol=5 / np.sqrt(4000))
