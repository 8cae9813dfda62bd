"""Every figure in every format: written whole, the same bytes twice, fonts inside, no overlaps."""

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from resdepth.analysis.curvatures import HessianRow, HessianTable, hessian_table
from resdepth.analysis.entries import entry_table, trend_table
from resdepth.analysis.layer_orders import CurveOrder, null_table
from resdepth.analysis.path_tables import (
    norm_table,
    norms_along,
    profile_table,
    variation_table,
)
from resdepth.analysis.pool import Pool
from resdepth.analysis.rate_tables import RateTable
from resdepth.analysis.scaling import ScalingTable, scaling_table
from resdepth.errors import System, Usage
from resdepth.figures import (
    contour,
    decay,
    depth_plots,
    path_plots,
    relief,
    style,
    trajectory,
)
from resdepth.figures.parts import depth_axis, log_values
from resdepth.figures.surface_values import Shown, saturate
from resdepth.figures.transfer_plots import draw_transfer
from resdepth.mathematics.exponents import PathObservation
from resdepth.mathematics.statistics import path_statistics
from resdepth.mathematics.transfer import RateCurve, transfer
from resdepth.options.location import PICTURES, written_as
from resdepth.runs.surface import Surface
from resdepth.weights.weight_path import WeightPath
from tests.support.messages import refused
from tests.support.synthetic import white


def _rough() -> WeightPath:
    """A Brownian path of weights, long enough for a critical exponent."""
    steps = np.random.default_rng(0).standard_normal((600, 3, 3))
    return WeightPath(Path("x/resnet_600.pth"), steps.cumsum(0), 0.25)


def _families(seed: int = 1) -> list[WeightPath]:
    """Two depths of one family of a checkpoint, and one of others whose name is long."""
    random = np.random.default_rng(seed)
    names = ["encoder.layer.{k}.attention.self.query.weight"] * 2
    names.append("encoder.layer.{k}.a_long_name$of_somebody.else.weight")
    return [
        WeightPath(Path("model.pt"), random.standard_normal((depth, 3, 3)), None, None, name)
        for name, depth in zip(names, (4, 12, 12), strict=True)
    ]


def _repeated(times: int) -> list[WeightPath]:
    """Two depths of one family of a checkpoint in several repetitions."""
    return [model for seed in range(times) for model in _families(seed)[:2]]


def _rates(*depths: int) -> RateTable:
    """A bowl at L = 16; at L = 1024 all runs diverge."""
    curves = [
        RateCurve(depth, np.array([0.5, 1.0, 2.0]), (0, 1), row, np.isinf(row))
        for depth in depths
        for row in [np.array([[1.0, 0.8, 0.9]] * 2) if depth == 16 else np.full((2, 3), math.inf)]
    ]
    return RateTable("", {}, "loss", transfer(curves), None)


def _curvature() -> HessianTable:
    """Two depths of one seed."""
    return hessian_table(
        [HessianRow(depth, 0, 3.0 * depth, 1.9, 90.0, 80.0, 2.0) for depth in (16, 1024)]
    )


def _scaling(depths: tuple[int, ...] = (8, 16, 32), seeds: int = 2) -> ScalingTable:
    cells = [PathObservation(s, path_statistics(white(n, s))) for s in range(seeds) for n in depths]
    return scaling_table(cells, beta=0.25)


def _shown(surface: Surface, clip: float | None = None, log: bool = False) -> Shown:
    return saturate(surface, clip, log)


def _with_null(paths: list[WeightPath], columns: int, *, initial: bool = False) -> Figure:
    """Norms with the bands of layers in random order; initial weights that are given."""
    pool = Pool(paths)
    norms = norms_along(pool, 0.25)
    null = null_table(pool, 0.25, norms=norms)
    if initial:
        null = replace(null, curves=tuple(_begun(curve) for curve in null.curves))
    return path_plots.draw_norms(norm_table(pool, 0.25, norms=norms), columns, null)


def _begun(curve: CurveOrder) -> CurveOrder:
    if curve.norm is None:
        return curve
    return replace(curve, norm=replace(curve.norm, initial=curve.norm.mean / 2))


DRAW = {
    "null": lambda of, columns: _with_null(of("models"), columns, initial=True),
    "null of families": lambda of, columns: _with_null(_families(), columns),
    "null of a profile": lambda of, columns: path_plots.draw_profile(
        profile_table(Pool(_repeated(2)), 0.0, [1.0, 2.0]),
        columns,
        null_table(Pool(_repeated(2)), 0.0, [1.0, 2.0]),
    ),
    "norms": lambda of, columns: path_plots.draw_norms(norm_table(of("models"), 0.25), columns),
    "families": lambda of, columns: path_plots.draw_norms(
        norm_table(_families(), 0.0, "spectral"), columns
    ),
    "repetitions of a family": lambda of, columns: path_plots.draw_norms(
        norm_table(_repeated(2), 0.0), columns
    ),
    "entries of families": lambda of, columns: path_plots.draw_entries(
        entry_table(_families(), 0.0), columns
    ),
    "entries of a family": lambda of, columns: path_plots.draw_entries(
        entry_table(_repeated(9), 0.0), columns
    ),
    "profile of a family": lambda of, columns: path_plots.draw_profile(
        profile_table(_repeated(2), 0.0, [1.0, 2.0]), columns
    ),
    "entries": lambda of, columns: path_plots.draw_entries(
        entry_table(of("models"), 0.25), columns
    ),
    "profile": lambda of, columns: path_plots.draw_profile(
        profile_table(of("models")[2:], 0.25, [1.0, 1.5, 2.0]), columns
    ),
    "critical": lambda of, columns: path_plots.draw_profile(
        profile_table([_rough()], 0.25, [1.0, 1.5, 2.0, 2.5]), columns
    ),
    "points": lambda of, columns: path_plots.draw_profile(
        profile_table(of("models")[:1], 0.0, [1.0, 2.0]), columns
    ),
    "fits": lambda of, columns: decay.draw_fits(of("fits"), columns),
    "surface": lambda of, columns: relief.draw_surface(_shown(of("bowl")), columns),
    "contour": lambda of, columns: contour.draw_contour(_shown(of("bowl"), 2.0, True), columns),
    "line": lambda of, columns: relief.draw_line(_shown(of("bowl"), 2.0), columns),
    "band": lambda of, columns: relief.draw_line(_shown(of("band")), columns),
    "multiples": lambda of, columns: contour.draw_contour(_shown(of("multiples")), columns),
    "path": lambda of, columns: trajectory.draw_trajectory(
        _shown(of("descent"), None, True), columns
    ),
    "path on a surface": lambda of, columns: relief.draw_surface(_shown(of("descent")), columns),
    "scaling": lambda of, columns: depth_plots.draw_scaling(_scaling(), columns),
    "scaling of one path": lambda of, columns: depth_plots.draw_scaling(_scaling((4,), 1), columns),
    "growth": lambda of, columns: path_plots.draw_growth(
        variation_table(of("models"), 0.25, [1.0, 2.0]), columns
    ),
    "trend": lambda of, columns: path_plots.draw_trend(trend_table(_rough(), 0.25), columns),
    "rates": lambda of, columns: draw_transfer(_rates(16, 1024), columns),
    "rates that all diverge": lambda of, columns: draw_transfer(_rates(1024), columns),
    "curvature": lambda of, columns: depth_plots.draw_curvature(_curvature(), columns),
}


@pytest.fixture
def draw(request):
    """Draw a figure by name."""
    return lambda name, columns=1: DRAW[name](request.getfixturevalue, columns)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "suffix"), [(name, PICTURES[number % 3]) for number, name in enumerate(DRAW)]
)
def test_the_same_figure_gives_the_same_bytes(draw, tmp_path: Path, name: str, suffix: str) -> None:
    for turn in ("a", "b"):
        style.save(draw(name), tmp_path / f"{turn}{suffix}")
    content = (tmp_path / f"a{suffix}").read_bytes()
    assert content == (tmp_path / f"b{suffix}").read_bytes()
    start = {".pdf": b"%PDF", ".svg": b"<?xml", ".png": b"\x89PNG"}[suffix]
    assert content.startswith(start) and len(content) > 2000


@pytest.mark.parametrize("name", DRAW)
def test_fonts_are_inside_the_pdf_as_outlines(draw, tmp_path: Path, name: str) -> None:
    style.save(draw(name), tmp_path / "x.pdf")
    content = (tmp_path / "x.pdf").read_bytes()
    assert b"/FontFile2" in content and b"/Type3" not in content


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("name", DRAW)
def test_texts_lie_inside_and_do_not_overlap(draw, name: str, columns: int) -> None:
    drawn = draw(name, columns)
    assert drawn.get_figwidth() == style.WIDTHS[columns]
    with style.paper():
        canvas = FigureCanvasAgg(drawn)
        canvas.draw()
        boxes = dict(_texts(drawn, canvas.get_renderer()))
    page = drawn.bbox
    for label, box in boxes.items():
        inside = box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1
        assert inside and box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1, label
    overlapping = [(a, b) for a, b in combinations(boxes, 2) if _overlap(boxes[a], boxes[b])]
    assert not overlapping


def _texts(drawn: Figure, renderer):
    """Titles, axis labels, legends and horizontal tick labels by what they say and where."""
    parts = [*drawn.texts, *drawn.legends]
    for axes in drawn.axes:
        if not axes.get_visible() or axes.name == "3d":
            continue
        parts += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
        parts += [tick.label1 for tick in ticks if tick.label1.get_visible()]
    for number, part in enumerate(part for part in parts if part is not None):
        box = part.get_window_extent(renderer)
        text = getattr(part, "get_text", lambda: "legend")()
        if text and box.width > 1:
            yield f"{number}: {text}", box


def _overlap(a, b) -> bool:
    return min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1


def test_the_users_own_settings_neither_matter_nor_change(draw, tmp_path: Path) -> None:
    style.save(draw("norms"), tmp_path / "a.png")
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.dpi": 20}):
        style.save(draw("norms"), tmp_path / "b.png")
        assert mpl.rcParams["font.size"] == 30
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("x", "x.pdf"),
        ("x.svg", "x.svg"),
        ("beta=0.51", "beta=0.51.pdf"),
        ("run.v2", "run.v2.pdf"),
        ("a.b/x", "a.b/x.pdf"),
    ],
)
def test_a_missing_suffix_is_added(given: str, path: str) -> None:
    assert written_as(Path(given), PICTURES) == Path(path)


@pytest.mark.parametrize("given", ["x.jpg", "x.EPS", "x.html", "x.npy", "x.txt", "x.mp4"])
def test_other_kinds_of_picture_are_refused(given: str) -> None:
    with refused(Usage, match=r"\.pdf, \.svg, \.png"):
        written_as(Path(given), PICTURES)


def test_no_window_without_a_display(draw, monkeypatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(System):
        style.show(draw("norms"), Path("x.pdf"))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.0, 1000.0, [1, 10, 100, 1000]),
        (1.0, 20.0, [1, 2, 5, 10, 20]),
        (0.85, 1.7, [1.0, 1.2, 1.4, 1.6]),
    ],
)
def test_logarithmic_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert log_values(low, high) == pytest.approx(expected)


def _lab(colour: str) -> np.ndarray:
    """CIE L*a*b* of an sRGB colour (D65), where distances are those of the eye."""
    rgb = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 12, 16, 20])
def test_colours_are_told_apart_however_many_there_are(count: int) -> None:
    colours = [_lab(colour) for colour in style.categories(count)]
    assert len(colours) == count
    # 2.3 is what an eye just notices side by side.
    assert all(np.linalg.norm(a - b) > 20 for a, b in combinations(colours, 2))


def test_depths_are_marked_where_there_are_networks() -> None:
    axes = style.figure(1, 2.0).add_subplot()
    depth_axis(axes, [2.0**n for n in range(4, 11)])
    assert list(axes.get_xticks()) == [16, 64, 256, 1024]
    assert not list(axes.get_xticks(minor=True))


def test_the_null_is_drawn_per_curve_with_one_entry_in_the_legend(draw) -> None:
    (axes,) = draw("null").axes
    legend = axes.get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["$1$", "$5$", "$9$", "random order", "initial"]
    # A network of one layer has a band of the mean, and no other.
    assert len(axes.collections) == 3 + 2
    dotted = [line for line in axes.lines if line.get_linestyle() == ":" and len(line.get_xdata())]
    assert len(dotted) == 2
    (axes,) = draw("null of families").axes
    assert len(axes.collections) == 3
