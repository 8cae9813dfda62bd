"""What a surface shows: a clip that says so, the minimum in its place, a page without network."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resdepth.errors import Impossible
from resdepth.figures.contour import draw_contour
from resdepth.figures.interactive import save_html
from resdepth.figures.relief import draw_line, draw_surface
from resdepth.figures.surface_values import saturate
from tests.support.messages import refused


def with_losses(bowl, losses):
    losses = np.asarray(losses, dtype=float)
    return replace(bowl, losses=losses, pairs=losses[None], record={})


def test_clip_saturates_and_counts(bowl) -> None:
    shown = saturate(bowl, 1.0, log=False)
    assert shown.values.max() == shown.high == 1.0
    assert shown.above == (bowl.losses > 1.0).sum() > 0
    assert f"{shown.above} cells above 1" in shown.note
    np.testing.assert_array_equal(shown.values[bowl.losses <= 1], bowl.losses[bowl.losses <= 1])


def test_without_a_clip_nothing_is_moved(bowl) -> None:
    shown = saturate(bowl, None, log=True)
    np.testing.assert_array_equal(shown.values, bowl.losses)
    assert shown.note == ""


def test_what_is_not_finite_counts_as_above(bowl) -> None:
    shown = saturate(with_losses(bowl, [[1.0, np.nan], [np.inf, 3.0]]), None, log=False)
    assert shown.values.tolist() == [[1.0, 3.0], [3.0, 3.0]]
    assert shown.above == 2


def test_a_logarithm_needs_positive_losses(bowl) -> None:
    shown = saturate(with_losses(bowl, [[0.0, -1.0], [0.5, 3.0]]), None, log=True)
    assert shown.values.tolist() == [[0.5, 0.5], [0.5, 3.0]]
    assert "2 cells at or below 0" in shown.note
    with refused(Impossible, match="no positive loss"):
        saturate(with_losses(bowl, [[0.0, -1.0], [0.0, 0.0]]), None, log=True)
    with refused(Impossible, match=r"no loss below 0\.1"):
        saturate(bowl, 0.1, log=False)


@pytest.mark.parametrize("log", [False, True])
def test_the_minimum_is_marked_where_it_is(bowl, log: bool) -> None:
    drawn = draw_contour(saturate(bowl, None, log))
    (star,) = (line for line in drawn.axes[0].lines if line.get_marker() == "*")
    row, column = bowl.minimum()
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (bowl.axes[0][row], bowl.axes[1][column])
    assert bowl.axes[1][column] == pytest.approx(0.3)


def test_axes_are_not_swapped(bowl) -> None:
    """Along the first axis the bowl is symmetric, along the second it is not."""
    drawn = draw_contour(saturate(bowl, None, False))
    assert "$a$" in drawn.axes[0].get_xlabel() and "$b$" in drawn.axes[0].get_ylabel()
    contours = drawn.axes[0].collections[0]
    inner = contours.get_paths()[0].vertices
    assert inner[:, 0].mean() == pytest.approx(0.0, abs=0.1)
    assert inner[:, 1].mean() == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("draw", [draw_surface, draw_contour])
def test_a_flat_surface_can_be_drawn(bowl, draw) -> None:
    flat = with_losses(bowl, np.ones((21, 21)))
    assert draw(saturate(flat, None, False)).axes


def traces_of(page: str) -> list[dict]:
    call = page[page.rindex("Plotly.newPlot(") :]
    traces, _ = json.JSONDecoder().raw_decode(call[call.index("[") :])
    return traces


def test_the_page_needs_no_network_and_holds_the_losses(bowl, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_html(saturate(bowl, 2.0, False), tmp_path / f"{name}.html")
    page = (tmp_path / "a.html").read_text()
    assert page == (tmp_path / "b.html").read_text()
    assert not re.search(r"<(script|link)[^>]*(src|href)=(?!.data:,)", page)
    assert "plotly.js v" in page and len(page) > 3_000_000
    assert "clipped: " in page
    traces = traces_of(page)
    kinds = [(trace["type"], trace["visible"]) for trace in traces]
    assert kinds == [
        ("surface", True), ("scatter3d", True), ("surface", False), ("scatter3d", False)
    ]  # fmt: skip
    assert traces[1]["z"] == [0.68]
    assert traces[3]["z"] == [pytest.approx(np.log10(0.68))]
    assert '"logarithmic"' in page


def test_a_page_of_losses_without_logarithms_has_no_switch(bowl, tmp_path: Path) -> None:
    flat = with_losses(bowl, [[-1.0, -2.0], [-3.0, -1.0]])
    save_html(saturate(flat, None, False), tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    assert len(traces_of(page)) == 1 and '"logarithmic"' not in page


def test_the_best_cell_at_the_centre_is_one_mark(bowl) -> None:
    """A star below the mark of the trained weights would be seen in the legend alone."""
    a, b = (axis - axis[np.argmin(np.abs(axis))] for axis in bowl.axes)
    losses = 1.0 + a[:, None] ** 2 + b[None, :] ** 2
    centred = replace(bowl, axes=(a, b), losses=losses, pairs=losses[None])
    drawn = draw_contour(saturate(centred, None, False))
    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == ["trained weights, minimum 1"]


def test_a_line_runs_through_the_weights_it_leads_to(bowl) -> None:
    """Cells may lie beside 0 and 1, where the losses are known all the same."""
    a = np.linspace(-0.5, 1.5, 4)
    losses = np.array([3.0, 2.0, 2.5, 4.0])
    record = {"kind": "runs", "centre_loss": 1.0, "mark_losses": [1.5], "towards": ["x"]}
    way = replace(bowl, axes=(a,), losses=losses, pairs=losses[None], record=record)
    line = draw_line(saturate(way, None, False)).axes[0].lines[0]
    assert list(line.get_xdata()) == pytest.approx([-0.5, 0.0, 1 / 6, 5 / 6, 1.0, 1.5])
    # The centre lies below every cell, and is drawn where it is.
    assert list(line.get_ydata()) == [3.0, 1.0, 2.0, 2.5, 1.5, 4.0]
