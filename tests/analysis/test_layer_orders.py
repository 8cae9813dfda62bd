"""Paths against their layers in random order: bands, rows and initial weights, by definition."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import resdepth
from resdepth.analysis import layer_orders
from resdepth.analysis.layer_orders import (
    DRAWN,
    NullTable,
    initial_paths,
    layer_order,
    null_seconds,
    null_table,
    order_table,
    permuted_norms,
)
from resdepth.analysis.path_tables import norm_table, norms_along, profile_table
from resdepth.analysis.pool import Pool, paths_of
from resdepth.mathematics.layer_order import order_of_path
from resdepth.mathematics.pvariation import p_variation_norm
from resdepth.training.dense import build
from resdepth.weights.weight_path import WeightPath
from tests.support.synthetic import smooth, white

BETA = 0.3
OLD = Path(__file__).parents[1] / "runs" / "old"


def model(depth: int, seed: int = 0, *, trend: float = 0.0) -> WeightPath:
    random = np.random.default_rng([depth, seed])
    blocks = random.standard_normal((depth, 3, 3)) + trend * np.arange(depth)[:, None, None]
    return WeightPath(Path(f"seed{seed}/resnet_{depth}.pth"), blocks)


def measured(paths: list[WeightPath], exponents: tuple[float, ...] = (2.0,)) -> NullTable:
    pool = Pool(paths)
    return null_table(pool, BETA, exponents, norms_along(pool, BETA))


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("points", [False, True])
def test_permuted_norms_are_those_of_permuted_layers(monkeypatch, far: bool, points: bool) -> None:
    monkeypatch.setattr(layer_orders, "FEW_POINTS", 5 if points else 512)
    path = replace(model(20), layers=model(20).layers + 1e3 * far)
    random = np.random.default_rng(1)
    orders = np.stack([random.permutation(20) for _ in range(4)])
    found = permuted_norms(path, BETA, [1.0, 2.5], orders)
    for row, order in zip(found, orders, strict=True):
        own = 20**BETA * path.blocks.reshape(20, -1)[order]
        expected = [p_variation_norm(own, p) for p in (1.0, 2.5)]
        np.testing.assert_allclose(row, expected, rtol=1e-7 if far else 1e-10)


def test_both_ways_of_reading_give_the_same_table(monkeypatch) -> None:
    held = [model(20, 0, trend=0.1), model(20, 1)]
    monkeypatch.setattr(WeightPath, "way", "distances")
    one = measured(held)
    monkeypatch.setattr(WeightPath, "way", "path")
    monkeypatch.setattr(layer_orders, "FEW_POINTS", 0)
    monkeypatch.setattr(layer_orders, "DEEPEST_MATRIX", 0)
    other = measured(held)
    for a, b in zip(one.paths, other.paths, strict=True):
        assert a.P2.ratio == pytest.approx(b.P2.ratio, rel=1e-9)
        assert a.quadratic_variation.p_value == b.quadratic_variation.p_value


def test_a_band_holds_the_means_over_runs_of_permuted_layers() -> None:
    paths = [model(9, seed, trend=0.3) for seed in range(3)]
    table = measured(paths, (1.0, 3.0))
    (curve,) = table.curves
    orders = [np.random.default_rng([place, 2]) for place in range(3)]
    means, norms = [], []
    for _ in range(DRAWN):
        drawn = [p.blocks[o.permutation(9)] * 9**BETA for p, o in zip(paths, orders, strict=True)]
        means.append(np.mean([np.linalg.norm(b.reshape(9, -1), axis=1) for b in drawn], axis=0))
        each = [[p_variation_norm(b.reshape(9, -1), p) for p in (1.0, 3.0)] for b in drawn]
        norms.append(np.mean(each, axis=0))
    for band, values in ((curve.norm, means), (curve.p_variation_norm, norms)):
        assert band is not None and band.initial is None
        np.testing.assert_allclose(band.low, np.min(values, 0), rtol=1e-10)
        np.testing.assert_allclose(band.mean, np.mean(values, 0), rtol=1e-10)
        np.testing.assert_allclose(band.high, np.max(values, 0), rtol=1e-10)
    assert curve.files == tuple(path.source for path in paths) and table.orders == DRAWN


def test_a_row_is_the_test_of_its_path() -> None:
    paths = [model(12, 0), model(12, 1, trend=1.0)]
    noise, trend = measured(paths).paths
    assert (noise.depth, noise.family, noise.file) == (12, "", paths[0].source)
    for place, (row, path) in enumerate(zip((noise, trend), paths, strict=True)):
        own = path.blocks.reshape(12, -1)
        test = order_of_path(own, place)
        ratio = test.statistic / test.null.mean()
        assert row.quadratic_variation.ratio == pytest.approx(ratio, rel=1e-9)
        assert row.quadratic_variation.p_value == test.p_value
        assert (row.orders, row.exact) == (999, False)
        assert row.neighbours == pytest.approx(test.neighbours, abs=1e-9)
        assert row.increments == pytest.approx(test.increments, abs=1e-9)
        for p, found in ((1.0, row.V1), (2.0, row.P2)):
            random = np.random.default_rng([place, 2])
            null = [p_variation_norm(own[random.permutation(12)], p) for _ in range(DRAWN)]
            norm = p_variation_norm(own, p)
            assert found.ratio == pytest.approx(norm / np.mean(null), rel=1e-9)
            close = sum(x <= norm * (1 + 1e-9) for x in null)
            assert found.p_value == pytest.approx((1 + close) / (1 + DRAWN))
    assert trend.V1.p_value == 1 / 40 and trend.V1.ratio < 0.5


def test_the_sentence_is_that_of_all_seeds_of_a_depth() -> None:
    paths = [WeightPath(Path(f"{s}/x_{n}"), smooth(n, s)) for s in range(2) for n in (8, 16)]
    curves = measured(sorted(paths, key=lambda path: path.depth)).curves
    expected = "2 seeds together: smoother than all 999 permutations of the layers (p = 0.001)"
    assert [(c.depth, c.sentence) for c in curves] == [(8, expected), (16, expected)]
    (curve,) = measured([WeightPath(Path("a"), white(64, 3))]).curves
    assert curve.sentence.startswith("no sign of order: smoother than")


def test_the_table_of_a_study_has_the_same_test() -> None:
    paths = [model(depth, seed, trend=0.2) for depth in (5, 9) for seed in (0, 1)]
    order = order_table(paths, [0, 1, 0, 1])
    table = measured(paths)
    assert order is not None and order.sentence == table.curves[-1].sentence
    found = [row.quadratic_variation.p_value for row in table.paths]
    assert found == [one.p_value for _, _, one in order.paths]
    assert order.p_value < min(found[2:]) + 1e-9


def test_too_few_layers_have_no_order_and_no_band() -> None:
    table = measured([model(1), model(2), model(3)])
    assert [row.depth for row in table.paths] == [3]
    assert [curve.sentence == "" for curve in table.curves] == [True, True, False]
    assert [curve.norm is None for curve in table.curves] == [True, True, False]
    assert layer_order(model(2)) is None and order_table([model(2)], [0]) is None


def test_equal_layers_have_no_ratio() -> None:
    (row,) = measured([WeightPath(Path("a"), np.ones((10, 2, 2)))]).paths
    assert np.isnan(row.quadratic_variation.ratio) and np.isnan(row.V1.ratio)
    assert row.quadratic_variation.p_value == row.P2.p_value == 1.0


def test_families_and_depths_are_the_curves_of_the_figure() -> None:
    paths = [replace(model(n), family=f"{name}.{{k}}") for name in ("b", "a") for n in (4, 9)]
    pool = Pool(paths)
    table = null_table(pool, 0.0, [2.0])
    shown = [(curve.family, curve.depth) for curve in profile_table(pool, 0.0, [2.0]).rows]
    assert [(curve.family, curve.depth) for curve in table.curves] == shown
    assert all(curve.norm is None for curve in table.curves)
    assert [(row.family, row.depth) for row in table.paths] == shown


@pytest.mark.long
def test_shares_of_independent_layers_are_uniform() -> None:
    rows = measured([model(12, seed) for seed in range(200)]).paths
    for name in ("quadratic_variation", "V1", "P2"):
        found = [getattr(row, name).p_value for row in rows]
        assert stats.kstest(found, "uniform").pvalue > 1e-3, name


def test_a_mean_of_independent_layers_lies_in_its_band() -> None:
    """At 95 % of the places, on average over many paths."""
    inside = []
    for seed in range(40):
        pool = Pool([model(30, 2 * seed), model(30, 2 * seed + 1)])
        (curve,) = norm_table(pool, BETA).curves
        (found,) = null_table(pool, BETA, norms=norms_along(pool, BETA)).curves
        assert found.norm is not None
        mean = curve.norm.mean
        inside.append(((found.norm.low <= mean) & (mean <= found.norm.high)).mean())
    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)


def test_initial_weights_are_those_that_training_begins_with(small_run: Path) -> None:
    (path,) = paths_of(small_run)
    (first,) = initial_paths([path])
    assert (first.source, first.run) == (path.source, path.run)
    begun = build(resdepth.open_run(small_run).options, threads=1).network.blocks
    np.testing.assert_array_equal(first.blocks, begun.numpy())
    pool = Pool([path])
    (curve,) = null_table(pool, 0.25, [1.0], norms_along(pool, 0.25)).curves
    assert curve.norm is not None and curve.p_variation_norm is not None
    scaled = 6**0.25 * first.blocks.reshape(6, -1)
    np.testing.assert_allclose(curve.norm.initial, np.linalg.norm(scaled, axis=1), rtol=1e-12)
    expected = [p_variation_norm(scaled, 1.0)]
    np.testing.assert_allclose(curve.p_variation_norm.initial, expected, rtol=1e-12)


def test_an_old_run_has_initial_weights_and_a_file_has_none(small_run: Path) -> None:
    (path,) = paths_of(OLD / "train")
    (first,) = initial_paths([path])
    assert first.blocks.shape == path.blocks.shape
    (ours,) = paths_of(small_run)
    assert not initial_paths([replace(ours, layers=ours.blocks[:5])])
    mixed = Pool([ours, replace(ours, run=None, source=Path("file.pth"))])
    (curve,) = null_table(mixed, 0.25, [1.0]).curves
    assert curve.p_variation_norm is not None and curve.p_variation_norm.initial is None


def test_the_cost_grows_with_depth_and_exponents() -> None:
    shallow, deep = [model(16)], [WeightPath(Path("a"), np.zeros((4096, 4, 4)))]
    assert null_seconds(shallow, 63) < 0.1 < null_seconds(deep, 63)
    assert null_seconds(deep, 3) < null_seconds(deep, 63) < null_seconds(deep * 2, 63)
