"""Interventions on the weights: smoothing against a loop, draws against what they may do."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from resdepth.mathematics.interventions import (
    INTERVENTIONS,
    half_width,
    output_change,
    pair_order,
    shuffled_order,
    smoothed,
)

DEPTHS = st.integers(1, 300)
SEEDS = st.integers(0, 2**31)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def by_loops(blocks: np.ndarray, width: int) -> np.ndarray:
    """The mean over k - r .. k + r with r at most the width and the distance to either end."""
    found = []
    for k in range(len(blocks)):
        reach = min(width, k, len(blocks) - 1 - k)
        window = [blocks[j] for j in range(k - reach, k + reach + 1)]
        found.append(sum(window) / len(window))
    return np.array(found)


def test_there_are_three() -> None:
    assert INTERVENTIONS == ("smooth", "pair", "shuffle")


@pytest.mark.parametrize(
    ("depth", "width"),
    [(1, 1), (2, 1), (8, 1), (9, 2), (16, 2), (64, 4), (100, 5), (256, 8), (1024, 16), (4096, 32)],
)
def test_half_width_is_half_the_root_of_the_depth(depth: int, width: int) -> None:
    assert half_width(depth) == width


@given(depth=DEPTHS, seed=SEEDS, shape=st.sampled_from([(1,), (3,), (2, 2)]))
def test_smooth_is_a_centred_mean(depth: int, seed: int, shape: tuple[int, ...]) -> None:
    blocks = generator(seed).standard_normal((depth, *shape))
    width = max(1, round(math.sqrt(depth) / 2))
    np.testing.assert_allclose(smoothed(blocks), by_loops(blocks, width), rtol=0, atol=1e-12)


@given(depth=DEPTHS, slope=st.floats(-1e3, 1e3), start=st.floats(-1e3, 1e3))
def test_smooth_keeps_straight_lines(depth: int, slope: float, start: float) -> None:
    line = (start + slope * np.arange(depth) / depth)[:, None] * np.array([1.0, -2.0])
    np.testing.assert_allclose(smoothed(line), line, rtol=0, atol=1e-8)


@given(depth=DEPTHS, seed=SEEDS)
def test_smooth_keeps_the_ends_and_the_range(depth: int, seed: int) -> None:
    blocks = generator(seed).standard_normal((depth, 2))
    found = smoothed(blocks)
    np.testing.assert_allclose(found[[0, -1]], blocks[[0, -1]], rtol=0, atol=1e-12)
    assert np.all(found >= blocks.min(0) - 1e-12) and np.all(found <= blocks.max(0) + 1e-12)


def test_smooth_reduces_the_variance_of_noise_by_its_window() -> None:
    depth = 4096
    inner = smoothed(generator(1).standard_normal((depth, 64)))[32:-32]
    assert inner.var() == pytest.approx(1 / 65, rel=0.02)


@given(depth=DEPTHS, seed=SEEDS)
def test_pair_takes_neighbours_only(depth: int, seed: int) -> None:
    order, places = pair_order(depth, generator(seed)), np.arange(depth)
    assert order.shape == (depth,)
    assert np.array_equal(order // 2, places // 2)
    assert order.min() >= 0 and order.max() < depth
    if depth % 2:
        assert order[-1] == depth - 1


def test_pair_tosses_a_fair_coin_for_every_layer() -> None:
    # The four outcomes of a pair are equally likely, and pairs do not depend on one another.
    orders = np.stack([pair_order(6, g) for g in generator(2).spawn(2000)])
    moved = orders != np.arange(6)
    outcomes = moved @ (1 << np.arange(6))
    counts = np.bincount(outcomes, minlength=64)
    assert stats.chisquare(counts).pvalue > 1e-3


@given(depth=DEPTHS, seed=SEEDS)
def test_shuffle_permutes_and_stays_in_its_block(depth: int, seed: int) -> None:
    order = shuffled_order(depth, generator(seed))
    size = 2 * max(1, round(math.sqrt(depth) / 2))
    assert np.array_equal(np.sort(order), np.arange(depth))
    assert np.array_equal(order // size, np.arange(depth) // size)


def test_shuffle_draws_every_order_of_a_block_equally() -> None:
    orders = [shuffled_order(16, g) for g in generator(3).spawn(2400)]
    for start in (0, 12):
        places = {order: i for i, order in enumerate(itertools.permutations(range(4)))}
        drawn = [places[tuple((order[start : start + 4] - start).tolist())] for order in orders]
        assert stats.chisquare(np.bincount(drawn, minlength=24)).pvalue > 1e-3
    # Two blocks are independent.
    pairs = np.array([[order[0], order[12] - 12] for order in orders])
    table = np.histogram2d(*pairs.T, bins=4)[0]
    assert stats.chi2_contingency(table).pvalue > 1e-3


@pytest.mark.parametrize("draw", [pair_order, shuffled_order])
def test_draws_follow_from_the_generator(draw) -> None:
    first, second = draw(100, generator(5)), draw(100, generator(5))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, draw(100, generator(6)))


@pytest.mark.parametrize("draw", [pair_order, shuffled_order])
def test_a_single_layer_stays(draw) -> None:
    assert draw(1, generator(0)).tolist() == [0]


@given(seed=SEEDS, count=st.integers(1, 4), scale=st.sampled_from([1e-100, 1.0, 1e100]))
def test_output_change_is_a_ratio_of_norms(seed: int, count: int, scale: float) -> None:
    random = generator(seed)
    h0, h = random.standard_normal((2, 5, 3))
    changed = random.standard_normal((count, 5, 3))
    moved = math.sqrt(sum((x - y) ** 2 for x, y in zip(h.flat, h0.flat, strict=True)))
    away = [
        math.sqrt(sum((x - y) ** 2 for x, y in zip(c.flat, h.flat, strict=True))) for c in changed
    ]
    found = output_change(scale * h, scale * h0, scale * changed)
    np.testing.assert_allclose(found, np.array(away) / moved, rtol=1e-12)


def test_no_change_is_zero_and_no_move_is_unknown() -> None:
    h0, h = generator(7).standard_normal((2, 4, 3))
    assert output_change(h, h0, h[None]).tolist() == [0.0]
    assert np.isnan(output_change(h, h, np.stack([h, h0]))).all()
