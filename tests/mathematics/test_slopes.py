"""Slopes and their intervals against scipy's regression and t test, and their coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from resdepth.mathematics.slopes import NOTHING, power_law
from tests.support.synthetic import DEVIATIONS, covered

DEPTHS = np.array([16.0, 32.0, 100.0, 1000.0, 1024.0])


def table(seed: int, seeds: int = 4, depths=DEPTHS, size: float = 0.2) -> np.ndarray:
    random = np.random.default_rng(seed)
    own = 0.4 + 0.1 * random.standard_normal((seeds, 1))
    return np.exp(own * np.log(depths) + size * random.standard_normal((seeds, len(depths))))


def by_scipy(depths, values) -> dict[str, float]:
    """The value and the two halves of its interval."""
    x, y = np.log(depths), np.log(values)
    of_seeds = [stats.linregress(x, row).slope for row in y]
    half = stats.t.ppf(0.975, len(y) - 1) * stats.sem(of_seeds)
    means = stats.linregress(x, y.mean(0))
    whole = stats.t.ppf(0.975, len(x) - 2) * means.stderr
    return {"value": means.slope, "seeds": half, "depths": whole, "intercept": means.intercept}


@given(
    seed=st.integers(0, 2**31),
    seeds=st.integers(2, 6),
    count=st.integers(3, 5),
    size=st.sampled_from([1e-3, 0.2, 2.0]),
)
def test_the_interval_is_the_wider_of_two(seed: int, seeds: int, count: int, size: float) -> None:
    depths = DEPTHS[:count]
    values = table(seed, seeds, depths, size)
    law, expected = power_law(depths, values), by_scipy(depths, values)
    half = max(expected["seeds"], expected["depths"])
    assert law.exponent.value == pytest.approx(expected["value"], rel=1e-9, abs=1e-12)
    assert law.exponent.high - law.exponent.value == pytest.approx(half, rel=1e-6)
    assert law.exponent.value - law.exponent.low == pytest.approx(half, rel=1e-6)
    assert law.wider and expected[law.wider] == half
    assert law.intercept == pytest.approx(expected["intercept"], rel=1e-9, abs=1e-12)
    assert law.at(50.0) == pytest.approx(
        math.exp(expected["intercept"]) * 50 ** expected["value"], rel=1e-9
    )


def test_both_intervals_are_met() -> None:
    wider = {power_law(DEPTHS, table(seed)).wider for seed in range(20)}
    assert wider == {"seeds", "depths"}


def test_one_seed_has_the_interval_of_the_regression() -> None:
    values = table(3, 1)
    law, found = power_law(DEPTHS, values), stats.linregress(np.log(DEPTHS), np.log(values[0]))
    half = stats.t.ppf(0.975, 3) * found.stderr
    assert law.wider == "depths"
    assert law.exponent.high == pytest.approx(found.slope + half)
    assert not law.bend.known and not law.bends


def test_two_depths_have_the_interval_of_the_seeds() -> None:
    law = power_law(DEPTHS[:2], table(3)[:, :2])
    assert law.wider == "seeds" and law.exponent.known
    local = law.local[0].slope
    assert (local.value, local.high) == pytest.approx((law.exponent.value, law.exponent.high))
    assert math.isnan(law.bend.value)


def test_one_seed_at_two_depths_is_a_slope_alone() -> None:
    law = power_law(np.array([10.0, 1000.0]), np.array([[3.0, 30.0]]))
    assert law.exponent.value == pytest.approx(0.5)
    assert law.wider == "" and not law.exponent.known


def test_local_slopes_are_those_of_neighbours() -> None:
    values = table(5)
    law = power_law(DEPTHS, values)
    assert [(part.shallow, part.deep) for part in law.local] == [
        (16, 32),
        (32, 100),
        (100, 1000),
        (1000, 1024),
    ]
    steps = np.log(values[:, 2] / values[:, 1]) / np.log(100 / 32)
    low, high = stats.t.interval(0.95, 3, steps.mean(), stats.sem(steps))
    assert law.local[1].slope.value == pytest.approx(steps.mean())
    assert (law.local[1].slope.low, law.local[1].slope.high) == pytest.approx((low, high))


@given(seed=st.integers(0, 2**31), bend=st.floats(-1, 1))
def test_bend_is_the_quadratic_coefficient_times_the_range(seed: int, bend: float) -> None:
    x = np.log(DEPTHS)
    values = table(seed) * np.exp(bend * x**2)
    fitted = [np.polyfit(x, row, 2)[0] * np.ptp(x) for row in np.log(values)]
    low, high = stats.t.interval(0.95, 3, np.mean(fitted), stats.sem(fitted))
    law = power_law(DEPTHS, values)
    assert law.bend.value == pytest.approx(np.mean(fitted), rel=1e-6, abs=1e-9)
    assert (law.bend.low, law.bend.high) == pytest.approx((low, high), rel=1e-6, abs=1e-9)
    assert law.bends == (low > 0 or high < 0)


@given(seed=st.integers(0, 2**31))
def test_a_missing_cell_changes_what_it_must_alone(seed: int) -> None:
    # Every seed has an effect of its own; on lines without noise any cell may be missing.
    random = np.random.default_rng(seed)
    values = DEPTHS**0.7 * np.exp(random.standard_normal((4, 1)))
    values[random.integers(4), random.integers(5)] = np.nan
    law = power_law(DEPTHS, values)
    assert law.exponent.value == pytest.approx(0.7, rel=1e-9)
    assert law.exponent.high - law.exponent.low < 1e-9


def beside_seeds(y: np.ndarray) -> np.ndarray:
    """Means by depth beside an effect of each seed: either is fitted in turn until they rest."""
    means = np.nanmean(y, axis=0)
    for _ in range(2000):
        effects = np.nanmean(y - means, axis=1)
        means = np.nanmean(y - (effects - effects.mean())[:, None], axis=0)
    return means


@pytest.mark.parametrize("missing", [[(0, 4)], [(0, 0), (2, 3)], [(1, 1), (1, 2)]], ids=str)
def test_missing_cells_leave_the_others_their_weight(missing: list[tuple[int, int]]) -> None:
    values = table(11, size=0.4) * np.exp(np.arange(4.0))[:, None]
    values[tuple(np.transpose(missing))] = np.nan
    x, y = np.log(DEPTHS), np.log(values)
    law, means = power_law(DEPTHS, values), stats.linregress(x, beside_seeds(y))
    assert law.exponent.value == pytest.approx(means.slope, rel=1e-9)
    assert law.intercept == pytest.approx(means.intercept, rel=1e-9)
    # A seed without some of its cells has a slope and a bend of its own from the others.
    rows = [np.isfinite(row) for row in y]
    slopes, bends = (
        [np.polyfit(x[there], row[there], k)[0] for there, row in zip(rows, y, strict=True)]
        for k in (1, 2)
    )
    half = max(stats.t.ppf(0.975, 3) * stats.sem(slopes), stats.t.ppf(0.975, 3) * means.stderr)
    assert law.exponent.high - law.exponent.value == pytest.approx(half, rel=1e-9)
    low, high = stats.t.interval(0.95, 3, np.mean(bends), stats.sem(bends))
    found = (law.bend.value, law.bend.low, law.bend.high)
    assert found == pytest.approx(tuple(np.ptp(x) * np.array([np.mean(bends), low, high])))


def test_seeds_with_hardly_any_depth_are_left_out() -> None:
    values = table(7)
    values[1, 1:4] = np.nan
    values[1, 0] = 1e9
    found, others = power_law(DEPTHS, values), power_law(DEPTHS, values[[0, 2, 3]])
    assert found == others
    assert (found.rests_on, others.rests_on) == ("3 of 4", "3")


@pytest.mark.parametrize(
    ("depths", "values"),
    [
        ([10.0], [[1.0], [2.0]]),
        ([10.0, 20.0], [[0.0, 1.0], [1.0, 1.0]]),
        ([10.0, 20.0], [[-1.0, 1.0], [1.0, 1.0]]),
        ([10.0, 20.0], [[np.inf, 1.0], [1.0, 1.0]]),
        ([10.0, 20.0], [[np.nan, 1.0], [np.nan, 1.0]]),
    ],
)
def test_what_has_no_logarithm_has_no_power(depths, values) -> None:
    assert power_law(np.array(depths), np.array(values)) is NOTHING


PROTOTYPE = {"independent": 0.983, "slopes of the seeds": 0.958, "common to a depth": 0.945}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=pytest.mark.long if k != "independent" else ()) for k in DEVIATIONS],
)
def test_coverage(kind: str) -> None:
    # 400 tables: the standard error is one point; the full table is benchmarks/verdict_errors.py.
    assert covered(DEVIATIONS[kind], 400) == pytest.approx(PROTOTYPE[kind], abs=0.03)


@pytest.mark.parametrize("value", [1.0, 0.1, 1e-30, 7e20])
@pytest.mark.parametrize("turned", [0, 1, -1])
def test_equal_values_neither_grow_nor_bend(value: float, turned: int) -> None:
    # Equal up to the last bit, which is no growth either.
    values = np.full((3, len(DEPTHS)), value)
    values[:, 1] = np.nextafter(value, value + turned)
    law = power_law(np.array(DEPTHS, dtype=float), values)
    assert law.exponent.low <= 0 <= law.exponent.high and not law.bends
    assert law.exponent.high - law.exponent.low < 1e-11


@pytest.mark.parametrize("places", [(0, 1, 2, 3, 4, 5), (0, 2, 4, 1, 3, 5)])
def test_seeds_without_a_depth_in_common_are_compared_as_they_are(places) -> None:
    # Which of them is larger by itself nothing tells; a law that both follow is found.
    depths = np.array([16.0, 32.0, 64.0, 128.0, 256.0, 512.0])
    values = np.full((4, 6), np.nan)
    for seed, own in enumerate((places[:3], places[:3], places[3:], places[3:])):
        values[seed, list(own)] = 3.0 / depths[list(own)]
    exponent = power_law(depths, values).exponent
    assert exponent.value == pytest.approx(-1.0, abs=1e-12) and exponent.high < -0.99
