"""Quantiles of the normal distribution within one deviation: scipy's, to the bit."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from resdepth.mathematics.normal import BLOCK, ONE_SIDED, central_quantile


def test_the_mass_below_one_deviation() -> None:
    assert ndtr(-1.0) == ONE_SIDED
    assert ndtr(1.0) == 1.0 - ONE_SIDED


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7, 3, 3), (BLOCK,), (2 * BLOCK + 1,)])
def test_quantiles(shape: tuple[int, ...]) -> None:
    mass = np.asarray(np.random.default_rng(7).uniform(ONE_SIDED, 1.0 - ONE_SIDED, shape))
    quantiles = central_quantile(mass)
    assert quantiles.shape == shape
    # Compilers that fuse a product with a sum may give scipy another last digit.
    np.testing.assert_allclose(quantiles, ndtri(mass), rtol=4e-16, atol=2e-16)


def test_the_ends_and_the_middle() -> None:
    mass = np.array([ONE_SIDED, 0.5, 1.0 - ONE_SIDED])
    np.testing.assert_allclose(central_quantile(mass), [-1.0, 0.0, 1.0], rtol=4e-16)


def test_symmetry_is_exact() -> None:
    # Masses of a few bits: 1 - mass is exact.
    mass = np.arange(200, 800) / 1024
    assert np.array_equal(central_quantile(mass), -central_quantile(1.0 - mass))
