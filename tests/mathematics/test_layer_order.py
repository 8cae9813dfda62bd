"""The order of the layers: sums by loops, all orders of few layers, p-values and power."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist

from resdepth.mathematics.layer_order import (
    FEWEST_RANDOM,
    ORDERS,
    LayerOrder,
    combined,
    one_sided,
    order_of_distances,
    order_of_path,
    orders,
)
from tests.support.synthetic import fractional, smooth, white


def path_of(seed: int, depth: int, width: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((depth, width))


def variation(path: np.ndarray) -> float:
    """The sum of |A_{k+1} - A_k|^2, term for term."""
    return sum(float((b - a) @ (b - a)) for a, b in itertools.pairwise(path))


def by_distances(path: np.ndarray, seed: int = 0, count: int = ORDERS) -> LayerOrder:
    return order_of_distances(cdist(path, path), seed, count)


EITHER = pytest.mark.parametrize("compare", [order_of_path, by_distances])


@EITHER
@pytest.mark.parametrize("depth", [3, 4, 5, 6, 7])
def test_few_layers_are_compared_in_all_orders(compare, depth: int) -> None:
    path = path_of(depth, depth) + np.arange(depth)[:, None]
    sums = [variation(path[list(order)]) for order in itertools.permutations(range(depth))]
    found = compare(path)
    # Every order and its reversal have one sum, so that both counts are doubled.
    assert found.p_value == pytest.approx(np.mean(np.array(sums) <= sums[0] * (1 + 1e-9)))
    assert found.exact and found.orders == math.factorial(depth) // 2 - 1
    every = np.sort(np.repeat(np.append(found.null, sums[0]), 2))
    np.testing.assert_allclose(every, np.sort(sums), rtol=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 5, 7])
def test_a_reversal_is_not_another_order(depth: int) -> None:
    found = {tuple(order.tolist()) for order in orders(depth, 0)}
    assert len(found) == math.factorial(depth) // 2 - 1
    assert tuple(range(depth)) not in found
    assert not any(order[::-1] in found for order in found)
    assert all(sorted(order) == list(range(depth)) for order in found)


@given(depth=st.integers(FEWEST_RANDOM, 40), seed=st.integers(0, 2**31), count=st.integers(1, 20))
def test_random_orders_are_permutations_that_follow_from_the_seed(
    depth: int, seed: int, count: int
) -> None:
    found = np.stack([*orders(depth, seed, count)])
    assert np.array_equal(np.sort(found), np.tile(np.arange(depth), (count, 1)))
    assert np.array_equal(found, np.stack([*orders(depth, seed, count)]))


def test_random_orders_have_every_layer_at_every_place() -> None:
    found = np.stack([*orders(8, 1, 4000)])
    counts = np.stack([np.bincount(found[:, place], minlength=8) for place in range(8)])
    assert stats.chi2.sf((np.square(counts - 500) / 500).sum() * 7 / 8, 49) > 1e-3


@EITHER
@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    depth=st.integers(3, 30),
    width=st.integers(1, 4),
    unit=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_every_field_is_its_definition(
    compare, seed: int, depth: int, width: int, unit: float
) -> None:
    path = unit * (path_of(seed, depth, width) + np.linspace(0, 1, depth)[:, None])
    found = compare(path, 3, 9)
    null = [variation(path[order]) for order in orders(depth, 3, 9)]
    centred, steps = path - path.mean(0), np.diff(path, axis=0)
    inner = [centred[k] @ centred[k + 1] for k in range(depth - 1)]
    products = [steps[k] @ steps[k + 1] for k in range(depth - 2)]
    sizes, lengths = [c @ c for c in centred], [s @ s for s in steps]
    assert found.statistic == pytest.approx(variation(path), rel=1e-9)
    np.testing.assert_allclose(found.null, null, rtol=1e-9)
    smaller = sum(x <= variation(path) * (1 + 1e-9) for x in null)
    assert found.p_value == pytest.approx((1 + smaller) / (1 + len(null)))
    assert found.neighbours == pytest.approx(np.mean(inner) / np.mean(sizes), abs=1e-9)
    assert found.increments == pytest.approx(np.mean(products) / np.mean(lengths), abs=1e-9)
    assert found.orders == len(null) and found.exact == (depth < FEWEST_RANDOM)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), depth=st.integers(3, 30), far=st.sampled_from([0.0, 1e4]))
def test_both_ways_are_equal(seed: int, depth: int, far: float) -> None:
    path = path_of(seed, depth) + far
    one, other = order_of_path(path, 2, 19), by_distances(path, 2, 19)
    np.testing.assert_allclose(one.null, other.null, rtol=1e-6)
    assert (one.p_value, one.orders, one.exact) == (other.p_value, other.orders, other.exact)
    found, expected = ((x.statistic, x.neighbours, x.increments) for x in (one, other))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


@EITHER
@pytest.mark.parametrize("depth", [5, 20])
def test_equal_layers_have_no_order(compare, depth: int) -> None:
    found = compare(np.ones((depth, 3)))
    assert found.p_value == 1.0 and found.statistic == 0.0
    assert math.isnan(found.neighbours) and math.isnan(found.increments)
    assert found.sentence.startswith("no sign of order: smoother than 0 of")


@EITHER
@pytest.mark.parametrize("depth", [1, 2])
def test_two_layers_have_no_order(compare, depth: int) -> None:
    with pytest.raises(ValueError, match="3 layers"):
        compare(path_of(0, depth))


@EITHER
@pytest.mark.parametrize("seed", range(5))
def test_orders_with_equal_sums_up_to_rounding_are_no_larger(compare, seed: int) -> None:
    # Sums of small integers are exact, and many orders have one sum.
    whole = np.random.default_rng(seed).choice([0.0, 1.0, 3.0], (16, 1))
    assert compare(whole / 3, seed, 99).p_value == compare(whole, seed, 99).p_value


def uniform(count: int, draws: int) -> float:
    found = [order_of_path(path_of(i, 12), i, draws).p_value for i in range(count)]
    return float(stats.kstest(found, "uniform").pvalue)


def test_p_values_of_independent_layers_are_uniform() -> None:
    assert uniform(200, 99) > 1e-3


@pytest.mark.long
def test_p_values_of_independent_layers_are_uniform_on_1000_paths() -> None:
    assert uniform(1000, ORDERS) > 1e-3


def test_exact_p_values_are_uniform() -> None:
    found = [order_of_path(path_of(i, 5), i).p_value for i in range(200)]
    assert stats.kstest(found, "uniform").pvalue > 1e-3


@EITHER
@pytest.mark.parametrize("depth", [8, 16, 64])
@pytest.mark.parametrize("seed", range(3))
def test_smooth_paths_are_always_found(compare, depth: int, seed: int) -> None:
    found = compare(smooth(depth, seed), seed)
    assert found.p_value == 1 / (1 + ORDERS) and found.neighbours > 0
    assert found.sentence == "smoother than all 999 permutations of the layers (p = 0.001)"


def test_a_line_is_the_smoothest_of_all_orders() -> None:
    found = order_of_path(np.arange(6.0)[:, None])
    assert found.p_value == 1 / 360 and found.increments == pytest.approx(1.0)
    assert found.sentence == "smoother than all 359 other orders of the layers (p = 0.00278)"


def test_alternating_layers_are_rougher_than_others() -> None:
    path = (-1.0) ** np.arange(20)[:, None]
    found = order_of_path(path)
    assert found.p_value == 1.0 and found.neighbours < -0.9
    assert found.increments == pytest.approx(-1.0)


@pytest.mark.parametrize("seed", range(3))
def test_increments_of_independent_layers_are_correlated_by_minus_one_half(seed: int) -> None:
    found = order_of_path(white(512, seed), seed, 19)
    assert found.increments == pytest.approx(-0.5, abs=0.01)
    assert found.neighbours == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize("hurst", [0.3, 0.7])
def test_neighbours_of_fractional_noise_are_correlated_as_they_should(hurst: float) -> None:
    found = order_of_path(fractional(512, 1, hurst), 1, 99)
    expected = 2 ** (2 * hurst - 1) - 1
    assert found.neighbours == pytest.approx(expected, abs=0.05)
    assert (found.p_value <= 0.02) == (hurst > 0.5)


def test_one_sided_counts_the_order_itself_and_rounding() -> None:
    null = np.array([[1.0, 2.0], [1.0 + 1e-12, 0.5], [3.0, 9.0]])
    np.testing.assert_array_equal(one_sided(np.array([1.0, 1.0]), null), [3 / 4, 2 / 4])


def test_seeds_are_combined_by_their_sums() -> None:
    found = [order_of_path(path_of(seed, 9), seed, 19) for seed in range(3)]
    one = combined(found)
    assert one.statistic == pytest.approx(sum(x.statistic for x in found))
    np.testing.assert_allclose(one.null, np.sum([x.null for x in found], axis=0))
    assert one.p_value == (1 + (one.null <= one.statistic).sum()) / 20
    assert one.neighbours == pytest.approx(np.mean([x.neighbours for x in found]))
    assert combined(found[:1]) is found[0]
