"""What the pictures of paths and runs plot is what their tables say, to the last digit."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from resdepth.analysis.entries import entry_table
from resdepth.analysis.paths import norm_table, profile_table
from resdepth.analysis.training import RunCurves, TrainingCurve
from resdepth.figures import colours, decay, landscape, line, paths, style, training

BETA = 0.25


def curves(axes: Axes) -> list[tuple[np.ndarray, np.ndarray]]:
    """Abscissae and ordinates of the lines with points, in the order they were drawn."""
    found = [drawn.get_data(orig=True) for drawn in axes.lines]
    return [(np.asarray(x, float), np.asarray(y, float)) for x, y in found if np.size(x) > 0]


def bands(axes: Axes) -> list[set[tuple[float, float]]]:
    """Corners of the filled areas."""
    areas = [c for c in axes.collections if isinstance(c, PolyCollection)]
    return [set(map(tuple, area.get_paths()[0].vertices.tolist())) for area in areas]


def same(found, x, y) -> None:
    np.testing.assert_array_equal(found[0], x)
    np.testing.assert_array_equal(found[1], y)


def corners(x, band) -> set[tuple[float, float]]:
    return {(a, b) for edge in (band.low, band.high) for a, b in zip(x, edge, strict=True)}


def test_norms(models) -> None:
    table = norm_table(models, BETA)
    (axes,) = paths.draw_norms(table).axes
    for found, curve in zip(curves(axes), table.curves, strict=True):
        same(found, curve.position, curve.norm.mean)
    for found, curve in zip(bands(axes), table.curves, strict=True):
        assert found == corners(curve.position, curve.norm)


@pytest.mark.parametrize("entry", range(4))
def test_entries(models, entry: int) -> None:
    table = entry_table(models, BETA)
    axes = paths.draw_entries(table).axes[entry]
    drawn = [found for found in curves(axes) if found[0].tolist() != [0, 1]]
    expected = [(c.position, model[entry]) for c in table.curves for model in c.values]
    for found, (x, y) in zip(drawn, expected, strict=True):
        same(found, x, y)
    assert not bands(axes)


def test_many_models_are_a_curve_and_a_band_a_depth(models) -> None:
    table = entry_table([model for model in models for _ in range(10)], BETA)
    axes = paths.draw_entries(table).axes[1]
    drawn = [found for found in curves(axes) if found[0].tolist() != [0, 1]]
    for found, curve in zip(drawn, table.curves, strict=True):
        same(found, curve.position, curve.mean.mean[1])
    for found, curve in zip(bands(axes), table.curves, strict=True):
        assert found == corners(curve.position, paths.entry_band(curve.mean, 1))


def test_profiles(models) -> None:
    table = profile_table(models[2:], BETA, [1.0, 1.5, 2.0])
    (axes,) = paths.draw_profile(table).axes
    for found, row in zip(curves(axes), table.rows, strict=True):
        same(found, table.exponents, row.norm.mean)
    for found, row in zip(bands(axes), table.rows, strict=True):
        assert found == corners(table.exponents, row.norm)


def test_fits(fits) -> None:
    for axes in decay.draw_fits(fits).axes:
        drawn = curves(axes)
        for fit in fits:
            assert any(np.array_equal(x, fit.t) and np.array_equal(y, fit.y) for x, y in drawn)


def runs(*norms: float) -> list[RunCurves]:
    steps = np.arange(5)
    loss = TrainingCurve(steps, 1 / (1.0 + steps))
    return [RunCurves(Path("a"), loss, {p: TrainingCurve(steps, p * steps) for p in norms})]


def test_training() -> None:
    (run,) = runs(2.0, 1.0)
    loss, norms = training.draw_training([run]).axes
    ((x, y),) = curves(loss)
    same((x, y), run.loss.step, run.loss.value)
    for found, curve in zip(curves(norms), run.variation.values(), strict=True):
        same(found, curve.step, curve.value)


def test_no_panel_stays_empty() -> None:
    (axes,) = training.draw_training(runs()).axes
    assert axes.get_ylabel() == "loss"


def test_a_surface_is_its_losses(bowl) -> None:
    shown = landscape.saturate(bowl, None, False)
    (axes,) = line.draw_line(bowl, shown, False).axes
    middle = len(bowl.axes[0]) // 2
    for found, cut in zip(
        curves(axes), (bowl.losses[:, middle], bowl.losses[middle]), strict=False
    ):
        same(found, bowl.axes[0], cut)


def test_seven_colours_are_those_that_all_eyes_tell_apart() -> None:
    assert style.categories(7) == list(colours.CATEGORIES)
