"""Means and their bands against scipy's interval, and against their own promise of coverage."""

import numpy as np
import pytest
from scipy import stats

from resdepth.mathematics.interval import UNKNOWN, Interval, mean_band, mean_interval


@pytest.mark.parametrize("count", [2, 3, 10])
def test_band_is_the_students_interval(count: int) -> None:
    samples = np.random.default_rng(count).standard_normal((count, 6))
    band = mean_band(samples)
    low, high = stats.t.interval(0.95, count - 1, samples.mean(0), stats.sem(samples, axis=0))
    np.testing.assert_allclose(band.low, low, rtol=1e-12)
    np.testing.assert_allclose(band.high, high, rtol=1e-12)
    np.testing.assert_allclose(band.mean, samples.mean(0))
    np.testing.assert_allclose(band.deviation, samples.std(0, ddof=1))
    assert band.repetitions == count


def test_one_repetition_has_no_band() -> None:
    band = mean_band(np.array([[1.0, 2.0]]))
    assert band.mean.tolist() == [1.0, 2.0]
    assert np.isnan([band.low, band.high, band.deviation]).all()
    assert band.repetitions == 1


def test_equal_repetitions_have_a_band_of_no_width() -> None:
    band = mean_band(np.full((4, 3), 2.5))
    np.testing.assert_array_equal([band.low, band.high], np.full((2, 3), 2.5))


def test_band_covers_the_mean_at_its_level() -> None:
    samples = np.random.default_rng(0).standard_normal((3, 4000))
    band = mean_band(samples)
    share = ((band.low <= 0) & (band.high >= 0)).mean()
    # Binomial(4000, 0.95): 5 standard deviations.
    assert share == pytest.approx(0.95, abs=0.018)


def test_mean_interval_is_scipys_of_what_is_finite() -> None:
    samples = np.array([1.0, np.nan, 2.5, 4.0, np.inf])
    found = mean_interval(samples)
    low, high = stats.t.interval(0.95, 2, 2.5, stats.sem([1.0, 2.5, 4.0]))
    assert (found.value, found.low, found.high) == pytest.approx((2.5, low, high))
    assert found.known


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("samples", "value"), [([3.0], 3.0), ([np.nan], np.nan), ([], np.nan)])
def test_an_interval_needs_two(samples: list[float], value: float) -> None:
    found = mean_interval(np.array(samples))
    assert found.value == pytest.approx(value, nan_ok=True)
    assert not found.known


@pytest.mark.parametrize(
    ("bounds", "within", "outside"),
    [
        ((0.4, 0.6), True, False),
        ((0.39, 0.5), False, False),
        ((0.5, 0.61), False, False),
        ((0.0, 1.0), False, False),
        ((0.1, 0.39), False, True),
        ((0.61, 2.0), False, True),
        ((0.1, 0.4), False, False),
        ((0.6, 2.0), False, False),
    ],
)
def test_an_interval_lies_within_outside_or_across(bounds, within: bool, outside: bool) -> None:
    interval = Interval(sum(bounds) / 2, *bounds)
    assert interval.within(0.4, 0.6) == within
    assert interval.outside(0.4, 0.6) == outside


@pytest.mark.parametrize("bounds", [(0.0, np.nan), (np.nan, 1.0), (0.0, np.inf), (-np.inf, 1.0)])
def test_an_interval_is_known_by_both_ends(bounds: tuple[float, float]) -> None:
    assert not Interval(0.5, *bounds).known
    assert str(Interval(0.5, *bounds)) == "0.500"


def test_what_is_unknown_lies_nowhere() -> None:
    assert not UNKNOWN.within(-np.inf, np.inf) and not UNKNOWN.outside(0.0, 0.0)
    assert (str(Interval(0.5, 0.25, 0.75)), str(Interval(0.5, np.nan, np.nan))) == (
        "0.500 [0.250, 0.750]",
        "0.500",
    )
