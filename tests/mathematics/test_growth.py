"""The exponent of growth against scipy's regression."""

import numpy as np
import pytest
from scipy.stats import linregress, t

from resdepth.mathematics.growth import growth_exponent

DEPTHS = np.array([8.0, 32.0, 100.0, 1000.0])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("depths", [DEPTHS, DEPTHS[:3]])
def test_slope_and_error_are_those_of_the_regression(seed: int, depths) -> None:
    values = depths**0.4 * np.exp(np.random.default_rng(seed).standard_normal(len(depths)))
    growth = growth_exponent(depths, values)
    expected = linregress(np.log(depths), np.log(values))
    assert growth is not None
    assert growth.exponent == pytest.approx(expected.slope, rel=1e-12)
    assert growth.standard_error == pytest.approx(expected.stderr, rel=1e-9)
    half = t.ppf(0.975, len(depths) - 2) * expected.stderr
    np.testing.assert_allclose(growth.interval, [expected.slope - half, expected.slope + half])
    assert growth.factor == pytest.approx(np.exp(expected.intercept), rel=1e-12)


def test_two_depths_give_a_slope_without_an_error() -> None:
    growth = growth_exponent(np.array([10.0, 1000.0]), np.array([3.0, 30.0]))
    assert growth is not None
    assert growth.exponent == pytest.approx(0.5)
    assert np.isnan([growth.standard_error, *growth.interval]).all()


@pytest.mark.parametrize(
    ("depths", "values"),
    [
        ([10.0], [1.0]),
        ([10.0, 20.0], [0.0, 1.0]),
        ([10.0, 10.0], [1.0, 2.0]),
        ([4.0, 8.0], [1.0, np.nan]),
    ],
)
def test_nothing_to_fit_is_none(depths, values) -> None:
    assert growth_exponent(np.array(depths), np.array(values)) is None


@pytest.mark.parametrize("value", [1.0, 0.1, 1e-30, 7e20])
@pytest.mark.parametrize("turned", [0, 1, -1])
def test_equal_values_do_not_grow(value: float, turned: int) -> None:
    # Equal up to the last bit, which is no growth either.
    values = np.full(4, value)
    values[1] = np.nextafter(value, value + turned)
    growth = growth_exponent(DEPTHS, values)
    assert growth is not None
    low, high = growth.interval
    assert low <= 0 <= high and high - low < 1e-11
