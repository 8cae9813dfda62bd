"""A loss surface in three dimensions, and the loss along lines: one direction, a band, cuts."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.figures.contour import RIM
from resdepth.figures.parts import band, few_ticks, log_axis
from resdepth.figures.surface_values import COLOURS, PATH, Shown
from resdepth.mathematics import Array


@style.styled
def draw_surface(shown: Shown, columns: int = 1) -> Figure:
    """Draw the surface (mean over pairs) coloured by height, with the centre and a trajectory."""
    drawn = style.figure(columns, 3.0 if columns == 1 else 4.6)
    # Marks are drawn after the surface, not sorted behind it by the distance of its middle.
    axes: Any = drawn.add_subplot(projection="3d", computed_zorder=False)
    heights = np.log10(shown.values) if shown.log else shown.values
    # A power of ten of its own at the end of the axis would lie upon the label.
    power = int(np.floor(np.log10(np.abs(heights).max() or 1.0)))
    power = power if power >= 4 or power <= -3 else 0
    heights = heights / 10.0**power
    a, b = np.meshgrid(*shown.surface.axes, indexing="ij")
    norm = Normalize(float(heights.min()), float(heights.max()))
    shades = ScalarMappable(norm, mpl.colormaps[COLOURS])
    plain: Any = {"linewidth": 0, "antialiased": False, "rasterized": True}
    plain |= dict(zip(("rcount", "ccount"), heights.shape, strict=True))
    axes.plot_surface(a, b, heights, cmap=COLOURS, norm=norm, **plain)
    _draw_marks(axes, shown, 10.0**power)
    unit = rf"$\,/\,10^{{{power}}}$" if power else ""
    _draw_box(axes, shown, unit, columns)
    bar = drawn.colorbar(shades, ax=axes, shrink=0.6, aspect=18, pad=0.1)
    bar.ax.tick_params(labelsize=6)
    bar.outline.set_linewidth(0.4)
    shown.write_conditions(axes)
    return drawn


def _draw_box(axes: Any, shown: Shown, unit: str, columns: int) -> None:
    first, second, value = shown.labels
    # Along a slanted axis there is room for few words.
    axes.set_xlabel(first.replace(" direction", ""), labelpad=-6)
    axes.set_ylabel(second, labelpad=-6)
    axes.set_zlabel((rf"$\log_{{10}}$ {value}" if shown.log else value) + unit, labelpad=-4)
    axes.tick_params(pad=-3, labelsize=6 if columns == 1 else 7)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        few_ticks(axis, count=4)
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis._axinfo["grid"].update(linewidth=0.3, color="#d0d0d0")
    axes.view_init(elev=32, azim=-55)
    axes.set_box_aspect((1, 1, 0.75), zoom=0.9 if columns == 1 else 0.97)


def _draw_marks(axes: Any, shown: Shown, unit: float) -> None:
    """Mark the centre, and the checkpoints of a trajectory at the plane's own heights."""
    if shown.path is not None:
        heights = shown.heights(shown.path["plane_loss"]) / unit
        x, y = shown.path["coordinates"].T
        axes.plot(x, y, heights, "-o", color=PATH, markersize=1.5, linewidth=0.9, zorder=5)
    if shown.centre is not None:
        height = shown.heights(shown.centre) / unit
        axes.plot([0], [0], height, "o", color="white", markersize=4, zorder=6, **RIM)


@style.styled
def draw_line(shown: Shown, columns: int = 1) -> Figure:
    """Draw the loss along one direction, or along both through the middle of a surface."""
    drawn, axes = style.panel(columns, 2.2)
    if shown.surface.losses.ndim == 1:
        _draw_along(axes, shown)
    else:
        _draw_cuts(axes, shown)
    if shown.centre is not None:
        dot: Any = {"color": "black", "zorder": 3, "clip_on": False, "label": "trained weights"}
        axes.plot(0, shown.centre, "o", **dot)
    if axes.get_legend_handles_labels()[1]:
        axes.legend()
    # The two cuts of a surface run along different directions.
    axes.set_ylabel(shown.labels[2].replace(r"A + a D_0 + b D_1", r"\cdot"))
    few_ticks(axes.xaxis, *([] if shown.log else [axes.yaxis]))
    if shown.log:
        log_axis(axes, "y")
    shown.write_conditions(axes)
    return drawn


def _draw_along(axes: Axes, shown: Shown) -> None:
    """Draw one direction; of several their range and their median."""
    (a,), colour, pairs = shown.surface.axes, style.CATEGORIES[0], shown.pairs
    if len(pairs) > 1:
        label = f"range of {len(pairs)} directions"
        band(axes, a, pairs.min(axis=0), pairs.max(axis=0), colour, label=label)
        axes.plot(a, np.median(pairs, axis=0), color=colour, label="median")
    else:
        axes.plot(*_through_marks(shown), color=colour)
    for losses in _marks(shown):
        axes.plot(1, losses, "s", color=PATH, zorder=3, clip_on=False, label="other weights")
    axes.set_xlabel(shown.labels[0])


def _marks(shown: Shown) -> list[float]:
    return shown.surface.record.get("mark_losses", []) if shown.quantity == "loss" else []


def _through_marks(shown: Shown) -> tuple[Array, Array]:
    """The line with its values at the weights that are marked, even between cells."""
    (a,), values = shown.surface.axes, shown.values
    for place, value in [(0.0, shown.centre), *((1.0, loss) for loss in _marks(shown))]:
        if value is not None and a[0] < place < a[-1] and place not in a:
            at = int(np.searchsorted(a, place))
            height = value if shown.clip is None else min(value, shown.high)
            a, values = np.insert(a, at, place), np.insert(values, at, height)
    return a, values


def _draw_cuts(axes: Axes, shown: Shown) -> None:
    a, b = shown.surface.axes
    row, column = (int(np.argmin(np.abs(axis - np.median(axis)))) for axis in (a, b))
    first, second, _ = shown.labels
    names = ("a", "b") if shown.surface.record else (r"\mathrm{row}", r"\mathrm{column}")
    across = f"{first}, ${names[1]} = {b[column]:.3g}$"
    axes.plot(a, shown.values[:, column], color=style.CATEGORIES[0], label=across)
    down = f"{second}, ${names[0]} = {a[row]:.3g}$"
    axes.plot(b, shown.values[row], color=style.CATEGORIES[1], label=down)
    axes.set_xlabel("$a$ or $b$" if shown.surface.record else "cell")
