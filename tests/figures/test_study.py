"""What the pictures of a study draw is what its tables say."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from resdepth.analysis.curvatures import VALUES, HessianRow, HessianTable, hessian_table
from resdepth.analysis.doubling import doubling_table
from resdepth.analysis.entries import trend_table
from resdepth.analysis.fits import CurveFit, DepthFits
from resdepth.analysis.path_tables import variation_table
from resdepth.analysis.rate_tables import RateTable
from resdepth.figures.decay import draw_decays
from resdepth.figures.depth_plots import draw_curvature, draw_doubling
from resdepth.figures.path_plots import draw_growth, draw_trend
from resdepth.figures.transfer_plots import draw_transfer
from resdepth.mathematics.decay_fit import fit_decay
from resdepth.mathematics.interval import mean_interval
from resdepth.mathematics.slopes import NOTHING
from resdepth.mathematics.statistics import trend
from resdepth.mathematics.transfer import RateCurve, transfer
from resdepth.weights.weight_path import WeightPath
from tests.support.artists import bars, curves, same
from tests.support.synthetic import smooth

DEPTHS = (8, 16, 32)


@pytest.fixture
def models() -> list[WeightPath]:
    """Smooth paths with a little noise: three depths of three seeds."""
    random = np.random.default_rng(0)
    return [
        WeightPath(
            Path(f"{seed}/resnet_{depth}.pth"),
            smooth(depth, seed)[:, :9].reshape(depth, 3, 3)
            + 0.01 * random.standard_normal((depth, 3, 3)),
            0.25,
        )
        for depth in DEPTHS
        for seed in range(3)
    ]


def decays() -> list[DepthFits]:
    """Two depths; at the second nothing is identified."""
    t, random = np.arange(1.0, 201), np.random.default_rng(0)
    groups = []
    for depth, rho in ((8, 1.1), (16, 0.0)):
        curves = [2 / (t + 5) ** rho * np.exp(0.02 * random.standard_normal(200)) for _ in "abc"]
        place = (Path(f"{depth}"), "avg_grad_norm", np.arange(200))
        fits = [CurveFit(*place, t, y, t, y, fit_decay(t, y))
                for y in curves]  # fmt: skip
        sure = [fit.fit for fit in fits if fit.fit.identified]
        means = [
            mean_interval(np.array([getattr(fit, name).value for fit in sure]))
            for name in ("C", "T0", "rho")
        ]
        groups.append(DepthFits(depth, tuple(fits), len(sure), *means))
    return groups


@pytest.mark.parametrize("columns", [1, 2])
def test_decays_are_median_range_and_exponents(columns: int) -> None:
    known, unknown = groups = decays()
    assert (known.identified, unknown.identified) == (3, 0)
    curves, exponents = draw_decays(groups, columns).axes
    for line, band, group in zip(curves.lines, curves.collections, groups, strict=True):
        values = np.stack([fit.y for fit in group.fits])
        assert_allclose(line.get_xdata(), group.fits[0].t)
        assert_allclose(line.get_ydata(), np.median(values, axis=0))
        heights = band.get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (values.min(), values.max())
    dots, mean = exponents.lines[:2]
    assert list(dots.get_xdata()) == [8] * 3
    assert_allclose(dots.get_ydata(), [fit.fit.rho.value for fit in known.fits])
    assert_allclose(np.asarray(mean.get_ydata(), dtype=float), [known.rho.value])
    (bar,) = exponents.collections
    assert_allclose(bar.get_segments()[0][:, 1], [known.rho.low, known.rho.high])
    assert exponents.get_xlim() == pytest.approx((8 / 1.25, 16 * 1.25))


def test_where_no_fit_is_identified_it_says_so() -> None:
    _, exponents = draw_decays(decays()[1:]).axes
    assert [text.get_text() for text in exponents.texts] == ["no fit is identified"]


def test_growth_is_that_of_the_table(models: list[WeightPath]) -> None:
    table = variation_table(models, 0.25, (1.0, 2.0, 3.0))
    (axes,) = draw_growth(table).axes
    zero, line = axes.lines
    assert set(zero.get_ydata()) == {0.0}
    assert list(line.get_xdata()) == [1, 2, 3]
    assert_allclose(line.get_ydata(), [growth.exponent.value for growth in table.growth])
    band = axes.collections[0].get_paths()[0].vertices
    for p, growth in zip(table.exponents, table.growth, strict=True):
        heights = band[band[:, 0] == p, 1]
        assert_allclose((heights.min(), heights.max()), (growth.exponent.low, growth.exponent.high))


@pytest.mark.parametrize("columns", [1, 2])
def test_trend_and_noise_add_up_to_the_entry(models: list[WeightPath], columns: int) -> None:
    deepest = models[-1]
    above, below = draw_trend(trend_table(deepest, 0.25), columns).axes
    entry, mean = (line.get_ydata() for line in above.lines)
    (rest,) = (line.get_ydata() for line in below.lines)
    values = 32**0.25 * deepest.blocks
    assert any(np.array_equal(entry, values[:, i, j]) for i in range(3) for j in range(3))
    assert_allclose(mean, trend(entry))
    assert_allclose(mean + rest, entry)


def test_doubling_has_a_dot_a_seed_means_and_the_law(models: list[WeightPath]) -> None:
    table = doubling_table(models, 0.0)
    assert table is not None
    (axes,) = draw_doubling(table).axes
    depths = [row.depth for row in table.rows]
    dots = axes.lines[0]
    same(
        dots.get_data(), np.tile(depths, 3), np.stack([row.values for row in table.rows], 1).ravel()
    )
    (drawn,) = bars(axes)
    assert_allclose(drawn, [(row.depth, row.mean.low, row.mean.high) for row in table.rows])
    law = axes.lines[-1]
    assert_allclose(law.get_xdata(), [row.depth for row in table.rows])
    assert_allclose(law.get_ydata(), [table.law.at(row.depth) for row in table.rows])


def test_bowls_leave_out_where_a_run_diverged() -> None:
    rates, inf = np.array([1.0, 2.0, 4.0]), np.inf
    values = [np.array([[0.5, 0.4, inf]]), np.array([[0.6, 0.5, 0.8]])]
    curves = [
        RateCurve(depth, rates, (0,), row, np.isinf(row))
        for depth, row in zip((8, 16), values, strict=True)
    ]
    table = RateTable("", {}, "loss", transfer(curves), 1.0)
    bowls, best, lost = draw_transfer(table).axes
    assert_allclose(bowls.lines[0].get_ydata(), [0.5, 0.4, np.nan])
    assert_allclose(bowls.lines[2].get_ydata(), [0.6, 0.5, 0.8])
    assert len(best.lines) > 1 and len(lost.lines) == 2


def curvature() -> HessianTable:
    """Three depths of three seeds, one of them missing at the deepest; a trace that is negative."""
    random = np.random.default_rng(0).uniform(1.0, 2.0, (9, 2))
    rows = tuple(
        HessianRow(depth, seed, depth * a, 1.5 + seed / 10, 20.0 * depth * b, -b, 2.0)
        for (depth, seed), (a, b) in zip(product((8, 16, 32), range(3)), random, strict=True)
    )[:-1]
    return hessian_table(rows)


PANELS = {"top": (0, 0), "rate_times_top": (1, 0), "hessian_trace": (2, 0)}
PANELS["gauss_newton_trace"] = (2, 5)
"""Where the dots of a value are: its panel, and how many lines stand before them."""


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("name", VALUES)
def test_curvature_has_a_dot_a_run_means_and_the_law(name: str, columns: int) -> None:
    table = curvature()
    panel, before = PANELS[name]
    axes = draw_curvature(table, columns).axes[panel]
    dots, means, _, _, *law = curves(axes)[before:]
    known = [(row.depth, getattr(row, name)) for row in table.rows]
    assert sorted(zip(*dots, strict=True)) == sorted(known)
    of_depth = [[value for depth, value in known if depth == one] for one in table.depths]
    same(means, table.depths, [np.mean(values) for values in of_depth])
    spans = [stats.t.interval(0.95, len(v) - 1, np.mean(v), stats.sem(v)) for v in of_depth]
    (lows, highs), drawn = np.transpose(spans), bars(axes)[1 if before else 0].T
    assert_allclose(drawn, [table.depths, lows, highs], rtol=1e-9)
    if name == "gauss_newton_trace":
        assert table.laws[name] is NOTHING and not law
    else:
        same(law[0], table.depths, [table.laws[name].at(depth) for depth in table.depths])


def test_the_edge_is_drawn_and_what_is_negative_is_not_on_a_logarithmic_axis() -> None:
    top, rate, trace = draw_curvature(curvature()).axes
    assert any(list(line.get_ydata()) == [2.0, 2.0] for line in rate.lines)
    assert top.get_yscale() == "log" and trace.get_yscale() == "linear"
