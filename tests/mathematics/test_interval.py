"""Means and their bands against scipy's interval, and against their own promise of coverage."""

import numpy as np
import pytest
from scipy import stats

from resdepth.mathematics.interval import mean_band


@pytest.mark.parametrize("count", [2, 3, 10])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_band_is_the_students_interval(count: int, level: float) -> None:
    samples = np.random.default_rng(count).standard_normal((count, 6))
    band = mean_band(samples, level)
    low, high = stats.t.interval(level, count - 1, samples.mean(0), stats.sem(samples, axis=0))
    np.testing.assert_allclose(band.low, low, rtol=1e-12)
    np.testing.assert_allclose(band.high, high, rtol=1e-12)
    np.testing.assert_allclose(band.mean, samples.mean(0))
    np.testing.assert_allclose(band.deviation, samples.std(0, ddof=1))


def test_one_repetition_has_no_band() -> None:
    band = mean_band(np.array([[1.0, 2.0]]))
    assert band.mean.tolist() == [1.0, 2.0]
    assert np.isnan([band.low, band.high, band.deviation]).all()


def test_equal_repetitions_have_a_band_of_no_width() -> None:
    band = mean_band(np.full((4, 3), 2.5))
    np.testing.assert_array_equal([band.low, band.high], np.full((2, 3), 2.5))


def test_band_covers_the_mean_at_its_level() -> None:
    samples = np.random.default_rng(0).standard_normal((3, 4000))
    band = mean_band(samples)
    share = ((band.low <= 0) & (band.high >= 0)).mean()
    # Binomial(4000, 0.95): 5 standard deviations.
    assert share == pytest.approx(0.95, abs=0.018)
