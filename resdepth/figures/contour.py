"""A loss surface as contours, with the centre, the minimum, other weights and a path on it."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from resdepth.errors import Impossible
from resdepth.figures import style
from resdepth.figures.parts import ROUND, few_ticks, log_ticks, log_values
from resdepth.figures.surface_values import COLOURS, PATH, Shown
from resdepth.mathematics import Array

LEVELS = 14  # intervals between level lines, at most
SMALLEST = 1e-280  # matplotlib treats a range of smaller positive numbers as empty
RIM: Any = {"markeredgecolor": "black", "markeredgewidth": 0.5}
OUTLINE: Any = {**RIM, "linestyle": "none", "clip_on": False}


@style.styled
def draw_contour(shown: Shown, columns: int = 1) -> Figure:
    """Draw filled contours with level lines and all marks, one panel per pair of directions."""
    count = len(shown.pairs)
    if count == 1:
        drawn, axes = style.panel(columns, 2.9 if columns == 1 else 5.4)
        fill(axes, shown, shown.values)
        mark_places(axes, shown)
        top_legend(drawn)
        shown.write_conditions(axes)
        colour_bar(drawn, [axes], shown)
        return drawn
    row = 1.6 if columns == 1 else 1.8
    drawn, panels = style.grid(columns, count, 0.5, row, sharex=True, sharey=True)
    for number, (axes, values) in enumerate(zip(panels, shown.pairs, strict=True), start=1):
        fill(axes, shown, values, labelled=False)
        axes.plot(0, 0, "o", color="white", markersize=4, **OUTLINE)
        axes.set_title(f"pair {number}", fontsize=6)
        axes.label_outer()
    colour_bar(drawn, panels, shown)
    return drawn


def fill(axes: Axes, shown: Shown, values: Array, labelled: bool = True) -> None:
    """Draw the contours of `values`, with numbers on every second line if `labelled`."""
    surface = shown.surface
    a, b = surface.axes
    if shown.log and (shown.high < SMALLEST or shown.high * SMALLEST > shown.low):
        raise Impossible(
            surface.path,
            f"{shown.low:.3g} to {shown.high:.3g} is too small or too wide a range for contours "
            "on a logarithmic scale",
            "use `kind=surface`, or leave `log` out",
        )
    if shown.high > shown.low:
        levels = _levels(shown)
        axes.contourf(a, b, values.T, levels=levels, cmap=COLOURS, norm=_norm(shown))
        lines = axes.contour(a, b, values.T, levels=levels[1:-1], colors="white", linewidths=0.4)
        if labelled:
            axes.clabel(lines, levels[1:-1:2], fontsize=5, fmt="%g")
    axes.set(xlabel=shown.labels[0], ylabel=shown.labels[1])
    extents = [float(np.ptp(axis)) for axis in surface.axes]
    # A path may be many times as long as it is wide.
    if surface.record and max(extents) < 2 * min(extents):
        axes.set_aspect("equal")
    few_ticks(axes.xaxis, axes.yaxis)


def colour_bar(drawn: Figure, axes: list[Axes], shown: Shown) -> None:
    """Draw the scale of the colours, if there are several."""
    if shown.high <= shown.low:
        return
    shades = ScalarMappable(_norm(shown), mpl.colormaps[COLOURS])
    bar = drawn.colorbar(shades, ax=axes, extend="max" if shown.above else "neither")
    bar.set_label(shown.labels[2])
    if shown.log:
        log_ticks(bar.ax.yaxis, shown.low, shown.high)
    else:
        # Large and small numbers share a power of ten at the end of their axis.
        formatter = ScalarFormatter(useMathText=True)
        formatter.set_powerlimits((-3, 4))
        bar.ax.yaxis.set_major_formatter(formatter)
    bar.outline.set_linewidth(0.4)


def top_legend(drawn: Figure) -> None:
    """Put the legend of all marks above the axes."""
    drawn.legend(loc="outside upper left", ncols=3, handletextpad=0.4, columnspacing=1.0)


def mark_places(axes: Axes, shown: Shown) -> None:
    """Mark the trained weights, other runs' weights, and the smallest loss."""
    surface = shown.surface
    name, cell, value = shown.best
    best = [axis[i] for axis, i in zip(surface.axes, cell, strict=True)]
    label = f"{name} {value:.4g}"
    # The mark of the best cell would lie hidden below that of the centre.
    within = bool(surface.record) and best == [0.0, 0.0]
    if surface.record:
        centre = "last checkpoint" if surface.trajectory else "trained weights"
        centre += f", {label}" if within else ""
        axes.plot(0, 0, "o", color="white", markersize=6, zorder=6, label=centre, **OUTLINE)
    if marks := surface.record.get("marks"):
        others = np.transpose(marks)
        axes.plot(*others, "s", color=PATH, markersize=5, label="other weights", **OUTLINE)
    if not within:
        star: Any = {"color": style.CATEGORIES[5], "markersize": 7, "zorder": 5, **OUTLINE}
        axes.plot(*best, "*", label=label, **star)


def draw_path(axes: Axes, shown: Shown) -> None:
    """Draw the checkpoints of a trajectory in the plane."""
    if (path := shown.surface.trajectory) is None:
        return
    x, y = path["coordinates"].T
    halo = [patheffects.withStroke(linewidth=2.2, foreground="white")]
    axes.plot(x, y, "-", color=PATH, linewidth=1.0, path_effects=halo, zorder=3)
    # The white rims of many checkpoints would hide the path.
    size, rim = (2.5, 0.3) if len(path["steps"]) <= 60 else (1.2, 0.0)
    dots: Any = {"markersize": size, "markeredgecolor": "white", "markeredgewidth": rim}
    axes.plot(x, y, "o", color=PATH, zorder=4, label="checkpoints", **dots)


def _norm(shown: Shown) -> Normalize:
    return LogNorm(shown.low, shown.high) if shown.log else Normalize(shown.low, shown.high)


def _levels(shown: Shown) -> Array:
    """The two ends, and round numbers between them."""
    low, high = shown.low, shown.high
    even = MaxNLocator(LEVELS, steps=ROUND).tick_values
    inner = log_values(low, high, LEVELS) if shown.log else even(low, high)
    return np.array([low, *(level for level in inner if low < level < high), high])
