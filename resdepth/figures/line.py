"""The loss along a direction: a line, a band over several directions, or cuts of a surface."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.figures.parts import band, few_ticks, log_axis
from resdepth.figures.surface_values import PATH, Shown
from resdepth.mathematics import Array


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
