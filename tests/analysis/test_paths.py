"""Tables of paths against numpy on the models themselves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import linregress, t

from resdepth.analysis.path_tables import norm_table, profile_table, variation_table
from resdepth.cli.models import common_beta
from resdepth.errors import Usage
from resdepth.mathematics.pvariation import p_variation_norm
from resdepth.mathematics.slopes import NOTHING, power_law
from resdepth.weights.weight_path import WeightPath
from tests.support.messages import refused
from tests.support.tables import cells

BETA = 0.3


def model(depth: int, seed: int = 0, width: int = 3, beta: float | None = BETA) -> WeightPath:
    blocks = np.random.default_rng([depth, seed]).standard_normal((depth, width, width)) / depth
    return WeightPath(Path(f"seed{seed}/resnet_{depth}.pth"), blocks, beta)


MODELS = [model(depth, seed) for depth in (4, 9, 16) for seed in (0, 1, 2)]


def test_norms_are_numpys_to_the_last_digits() -> None:
    table = norm_table(MODELS, BETA)
    assert [curve.depth for curve in table.curves] == [4, 9, 16]
    for curve in table.curves:
        same = [m for m in MODELS if m.depth == curve.depth]
        norms = np.array(
            [[curve.depth**BETA * np.sqrt((block**2).sum()) for block in m.blocks] for m in same]
        )
        np.testing.assert_allclose(curve.norm.mean, norms.mean(0), rtol=1e-12)
        half = t.ppf(0.975, 2) * norms.std(0, ddof=1) / np.sqrt(3)
        np.testing.assert_allclose(curve.norm.high - curve.norm.mean, half, rtol=1e-10)
        np.testing.assert_allclose(curve.position, [k / curve.depth for k in range(curve.depth)])
        assert curve.files == tuple(m.path for m in same)


@pytest.mark.parametrize("exponents", [(2.0,), (1.0, 1.5, 3.0)])
def test_variation_is_that_of_each_scaled_path(exponents: tuple[float, ...]) -> None:
    table = variation_table(MODELS, BETA, exponents)
    seeds = np.empty((len(exponents), 3, 3))
    for i, row in enumerate(table.rows):
        same = [m for m in MODELS if m.depth == row.depth]
        paths = [row.depth**BETA * m.blocks.reshape(row.depth, -1) for m in same]
        norms = np.array([[p_variation_norm(path, p) for p in exponents] for path in paths])
        np.testing.assert_allclose(row.norm.mean, norms.mean(0), rtol=1e-12)
        np.testing.assert_allclose(row.norm.deviation, norms.std(0, ddof=1), rtol=1e-9)
        seeds[:, :, i] = norms.T
    for growth, values in zip(table.growth, seeds, strict=True):
        expected = power_law(np.array([4.0, 9.0, 16.0]), values)
        slope = linregress(np.log([4, 9, 16]), np.log(values).mean(0)).slope
        assert growth.exponent.value == pytest.approx(slope, rel=1e-10)
        assert growth.exponent.high == pytest.approx(expected.exponent.high, rel=1e-9)
        assert growth.bend.value == pytest.approx(expected.bend.value, rel=1e-7)


def test_one_layer_has_a_norm_and_no_variation() -> None:
    models = [model(1), model(4), model(9)]
    assert norm_table(models, BETA).curves[0].position.tolist() == [0.0]
    table = variation_table(models, BETA, (2.0,))
    assert table.rows[0].norm.mean.tolist() == [0.0]
    # The growth leaves the depth out that has none.
    assert [(part.shallow, part.deep) for part in table.growth[0].local] == [(4, 9)]
    assert variation_table(models[:2], BETA, (2.0,)).growth == (NOTHING,)


def test_runs_of_one_layer_alone_do_not_grow() -> None:
    assert variation_table([model(1)], BETA, (2.0,)).growth == (NOTHING,)


def test_profile_decreases_in_p_and_holds_the_single_norms() -> None:
    exponents = np.linspace(1, 4, 13).tolist()
    table = profile_table(MODELS[:3], BETA, exponents)
    (row,) = table.rows
    assert (np.diff(row.norm.mean) <= 1e-12).all()
    single = variation_table(MODELS[:3], BETA, (2.0,)).rows[0].norm.mean[0]
    assert row.norm.mean[exponents.index(2.0)] == pytest.approx(single, rel=1e-12)


def rough(depth: int, seed: int) -> WeightPath:
    """A Brownian path of weights."""
    steps = np.random.default_rng([depth, seed]).standard_normal((depth, 3, 3))
    return WeightPath(Path(f"{seed}/resnet_{depth}.pth"), steps.cumsum(0) / depth, BETA)


def test_the_critical_exponent_of_brownian_weights_is_2() -> None:
    (row,) = profile_table([rough(2048, seed) for seed in range(3)], BETA, [1.0, 2.0]).rows
    estimates = [run.value for run in row.critical_runs if run is not None]
    assert len(estimates) == 3 and row.critical is not None
    assert row.critical.value == pytest.approx(np.mean(estimates), rel=1e-12)
    error = np.std(estimates, ddof=1) / np.sqrt(3)
    assert row.critical.standard_error == pytest.approx(error, rel=1e-9)
    assert row.critical.value == pytest.approx(2.0, abs=0.2)


def test_a_short_path_has_no_critical_exponent() -> None:
    (row,) = profile_table([rough(100, 0)], BETA, [1.0, 2.0]).rows
    assert (row.critical, row.critical_runs) == (None, (None,))


def test_one_endless_estimate_makes_the_mean_endless() -> None:
    steps = np.random.default_rng(0).standard_normal((600, 3, 3))
    white = WeightPath(
        Path("1/resnet_600.pth"), np.sign(steps) * (np.arange(600) % 2)[:, None, None], BETA
    )
    (row,) = profile_table([rough(600, 0), white], BETA, [1.0, 2.0]).rows
    found = [run.value for run in row.critical_runs if run is not None]
    assert np.isfinite(found).tolist() == [True, False]
    assert row.critical is not None and row.critical.value == np.inf
    assert np.isnan(row.critical.standard_error)


def test_one_estimate_among_short_paths_is_the_mean() -> None:
    still = WeightPath(Path("1/resnet_600.pth"), np.ones((600, 3, 3)), BETA)
    (row,) = profile_table([rough(600, 0), still], BETA, [1.0, 2.0]).rows
    assert row.critical_runs[1] is None and row.critical == row.critical_runs[0]


def test_models_come_in_any_order() -> None:
    shuffled = [MODELS[i] for i in np.random.default_rng(0).permutation(len(MODELS))]
    one, other = (variation_table(models, BETA, (1.0, 2.0)) for models in (MODELS, shuffled))
    for found, expected in zip(other.growth, one.growth, strict=True):
        assert found.exponent.value == pytest.approx(expected.exponent.value, rel=1e-12)
        assert found.exponent.high == pytest.approx(expected.exponent.high, rel=1e-9)
    assert [row.depth for row in other.rows] == [4, 9, 16]


NAMED = [replace(m, family=family) for family in "ba" for m in (MODELS[3], MODELS[0], MODELS[1])]
"""Two families, each of two depths, that do not come in order."""


def digits(*values: float) -> list[str]:
    return [f"{value:.4g}" for value in values]


@pytest.mark.parametrize("models", [MODELS, NAMED], ids=["ours", "families"])
def test_notebooks_show_norms(models: list[WeightPath]) -> None:
    table = norm_table(models, BETA)
    head, rows = cells(table._repr_html_())
    named = ["family"] if models is NAMED else []
    assert head == [*named, "L", "runs", "least", "mean", "largest"]
    expected = [
        [*[c.family][: len(named)], str(c.depth), str(len(c.files)),
         *digits(c.norm.mean.min(), c.norm.mean.mean(), c.norm.mean.max())]
        for c in table.curves
    ]  # fmt: skip
    assert rows == expected


@pytest.mark.parametrize("models", [MODELS, NAMED], ids=["ours", "families"])
def test_notebooks_show_variation_and_its_growth(models: list[WeightPath]) -> None:
    table = variation_table(models, BETA, (1.0, 2.5))
    head, (*rows, growth) = cells(table._repr_html_())
    named = ["family"] if models is NAMED else []
    assert head == [*named, "L", "runs", "p = 1", "p = 2.5"]
    assert rows == [
        [*[r.family][: len(named)], str(r.depth), str(len(r.files)), *digits(*r.norm.mean)]
        for r in table.rows
    ]
    # Families of their own do not grow into one another.
    assert all(law is NOTHING for law in table.growth) == (models is NAMED)
    laws = [str(law.exponent) for law in table.growth]
    assert growth == ["power of L", *[""] * len(head[:-3]), *laws]


def test_notebooks_show_critical_exponents_where_there_are_some() -> None:
    table = profile_table([rough(100, 0), rough(600, 0)], BETA, [1.0, 2.0])
    head, rows = cells(table._repr_html_())
    assert head == ["L", "runs", "p = 1", "p = 2", "critical exponent"]
    short, long = table.rows
    assert long.critical is not None
    assert rows == [
        ["100", "1", *digits(*short.norm.mean), ""],
        ["600", "1", *digits(*long.norm.mean, long.critical.value)],
    ]


def test_beta_is_the_runs_own_or_given() -> None:
    assert common_beta(MODELS, None) == BETA
    assert common_beta([model(4, beta=None)], 0.5) == 0.5
    assert common_beta(MODELS, 0.0) == 0.0
    with refused(Usage, match="belongs to no run"):
        common_beta([*MODELS, model(4, beta=None)], None)
    with refused(Usage, match=r"0\.3.* 0\.5"):
        common_beta([model(4), model(9, beta=0.5)], None)
