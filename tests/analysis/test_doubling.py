"""Distances from L to 2L: which pairs there are, their means, and what is said of them."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from resdepth.analysis.doubling import DoublingTable, doubling_table
from resdepth.mathematics.interval import Interval
from resdepth.mathematics.slopes import NOTHING, PowerLaw
from resdepth.weights.weight_path import WeightPath

BETA = 0.5


def model(depth: int, seed: int, scale: float = 1.0) -> WeightPath:
    blocks = np.random.default_rng([depth, seed]).standard_normal((depth, 2, 2))
    return WeightPath(Path(f"{seed}/resnet_{depth}.pth"), scale * blocks, None)


def distance(depth: int, seed: int) -> float:
    """The definition, written out."""
    coarse, fine = model(depth, seed).blocks, model(2 * depth, seed).blocks
    ours = depth**BETA * coarse
    return float(np.linalg.norm((2 * depth) ** BETA * fine[::2] - ours) / np.linalg.norm(ours))


def table(models: list[WeightPath]) -> DoublingTable:
    found = doubling_table(models, BETA)
    assert found is not None
    return found


@pytest.mark.parametrize("order", range(3))
def test_a_row_a_pair_in_any_order(order: int) -> None:
    depths = (3, 5, 6, 10, 12, 24, 40, 48)
    models = [model(depth, seed) for depth in depths for seed in range(3)]
    turn = np.random.default_rng(order).permutation(len(models))
    found = table([models[i] for i in turn])
    assert [row.depth for row in found.rows] == [3, 5, 6, 12, 24] and found.beta == BETA
    seeds = list(dict.fromkeys(int(models[i].path.parent.name) for i in turn))
    for row in found.rows:
        values = [distance(row.depth, seed) for seed in seeds]
        np.testing.assert_allclose(row.values, values, rtol=1e-12)
        logs = np.log(values)
        low, high = stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs))
        mean = (row.mean.value, row.mean.low, row.mean.high)
        assert mean == pytest.approx((stats.gmean(values), np.exp(low), np.exp(high)))
    means = [np.mean(np.log(row.values)) for row in found.rows]
    slope = stats.linregress(np.log([3, 5, 6, 12, 24]), means).slope
    assert found.law.exponent.value == pytest.approx(slope)


def test_what_a_seed_lacks_is_missing() -> None:
    whole = [model(depth, seed) for depth in (8, 16, 32) for seed in range(3)]
    found = table([m for m in whole if (m.depth, m.path.parent.name) != (32, "1")])
    np.testing.assert_array_equal(np.isnan(found.rows[0].values), [False] * 3)
    np.testing.assert_array_equal(np.isnan(found.rows[1].values), [False, True, False])
    known = [distance(16, seed) for seed in (0, 2)]
    assert found.rows[1].mean.value == pytest.approx(stats.gmean(known))


def test_two_seeds_are_no_pair() -> None:
    apart = [model(8, 0), model(10, 0), model(16, 1), model(36, 1)]
    assert doubling_table(apart, BETA) is None
    found = table([*apart, model(32, 1)])
    assert [row.depth for row in found.rows] == [16]


def test_paths_of_zeros_have_no_distance() -> None:
    assert doubling_table([model(8, 0, 0.0), model(16, 0, 0.0)], BETA) is None


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((-0.5, -0.9, -0.1), "it decreases, the paths approach each other"),
        ((0.5, 0.1, 0.9), "it grows, the paths move apart"),
        ((-0.1, -0.3, 0.1), "the data do not show that it decreases"),
        ((-0.5, np.nan, np.nan), "too few depths to tell"),
    ],
)
def test_what_the_slope_tells(interval: tuple[float, float, float], said: str) -> None:
    law = PowerLaw(Interval(*interval), 0.0, "", (), NOTHING.bend)
    assert said in DoublingTable(BETA, (), law).sentence
