"""Bounded or growing: known laws, and the slope at the end against an independent parabola fit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import Polynomial
from scipy import stats

from resdepth.mathematics.growth import FEWEST, FLAT, GrowthTable, end_slope, growth_table
from resdepth.mathematics.slopes import power_law

DEPTHS = 2.0 ** np.arange(4, 11)


def table_of(*rows: np.ndarray, depths: np.ndarray = DEPTHS, noise: float = 0.0) -> GrowthTable:
    values = np.array(rows)
    random = np.random.default_rng(0)
    values = values * np.exp(noise * random.standard_normal(values.shape))
    return growth_table(depths, values, tuple(range(len(rows))))


LAWS = {
    "constant": (np.ones(7), "bounded"),
    "falls": (DEPTHS**-0.5, "bounded"),
    # A power law fitted to it has the exponent .17, with an interval far from 0.
    "saturates": (1 - np.exp(-DEPTHS / 64), "bounded"),
    "saturates like 1/L": (1 / (1 + 20 / DEPTHS), "bounded"),
    "root": (DEPTHS**0.5, "grows"),
    "slow power": (DEPTHS**0.1, "grows"),
    "slower than what counts": (DEPTHS**0.03, "bounded"),
    # The noise takes over at L = 100.
    "crossover": (np.sqrt(100 + DEPTHS), "grows"),
    "turns": (np.exp(-0.1 * np.log(DEPTHS / 64) ** 2), "bounded"),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("noise", [0.0, 0.002], ids=["exact", "noisy"])
def test_known_laws(name: str, noise: float) -> None:
    values, verdict = LAWS[name]
    found = table_of(*[values] * 5, noise=noise)
    assert found.verdict == verdict
    assert (found.first, found.last, len(found.by_seed)) == (16, 1024, 5)


def test_a_power_law_alone_would_call_saturation_growth() -> None:
    one = table_of(LAWS["saturates"][0]).by_seed[0]
    assert one.exponent.low > 0 and one.last.high < FLAT
    assert one.verdict == "bounded"


def test_beyond_a_crossover_the_slope_at_the_end_is_steeper_than_the_power_law() -> None:
    one = table_of(LAWS["crossover"][0]).by_seed[0]
    assert one.last.value > one.exponent.value + 0.1
    assert one.last.value == pytest.approx(0.5 * 1024 / 1124, abs=0.07)


@given(
    seed=st.integers(0, 2**31),
    count=st.integers(4, 10),
    size=st.sampled_from([0.01, 0.3]),
    coefficients=st.tuples(*[st.floats(-2, 2)] * 3),
)
def test_the_slope_at_the_end_is_that_of_a_parabola(seed, count, size, coefficients) -> None:
    random = np.random.default_rng(seed)
    x = np.sort(random.uniform(0, 7, count)) + 0.3 * np.arange(count)
    y = Polynomial(coefficients)(x) + size * random.standard_normal(count)
    found = end_slope(x, y)
    # By orthogonal polynomials: the covariance of the coefficients is diagonal there.
    basis, _ = np.linalg.qr(np.vander(x, 3))
    direction = np.linalg.lstsq(np.vander(x, 3), basis, rcond=None)[0]
    derivative = np.array([2 * x[-1], 1.0, 0.0]) @ direction
    slope = derivative @ (basis.T @ y)
    residuals = y - basis @ (basis.T @ y)
    error = math.sqrt(residuals @ residuals / (count - 3) * derivative @ derivative)
    half = stats.t.ppf(0.975, count - 3) * error
    assert found.value == pytest.approx(slope, rel=1e-6, abs=1e-7)
    assert (found.low, found.high) == pytest.approx(
        (slope - half, slope + half), rel=1e-5, abs=1e-6
    )
    assert Polynomial.fit(x, y, 2).deriv()(x[-1]) == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_the_interval_covers_as_often_as_it_says() -> None:
    random, x = np.random.default_rng(1), np.log(DEPTHS)
    found = [end_slope(x, 0.1 * x * x + 0.1 * random.standard_normal(7)) for _ in range(1000)]
    inside = sum(one.low <= 0.2 * x[-1] <= one.high for one in found)
    assert 0.93 < inside / 1000 < 0.97


def test_three_depths_have_a_slope_without_interval() -> None:
    found = end_slope(np.log(DEPTHS[:3]), 0.5 * np.log(DEPTHS[:3]))
    assert found.value == pytest.approx(0.5) and math.isnan(found.low) and math.isnan(found.high)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_depths_are_undecided(count: int) -> None:
    assert count < FEWEST
    found = table_of(DEPTHS[:count] ** 0.5, depths=DEPTHS[:count])
    assert found.verdict == found.by_seed[0].verdict == "undecided"
    assert not found.by_seed[0].exponent.known


@pytest.mark.parametrize("hole", [np.nan, 0.0, -1.0, np.inf])
def test_missing_depths_are_left_out(hole: float) -> None:
    values = DEPTHS**0.5
    values[2] = hole
    one, kept = table_of(values).by_seed[0], np.delete(DEPTHS, 2)
    assert one.verdict == "grows"
    assert one.exponent == power_law(kept, kept[None] ** 0.5).exponent
    values[3:6] = hole
    assert table_of(values).by_seed[0].verdict == "undecided"


GROWS, BOUNDED = DEPTHS**0.4, np.ones(7)
UNDECIDED = DEPTHS ** (0.1 * np.array([0, 5, -3, 6, -4, 7, 1]))


@pytest.mark.parametrize(
    ("rows", "verdict", "words"),
    [
        ((GROWS, GROWS, UNDECIDED), "grows", "grows like L^0.40 near L = 1024 (2 grows, 1 und"),
        ((GROWS, DEPTHS**0.2), "grows", "P2 grows like L^0.20 to L^0.40 near L = 1024 (2 grows)"),
        ((BOUNDED, BOUNDED), "bounded", "P2 is bounded over L = 16 … 1024 (2 bounded)"),
        ((GROWS, BOUNDED, BOUNDED), "undecided", "P2 is undecided for L = 16 … 1024 (2 bounded, 1"),
        ((GROWS, UNDECIDED), "undecided", "P2 is undecided"),
        ((UNDECIDED,), "undecided", "P2 is undecided for L = 16 … 1024 (1 undecided)"),
    ],
    ids=str,
)
def test_most_seeds_have_to_agree(rows, verdict: str, words: str) -> None:
    found = table_of(*rows)
    assert found.verdict == verdict
    assert words in found.sentence("P2")
