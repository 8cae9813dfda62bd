"""What the pictures of a surface draw is its losses, read back from lines, levels and traces."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.interpolate import RegularGridInterpolator

from resdepth.figures.contour import draw_contour
from resdepth.figures.interactive import save_html
from resdepth.figures.relief import draw_line, draw_surface
from resdepth.figures.surface_values import saturate
from resdepth.figures.trajectory import draw_trajectory
from resdepth.runs.surface import Surface
from tests.support.artists import bands, corners, curves, same


@pytest.fixture
def slope(bowl: Surface) -> Surface:
    """Losses that no exchange of axes leaves alone, on axes of different lengths."""
    a, b = np.linspace(-1, 1, 7), np.linspace(-0.5, 1.5, 5)
    losses = np.exp(a)[:, None] + 3.0 * b[None, :] ** 2 + 0.2 * np.outer(a, b)
    record = {**bowl.record, "centre_loss": 1.0, "marks": [[0.5, 1.25], [-0.25, 0.75]]}
    return replace(bowl, losses=losses, pairs=losses[None], axes=(a, b), record=record)


def contours_are_of(axes, surface: Surface, values: np.ndarray, labelled: bool = True) -> None:
    """Fail unless every corner of every filled area and level line lies where the losses say."""
    between = RegularGridInterpolator(surface.axes, values)
    filled, lines = axes.collections[:2]
    layers = zip(filled.levels, filled.levels[1:], filled.get_paths(), strict=False)
    areas = [(low, high, between(p.vertices)) for low, high, p in layers if len(p.vertices)]
    assert areas[0][0] <= values.min() * (1 + 1e-9) and values.max() <= areas[-1][1] * (1 + 1e-9)
    for low, high, found in areas:
        assert low * (1 - 1e-9) <= found.min() and found.max() <= high * (1 + 1e-9)
        # An area has a level for an edge, whatever lies inside.
        assert np.isclose(found, low, rtol=1e-9).any() or np.isclose(found, high, rtol=1e-9).any()
    assert_allclose(lines.levels, filled.levels[1:-1])
    # Every second line is cut for its label.
    uncut = slice(1, None, 2) if labelled else slice(None)
    whole = list(zip(lines.levels, lines.get_paths(), strict=True))[uncut]
    assert len(whole) > 1
    for level, path in whole:
        if len(path.vertices):
            assert_allclose(between(path.vertices), level, rtol=1e-9)


@pytest.mark.parametrize(("clip", "log"), [(None, False), (None, True), (3.0, False)])
def test_level_lines_are_where_the_losses_are(slope, clip: float | None, log: bool) -> None:
    shown = saturate(slope, clip, log)
    axes, _ = draw_contour(shown).axes
    contours_are_of(axes, slope, np.minimum(slope.losses, clip or np.inf))
    filled = axes.collections[0]
    assert (filled.levels[0], filled.levels[-1]) == (shown.low, shown.high)
    assert (filled.norm.vmin, filled.norm.vmax) == (shown.low, shown.high)


@pytest.mark.parametrize("number", range(3))
def test_each_pair_of_directions_has_its_own_panel(multiples, number: int) -> None:
    panels = draw_contour(saturate(multiples, None, False)).axes
    contours_are_of(panels[number], multiples, multiples.pairs[number], labelled=False)
    assert panels[number].get_title() == f"pair {number + 1}"


def test_marks_are_other_weights(slope) -> None:
    axes, _ = draw_contour(saturate(slope, None, False)).axes
    centre, marks, least = curves(axes)
    same(centre, [0], [0])
    same(marks, [0.5, -0.25], [1.25, 0.75])
    row, column = np.argwhere(slope.losses == slope.losses.min())[0]
    same(least, [slope.axes[0][row]], [slope.axes[1][column]])


def test_the_largest_accuracy_is_marked(descent) -> None:
    accuracies = np.zeros((1, 21, 21))
    accuracies[0, 4, 17] = 0.9
    best = replace(descent, accuracies=accuracies)
    axes, _ = draw_contour(saturate(best, None, False, "accuracy")).axes
    same(curves(axes)[1], [best.axes[0][4]], [best.axes[1][17]])


def corners_of(axes) -> np.ndarray:
    """The corners of a relief, (corners, 3), before they are turned to the viewer."""
    relief = axes.collections[0]
    if hasattr(relief, "_faces"):
        return relief._faces.reshape(-1, 3)
    return relief._vec[:3].T  # earlier releases of matplotlib


@pytest.mark.parametrize(("log", "clip"), [(False, None), (True, None), (False, 2.0)])
def test_a_relief_has_the_height_of_its_losses(slope, log: bool, clip: float | None) -> None:
    shown = saturate(slope, clip, log)
    axes = draw_surface(shown).axes[0]
    expected = np.minimum(slope.losses, clip or np.inf)
    expected = np.log10(expected) if log else expected
    a, b = slope.axes
    points = {(x, y, expected[i, j]) for i, x in enumerate(a) for j, y in enumerate(b)}
    assert set(map(tuple, corners_of(axes).tolist())) == points
    ((x,), (y,), (z,)) = axes.lines[0].get_data_3d()
    assert (x, y, z) == (0, 0, 0.0 if log else 1.0)


@pytest.mark.parametrize("log", [False, True])
def test_a_relief_of_large_losses_says_its_power_of_ten(slope, log: bool) -> None:
    large = replace(slope, losses=1e6 * slope.losses, pairs=1e6 * slope.pairs)
    axes = draw_surface(saturate(large, None, log)).axes[0]
    top = corners_of(axes)[:, 2].max()
    expected = np.log10(large.losses.max()) if log else large.losses.max() / 10**6
    assert top == pytest.approx(expected)
    assert ("10^{6}" in axes.get_zlabel()) != log


@pytest.mark.parametrize("log", [False, True])
def test_a_path_lies_on_the_relief(descent, log: bool) -> None:
    axes = draw_surface(saturate(descent, None, log)).axes[0]
    x, y, z = axes.lines[0].get_data_3d()
    path = descent.record["path"]
    assert_allclose(np.stack([x, y], axis=1), path["coordinates"])
    # What lies below the smallest loss of the grid is drawn on its ground.
    heights = np.maximum(path["plane_loss"], descent.losses.min())
    assert_allclose(z, np.log10(heights) if log else heights)


def test_a_trajectory_is_its_checkpoints(descent) -> None:
    axes, below, _, beside = draw_trajectory(saturate(descent, None, False)).axes
    path = {name: np.array(values) for name, values in descent.record["path"].items()}
    line, dots = curves(axes)[-2:]
    same(line, *path["coordinates"].T)
    same(dots, *path["coordinates"].T)
    own, plane = curves(below)
    same(own, path["steps"], path["loss"])
    same(plane, path["steps"], path["plane_loss"])
    (away,) = curves(beside)
    same(away, path["steps"], path["distance"])
    contours_are_of(axes, descent, descent.losses)


def test_cuts_run_through_the_middle(slope) -> None:
    axes = draw_line(saturate(slope, 2.0, False)).axes[0]
    along, across, centre = curves(axes)
    same(along, slope.axes[0], np.minimum(slope.losses[:, 2], 2.0))
    same(across, slope.axes[1], np.minimum(slope.losses[3], 2.0))
    same(centre, [0], [1.0])
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert named[0].endswith("$b = 0.5$") and named[1].endswith("$a = 0$")


@pytest.mark.parametrize("count", [2, 3, 5])
def test_several_lines_are_a_range_and_a_median(band, count: int) -> None:
    few = replace(band, pairs=band.pairs[:count], losses=band.pairs[:count].mean(axis=0))
    axes = draw_line(saturate(few, None, False)).axes[0]
    median, centre = curves(axes)
    same(median, few.axes[0], np.median(few.pairs, axis=0))
    same(centre, [0], [0.5])
    assert bands(axes) == [corners(few.axes[0], few.pairs.min(axis=0), few.pairs.max(axis=0))]


def test_one_line_has_the_losses_of_other_weights_at_its_end(band) -> None:
    record = {**band.record, "kind": "runs", "towards": ["a"], "mark_losses": [0.75]}
    single = replace(band, pairs=band.pairs[:1], losses=band.pairs[0], record=record)
    found = curves(draw_line(saturate(single, None, False)).axes[0])
    same(found[0], single.axes[0], single.losses)
    same(found[1], [1], [0.75])


def numbers(value: Any) -> np.ndarray:
    """An array as plotly writes it, in words or in bytes."""
    if isinstance(value, dict):
        content = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        shape = tuple(int(side) for side in value.get("shape", "-1").split(","))
        return content.reshape(shape)
    return np.array(value, dtype=float)


@pytest.mark.parametrize("scale", [0, 1], ids=["linear", "logarithmic"])
def test_the_page_holds_losses_path_and_accuracies(descent, tmp_path: Path, scale: int) -> None:
    save_html(saturate(descent, 3.0, False), tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    call = page[page.rindex("Plotly.newPlot(") :]
    traces = json.JSONDecoder().raw_decode(call[call.index("[") :])[0][4 * scale : 4 * scale + 4]
    whole, centre, path, own = ({k: numbers(t[k]) for k in "xyz"} for t in traces)

    def raised(losses: Any) -> np.ndarray:
        inside = np.clip(losses, descent.losses.min(), 3.0)
        return np.log10(inside) if scale else inside

    assert_allclose(whole["x"], descent.axes[0])
    assert_allclose(whole["y"], descent.axes[1])
    assert_allclose(whole["z"], raised(descent.losses).T)
    hover = numbers(traces[0]["customdata"])
    assert_allclose(hover[..., 0], descent.losses.T)
    assert_allclose(hover[..., 1], descent.accuracies[0].T)
    assert_allclose(np.ravel([*centre.values()]), [0.0, 0.0, *raised([0.68])])
    known = descent.record["path"]
    for drawn, name in ((path, "plane_loss"), (own, "loss")):
        assert_allclose(np.stack([drawn["x"], drawn["y"]], axis=1), known["coordinates"])
        assert_allclose(drawn["z"], raised(known[name]))
    said = numbers(traces[2]["customdata"]).T
    assert_allclose(said, [known[n] for n in ("steps", "loss", "plane_loss", "distance")])
