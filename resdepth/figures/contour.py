"""A loss surface as contours: the centre, the minimum, other weights and a path marked on it."""

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
from resdepth.figures.landscape import COLOURS, PATH, Array, Shown, best, labels, note
from resdepth.runs.surface import Surface

LEVELS = 14
"""Intervals between level lines, at most."""
SMALLEST = 1e-280
"""matplotlib takes a range of smaller positive numbers for an empty one."""
OUTLINE: dict[str, Any] = {
    "markeredgecolor": "black",
    "markeredgewidth": 0.5,
    "linestyle": "none",
    "clip_on": False,
}


@style.styled
def draw_contour(surface: Surface, shown: Shown, log: bool, columns: int = 1) -> Figure:
    """Filled contours with level lines and all marks; pairs of directions beside one another."""
    count = len(shown.pairs)
    if count == 1:
        drawn = style.figure(columns, 2.9 if columns == 1 else 5.4)
        axes = drawn.add_subplot()
        fill(axes, surface, shown, shown.values, log)
        mark_places(axes, surface, shown)
        drawn.legend(loc="outside upper left", ncols=3, handletextpad=0.4, columnspacing=1.0)
        note(axes, surface, shown)
        colour_bar(drawn, [axes], surface, shown, log)
        return drawn
    across = min(count, 2 if columns == 1 else 4)
    down = -(-count // across)
    drawn = style.figure(columns, 0.5 + down * (1.6 if columns == 1 else 1.8))
    panels = np.atleast_1d(
        drawn.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    ).ravel()
    for number, (axes, values) in enumerate(zip(panels, shown.pairs, strict=False)):
        fill(axes, surface, shown, values, log, labelled=False)
        axes.plot(0, 0, "o", color="white", markersize=4, **OUTLINE)
        axes.set_title(f"pair {number + 1}", fontsize=6)
        axes.label_outer()
    for axes in panels[count:]:
        axes.remove()
    colour_bar(drawn, list(panels[:count]), surface, shown, log)
    return drawn


def fill(
    axes: Axes, surface: Surface, shown: Shown, values: Array, log: bool, labelled: bool = True
) -> None:
    """The contours of `values` on their axes."""
    a, b = surface.axes
    if log and (shown.high < SMALLEST or shown.high * SMALLEST > shown.low):
        raise Impossible(
            surface.path,
            f"{shown.low:.3g} to {shown.high:.3g} is too small or too far apart for "
            "contours on a logarithmic scale",
            "`kind` surface draws them; or leave `log` out",
        )
    if shown.high > shown.low:
        levels = _levels(shown, log)
        axes.contourf(a, b, values.T, levels=levels, cmap=COLOURS, norm=_norm(shown, log))
        lines = axes.contour(a, b, values.T, levels=levels[1:-1], colors="white", linewidths=0.4)
        if labelled:
            axes.clabel(lines, levels[1:-1:2], fontsize=5, fmt="%g")
    axes.set_xlabel(labels(surface)[0])
    axes.set_ylabel(labels(surface)[1])
    extents = [float(np.ptp(axis)) for axis in surface.axes]
    # A path may be many times as long as it is wide.
    if surface.record and max(extents) < 2 * min(extents):
        axes.set_aspect("equal")
    style.few_ticks(axes.xaxis)
    style.few_ticks(axes.yaxis)


def colour_bar(drawn: Figure, axes: list[Axes], surface: Surface, shown: Shown, log: bool) -> None:
    """What the colours mean."""
    if shown.high <= shown.low:
        return
    shades = ScalarMappable(_norm(shown, log), mpl.colormaps[COLOURS])
    bar = drawn.colorbar(shades, ax=axes, extend="max" if shown.above else "neither")
    bar.set_label(labels(surface, shown.quantity)[2])
    if log:
        style.log_ticks(bar.ax.yaxis, shown.low, shown.high)
    else:
        bar.ax.yaxis.set_major_formatter(_scientific())
    bar.outline.set_linewidth(0.4)


def mark_places(axes: Axes, surface: Surface, shown: Shown) -> None:
    """The trained weights, other runs' weights, and the smallest loss."""
    a, b = surface.axes
    name, (row, column), value = best(surface, shown)
    label = f"{name} {value:.4g}"
    within = bool(surface.record) and a[row] == b[column] == 0.0
    if surface.record:
        centre = "last checkpoint" if surface.trajectory else "trained weights"
        # The mark of the best cell would lie hidden below that of the centre.
        centre += f", {label}" if within else ""
        axes.plot(0, 0, "o", color="white", markersize=6, zorder=6, label=centre, **OUTLINE)
    marks = np.array(surface.record.get("marks", [])).reshape(-1, 2)
    if len(marks):
        axes.plot(*marks.T, "s", color=PATH, markersize=5, label="other weights", **OUTLINE)
    if within:
        return
    star = style.CATEGORIES[5]
    axes.plot(a[row], b[column], "*", color=star, markersize=7, zorder=5, label=label, **OUTLINE)


def draw_path(axes: Axes, surface: Surface) -> None:
    """The checkpoints of a trajectory in the plane."""
    path = surface.trajectory
    if path is None:
        return
    x, y = path["coordinates"].T
    halo = [patheffects.withStroke(linewidth=2.2, foreground="white")]
    axes.plot(x, y, "-", color=PATH, linewidth=1.0, path_effects=halo, zorder=3)
    # Of many checkpoints the white rims would hide the path.
    size, rim = (2.5, 0.3) if len(path["steps"]) <= 60 else (1.2, 0.0)
    axes.plot(
        x,
        y,
        "o",
        color=PATH,
        markersize=size,
        markeredgecolor="white",
        markeredgewidth=rim,
        zorder=4,
        label="checkpoints",
    )


def _norm(shown: Shown, log: bool) -> Normalize:
    return LogNorm(shown.low, shown.high) if log else Normalize(shown.low, shown.high)


def _scientific() -> ScalarFormatter:
    """Large and small numbers share a power of ten at the end of their axis."""
    formatter = ScalarFormatter(useMathText=True)
    formatter.set_powerlimits((-3, 4))
    return formatter


def _levels(shown: Shown, log: bool) -> Array:
    """The two ends, and round numbers between them."""
    if log:
        inner = style.log_values(shown.low, shown.high, LEVELS)
    else:
        inner = list(MaxNLocator(LEVELS, steps=style.ROUND).tick_values(shown.low, shown.high))
    inner = [level for level in inner if shown.low < level < shown.high]
    return np.array([shown.low, *inner, shown.high])
