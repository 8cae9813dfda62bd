"""What the pictures of paths and runs plot is what their tables say, to the last digit."""

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from resdepth.analysis.entries import entry_table
from resdepth.analysis.path_tables import norm_table, profile_table
from resdepth.figures import decay, path_plots, style
from resdepth.mathematics.pvariation import CriticalExponent
from tests.support.artists import bands, corners, curves, same

BETA = 0.25


def test_norms(models) -> None:
    table = norm_table(models, BETA)
    (axes,) = path_plots.draw_norms(table).axes
    for found, curve in zip(curves(axes), table.curves, strict=True):
        same(found, curve.position, curve.norm.mean)
    for found, curve in zip(bands(axes), table.curves, strict=True):
        assert found == corners(curve.position, curve.norm.low, curve.norm.high)


@pytest.mark.parametrize("entry", range(4))
def test_entries(models, entry: int) -> None:
    table = entry_table(models, BETA)
    axes = path_plots.draw_entries(table).axes[entry]
    drawn = [found for found in curves(axes) if found[0].tolist() != [0, 1]]
    expected = [(c.position, model[entry]) for c in table.curves for model in c.values]
    for found, (x, y) in zip(drawn, expected, strict=True):
        same(found, x, y)
    assert not bands(axes)


def test_many_models_are_one_curve_and_one_band_per_depth(models) -> None:
    # Models of equal weights would be copies of one, which count once.
    many = [replace(model, layers=model.blocks + 0.1 * k) for model in models for k in range(10)]
    table = entry_table(many, BETA)
    axes = path_plots.draw_entries(table).axes[1]
    drawn = [found for found in curves(axes) if found[0].tolist() != [0, 1]]
    for found, curve in zip(drawn, table.curves, strict=True):
        same(found, curve.position, curve.mean.mean[1])
    for found, curve in zip(bands(axes), table.curves, strict=True):
        assert found == corners(curve.position, curve.mean.low[1], curve.mean.high[1])


def test_profiles(models) -> None:
    table = profile_table(models[2:], BETA, [1.0, 1.5, 2.0])
    (axes,) = path_plots.draw_profile(table).axes
    for found, row in zip(curves(axes), table.rows, strict=True):
        same(found, table.exponents, row.norm.mean)
    for found, row in zip(bands(axes), table.rows, strict=True):
        assert found == corners(table.exponents, row.norm.low, row.norm.high)


@pytest.mark.parametrize("error", [0.2, math.inf])
def test_a_critical_exponent_lies_on_its_curve(models, error: float) -> None:
    table = profile_table(models[4:], BETA, [1.0, 1.5, 2.0])
    (row,) = table.rows
    row = replace(row, critical=CriticalExponent(1.75, error))
    (axes,) = path_plots.draw_profile(replace(table, rows=(row,))).axes
    _, dot = curves(axes)[:2]
    height = (row.norm.mean[1] + row.norm.mean[2]) / 2
    np.testing.assert_allclose(np.ravel(dot), [1.75, height], rtol=1e-12)
    sides = [c.get_segments() for c in axes.collections if isinstance(c, LineCollection)]
    expected = [[[[1.55, height], [1.95, height]]]] if math.isfinite(error) else []
    assert len(sides) == len(expected)
    np.testing.assert_allclose(np.ravel(sides), np.ravel(expected))


@pytest.mark.parametrize("place", [0, 1])
def test_fits(fits, place: int) -> None:
    thinned = [replace(fit, filtered_t=fit.t[::2], filtered_y=fit.y[::2]) for fit in fits]
    drawn = iter(curves(decay.draw_fits(thinned).axes[place]))
    for fit in thinned:
        same(next(drawn), fit.t, fit.y)
        same(next(drawn), fit.filtered_t, fit.filtered_y)
        if math.isfinite(fit.fit.rho.value):
            t, y = next(drawn)
            assert (t[0], t.max()) == (fit.t[0], pytest.approx(fit.t[-1]))
            c, t0, rho = (part.value for part in (fit.fit.C, fit.fit.T0, fit.fit.rho))
            np.testing.assert_allclose(y, c / (t + t0) ** rho, rtol=1e-9)
    assert next(drawn, None) is None


def test_seven_colours_are_those_that_all_eyes_tell_apart() -> None:
    assert style.categories(7) == list(style.CATEGORIES)
