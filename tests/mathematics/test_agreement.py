"""The F test of different slopes against dummy variables written out, and its p-values."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from resdepth.mathematics.agreement import LEVEL, UNTESTED, Agreement, agreement

DEPTHS = 2.0 ** np.arange(4, 11)


def logs(seed: int, seeds: int = 5, depths: int = 7, size: float = 0.1) -> np.ndarray:
    """An effect of every seed and of every depth, and noise."""
    random = np.random.default_rng(seed)
    own, common = random.standard_normal((seeds, 1)), random.standard_normal(depths)
    return own + common + size * random.standard_normal((seeds, depths))


def masked(seed: int, y: np.ndarray, share: float) -> np.ndarray:
    holes = np.random.default_rng([seed, 1]).random(y.shape) < share
    return np.where(holes, np.nan, y)


def residual(columns: list[np.ndarray], y: np.ndarray) -> tuple[float, int]:
    """Sum of squares and rank, by Gram-Schmidt."""
    basis: list[np.ndarray] = []
    for column in columns:
        left = column.copy()
        for _ in range(2):
            for one in basis:
                left -= (one @ left) * one
        if np.linalg.norm(left) > 1e-9 * max(1.0, float(np.linalg.norm(column))):
            basis.append(left / np.linalg.norm(left))
    for one in basis:
        y = y - (one @ y) * one
    return float(y @ y), len(basis)


def by_dummies(depths: np.ndarray, values: np.ndarray) -> Agreement:
    """The F test of nested models, from one row per cell; seeds with one cell are left out."""
    rows = [
        (seed, depth, math.log(depths[depth]), math.log(values[seed, depth]))
        for seed in range(len(values))
        for depth in range(len(depths))
        if not math.isnan(values[seed, depth])
    ]
    per_seed = [sum(row[0] == seed for row in rows) for seed in range(len(values))]
    rows = [row for row in rows if per_seed[row[0]] > 1]
    seeds, places, x, y = (np.array(column) for column in zip(*rows, strict=True))
    null = [(seeds == s).astype(float) for s in np.unique(seeds)]
    null += [(places == p).astype(float) for p in np.unique(places)]
    slopes = [(seeds == s) * (x - x[seeds == s].mean()) for s in np.unique(seeds)]
    less, rank = residual(null, y)
    more, full = residual(null + slopes, y)
    first, second = full - rank, len(y) - full
    if first < 1 or second < 1:
        return UNTESTED
    statistic = (less - more) / first / (more / second)
    return Agreement(statistic, (first, second), float(stats.f.sf(statistic, first, second)))


def same(found: Agreement, expected: Agreement) -> None:
    assert found.freedom == expected.freedom
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-6, nan_ok=True)
    assert found.p_value == pytest.approx(expected.p_value, rel=1e-5, nan_ok=True)


@given(seed=st.integers(0, 2**31), seeds=st.integers(2, 6), depths=st.integers(3, 7))
def test_the_statistic_of_a_whole_table_is_in_closed_form(
    seed: int, seeds: int, depths: int
) -> None:
    y, x = logs(seed, seeds, depths), np.log(DEPTHS[:depths])
    rest = y - y.mean(1, keepdims=True) - y.mean(0) + y.mean()
    x = x - x.mean()
    between = float(np.square(rest @ x).sum() / (x @ x))
    within = float(np.square(rest).sum()) - between
    freedom = seeds - 1, (seeds - 1) * (depths - 2)
    statistic = between / freedom[0] / (within / freedom[1])
    found = agreement(DEPTHS[:depths], np.exp(y))
    same(found, Agreement(statistic, freedom, float(stats.f.sf(statistic, *freedom))))


@given(
    seed=st.integers(0, 2**31),
    seeds=st.integers(1, 6),
    depths=st.integers(2, 7),
    share=st.sampled_from([0.0, 0.1, 0.3, 0.6]),
)
def test_missing_cells_are_left_out(seed: int, seeds: int, depths: int, share: float) -> None:
    y = masked(seed, logs(seed, seeds, depths), share)
    if (np.isfinite(y).sum(1) > 1).any():
        same(agreement(DEPTHS[:depths], np.exp(y)), by_dummies(DEPTHS[:depths], np.exp(y)))


def test_a_seed_with_one_depth_counts_for_nothing() -> None:
    values = np.exp(logs(3))
    values[1, 1:] = np.nan
    others = agreement(DEPTHS, values[[0, 2, 3, 4]])
    same(agreement(DEPTHS, values), others)
    assert others.freedom == (3, 15)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), bend=st.floats(-2, 2), slope=st.floats(-2, 2))
def test_what_all_seeds_share_changes_nothing(seed: int, bend: float, slope: float) -> None:
    y, x = logs(seed), np.log(DEPTHS)
    same(
        agreement(DEPTHS, np.exp(y + slope * x + bend * (x - 5) ** 2)), agreement(DEPTHS, np.exp(y))
    )


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), unit=st.sampled_from([1e-30, 1e-3, 1e20]))
def test_neither_do_units_nor_the_order_of_the_seeds(seed: int, unit: float) -> None:
    values = np.exp(logs(seed))
    mixed = np.random.default_rng(seed).permutation(len(values))
    same(agreement(DEPTHS, unit * values[mixed]), agreement(DEPTHS, values))


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_p_values_of_seeds_that_agree_are_uniform(share: float) -> None:
    tables = [np.exp(masked(i, logs(i), share)) for i in range(400)]
    found = [agreement(DEPTHS, table).p_value for table in tables]
    assert stats.kstest(found, "uniform").pvalue > 1e-3


def test_a_mixture_is_found_and_a_bend_is_not_one() -> None:
    x = np.log(DEPTHS)
    slopes = np.array([0.4, 0.4, 0.4, 0.4, 0.03])[:, None]
    rejected = [agreement(DEPTHS, np.exp(logs(i) + slopes * x)).rejected for i in range(50)]
    assert all(rejected)
    bent = [agreement(DEPTHS, np.exp(logs(i) + 0.3 * x**2)).rejected for i in range(200)]
    assert np.mean(bent) < 0.04


@pytest.mark.parametrize("unit", [1e-100, 1.0, 1e100])
def test_lines_without_noise_agree_or_do_not(unit: float) -> None:
    levels = np.array([1.0, 3.0, 7.0])[:, None]
    assert not agreement(DEPTHS, unit * levels * DEPTHS**0.5).rejected
    assert not agreement(DEPTHS, unit * levels * DEPTHS**0.5 * np.log(DEPTHS)).rejected
    different = agreement(DEPTHS, unit * levels * DEPTHS ** np.array([[0.5], [0.5], [0.51]]))
    assert different.rejected and different.p_value < 1e-12


@pytest.mark.parametrize("value", [1.0, 0.1, 1e30])
def test_equal_values_agree(value: float) -> None:
    assert not agreement(DEPTHS, np.full((4, 7), value)).rejected


@settings(max_examples=50)
@given(seed=st.integers(0, 2**31), seeds=st.integers(2, 6))
def test_rounding_is_no_difference(seed: int, seeds: int) -> None:
    y = logs(seed, seeds, size=0.0)
    assert not agreement(DEPTHS, np.exp(y)).rejected


def test_values_of_a_seed_with_one_depth_may_be_anything() -> None:
    values = np.exp(logs(3))
    values[1, 1:], values[1, 0] = np.nan, -1.0
    same(agreement(DEPTHS, values), agreement(DEPTHS, values[[0, 2, 3, 4]]))


@pytest.mark.parametrize(
    ("depths", "values"),
    [
        ([10.0], [[1.0], [2.0]]),
        ([10.0, 20.0], [[1.0, 2.0], [2.0, 3.0]]),
        ([10.0, 20.0, 40.0], [[1.0, 2.0, 3.0]]),
        ([10.0, 20.0, 40.0], [[1.0, 2.0, 3.0], [1.0, 0.0, 3.0]]),
        ([10.0, 20.0, 40.0], [[1.0, 2.0, 3.0], [1.0, -1.0, 3.0]]),
        ([10.0, 20.0, 40.0], [[1.0, 2.0, 3.0], [1.0, np.inf, 3.0]]),
        ([10.0, 20.0, 40.0], [[np.nan, np.nan, np.nan], [np.nan, np.nan, 3.0]]),
        ([10.0, 20.0, 40.0], [[1.0, 2.0, 5.0], [np.nan, np.nan, 3.0]]),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_cannot_be_compared_is_not_tested(depths, values) -> None:
    found = agreement(np.array(depths), np.array(values))
    assert found is UNTESTED and not found.rejected and math.isnan(found.p_value)


def test_seeds_without_a_depth_in_common_are_not_compared_by_their_levels() -> None:
    # Slopes 1 and -1 at other depths: the depths' own effects explain both.
    values = np.full((2, 6), np.nan)
    values[0, :3], values[1, 3:] = DEPTHS[:3], 1 / DEPTHS[3:6]
    assert agreement(DEPTHS[:6], values) is UNTESTED


def test_the_level_is_one_percent() -> None:
    assert LEVEL == 0.01
    assert Agreement(5.0, (4, 20), 0.0099).rejected and not Agreement(5.0, (4, 20), 0.01).rejected
