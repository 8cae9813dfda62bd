"""What the picture of a scaling draws is its table: dots, bands of the means, power laws, H."""

import warnings

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from numpy.testing import assert_allclose
from scipy import stats

from resdepth.analysis.scaling import ScalingTable, scaling_table
from resdepth.figures.depth_plots import LABELS, draw_scaling, draw_statistic
from resdepth.mathematics.exponents import PathObservation
from resdepth.mathematics.statistics import path_statistics
from tests.support.artists import curves
from tests.support.synthetic import smooth, white

DEPTHS, SEEDS, BETA = (8, 16, 64), 3, 0.25
DRAWN = {
    "beta": lambda v, depths: v["RMS"],
    "nu": lambda v, depths: v["NOISE"],
    "q1": lambda v, depths: v["V1"] / v["RMS"],
    "q2": lambda v, depths: v["P2"] / v["RMS"],
    "irel": lambda v, depths: v["I"] / v["RMS"],
    "pr": lambda v, depths: v["PR"],
    "variation_norm": lambda v, depths: v["P2"] * depths**BETA,
}
"""What stands in each panel, by the exponent in its title."""


@pytest.fixture(scope="module")
def table() -> ScalingTable:
    cells = [PathObservation(s, path_statistics(white(n, s))) for s in range(SEEDS) for n in DEPTHS]
    return scaling_table(cells, BETA)


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("number", range(len(LABELS)))
def test_a_panel_is_its_statistic(table: ScalingTable, number: int, columns: int) -> None:
    axes, name = draw_scaling(table, columns).axes[number], list(LABELS)[number]
    values = DRAWN[name](table.table.values, table.table.depths)
    dots, *seeds, line = curves(axes)
    assert_allclose(dots[0], np.tile(DEPTHS, SEEDS))
    assert_allclose(dots[1], values.ravel(), rtol=1e-12)
    assert_allclose(seeds, [(DEPTHS, row) for row in values], rtol=1e-12)
    logs = np.log(values)
    low, high = stats.t.interval(0.95, SEEDS - 1, logs.mean(0), stats.sem(logs, axis=0))
    (band,) = (c for c in axes.collections if isinstance(c, PolyCollection))
    found = np.unique(band.get_paths()[0].vertices, axis=0)
    edges = np.stack([np.exp(low), np.exp(high)], axis=1).ravel()
    assert_allclose(found, np.stack([np.repeat(DEPTHS, 2), edges], axis=1))
    fitted = stats.linregress(np.log(DEPTHS), logs.mean(0))
    assert_allclose(line[0], DEPTHS)
    assert_allclose(line[1], np.exp(fitted.intercept) * np.array(DEPTHS) ** fitted.slope)
    assert axes.get_title(loc="left").endswith(f"= {table.exponents.intervals[name]}")


def test_the_last_panel_has_the_hurst_exponents_that_are_known(table: ScalingTable) -> None:
    axes = draw_scaling(table).axes[-1]
    _, dots = curves(axes)
    # Paths of 8 layers are too short to have one.
    assert_allclose(dots[0], np.tile(DEPTHS[1:], SEEDS))
    assert_allclose(dots[1], table.table.values["H"][:, 1:].ravel())


@pytest.mark.parametrize("name", ["P2", "PR", "H", "RMS"])
def test_one_statistic_has_one_line_per_seed(table: ScalingTable, name: str) -> None:
    (axes,) = draw_statistic(table, name).axes
    values = table.table.values[name] * table.table.depths ** (BETA if name in ("P2", "RMS") else 0)
    expected = [(np.array(DEPTHS)[np.isfinite(row)], row[np.isfinite(row)]) for row in values]
    found = curves(axes)
    assert len(found) == SEEDS
    for one, (x, y) in zip(found, expected, strict=True):
        assert_allclose(one[0], x)
        assert_allclose(one[1], y, rtol=1e-12)
    legend = axes.get_legend()
    assert legend is not None and len(legend.get_texts()) == SEEDS


def test_exponents_that_seeds_do_not_share_have_no_title() -> None:
    kinds = (smooth, smooth, white, white)
    cells = [
        PathObservation(s, path_statistics(kind(n, s)))
        for s, kind in enumerate(kinds)
        for n in (16, 32, 64, 128, 256)
    ]
    found = scaling_table(cells)
    axes = draw_scaling(found).axes[list(LABELS).index("q1")]
    assert found.verdict.agreement["q1"].rejected
    assert axes.get_title(loc="left").endswith("= by seed")


@pytest.mark.parametrize("name", ["P2", "H"])
def test_a_statistic_that_is_zero_or_unknown_is_drawn(name: str) -> None:
    cells = [PathObservation(0, path_statistics(np.zeros((n, 4)))) for n in DEPTHS]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert draw_statistic(scaling_table(cells), name).axes
