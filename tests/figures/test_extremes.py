"""Losses at the ends of what a float can hold: a picture, or one line that says why not."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from resdepth.cli.console import line
from resdepth.errors import Impossible
from resdepth.figures import style
from resdepth.figures.contour import draw_contour
from resdepth.figures.interactive import save_html
from resdepth.figures.paraview import save_grid
from resdepth.figures.relief import draw_line, draw_surface
from resdepth.figures.surface_values import saturate
from resdepth.runs.surface import Surface, read_surface
from tests.support.messages import refused

AXIS = np.linspace(-1, 1, 5)
BOWL = AXIS[:, None] ** 2 + AXIS**2
LOSSES = {
    "denormal": 1e-310 * (BOWL + 0.1),
    "smallest": 5e-324 * np.round(3 * BOWL + 1),
    "tiny": 1e-295 * (BOWL + 0.1),
    "zero": np.zeros((5, 5)),
    "equal": np.full((5, 5), 5e-324),
    "huge": 1.7e308 * BOWL / 2,
    "both signs": 1.7e308 * (BOWL - 1),
    "negative": -1 - BOWL,
    "far apart": np.where(BOWL > 1, 1e299, 5e-324),
    "not finite": np.where(BOWL > 1, np.inf, np.where(BOWL == 0, -np.inf, 3.0)),
    "largest": np.full((5, 5), np.finfo(float).max),
}


def read(tmp_path: Path, losses: np.ndarray) -> Surface:
    np.save(tmp_path / "x.npy", losses)
    return read_surface(tmp_path / "x.npy")


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("draw", [draw_surface, draw_contour, draw_line])
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.filterwarnings("ignore")
def test_they_are_drawn_or_refused_in_one_line(
    tmp_path: Path, name: str, draw: Callable[..., Figure], log: bool
) -> None:
    surface = read(tmp_path, LOSSES[name])
    try:
        drawn = draw(saturate(surface, None, log))
    except Impossible as error:
        assert log or name == "largest"
        assert "\n" not in line(error) and error.remedy
        return
    with style.paper():
        drawn.savefig(io.BytesIO(), format="svg")


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_files_for_other_programs_too(tmp_path: Path, name: str, log: bool) -> None:
    surface = read(tmp_path, LOSSES[name])
    try:
        save_grid(saturate(surface, None, log), tmp_path / "x.vts")
        if name in ("denormal", "both signs"):
            save_html(saturate(surface, None, log), tmp_path / "x.html")
    except Impossible:
        assert log or name == "largest"


def test_what_is_moved_is_named(tmp_path: Path) -> None:
    shown = saturate(read(tmp_path, LOSSES["both signs"]), None, log=False)
    assert "above 1e+300, drawn as" in shown.note and "below -1e+300, drawn as" in shown.note
    shown = saturate(read(tmp_path, LOSSES["not finite"]), None, log=False)
    assert "not finite, drawn as 3" in shown.note


def test_logarithmic_contours_of_tiny_losses_name_the_way_out(tmp_path: Path) -> None:
    surface = read(tmp_path, LOSSES["denormal"])
    with refused(Impossible, match="too small or too wide a range") as caught:
        draw_contour(saturate(surface, None, True))
    assert "--kind=surface" in line(caught.value)
