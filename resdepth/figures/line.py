"""The loss along a direction: a line, a band over several directions, or cuts of a surface."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.figures.landscape import PATH, Array, Shown, labels, note
from resdepth.runs.surface import Surface


@style.styled
def draw_line(surface: Surface, shown: Shown, log: bool, columns: int = 1) -> Figure:
    """The loss along one direction, or along both through the middle of a surface."""
    drawn = style.figure(columns, 2.2)
    axes = drawn.add_subplot()
    value = labels(surface, shown.quantity)[2]
    if surface.losses.ndim == 1:
        _along(axes, surface, shown)
    else:
        _cuts(axes, surface, shown)
        value = value.replace(r"A + a D_0 + b D_1", r"\cdot")
    name = "centre_loss" if shown.quantity == "loss" else "centre_accuracy"
    centre = surface.record.get(name)
    if centre is not None:
        axes.plot(0, centre, "o", color="black", zorder=3, clip_on=False, label="trained weights")
        axes.legend()
    axes.set_ylabel(value)
    style.few_ticks(axes.xaxis)
    if log:
        axes.set_yscale("log")
        style.log_ticks(axes.yaxis, *axes.get_ylim())
    else:
        style.few_ticks(axes.yaxis)
    note(axes, surface, shown)
    return drawn


def _along(axes: Axes, surface: Surface, shown: Shown) -> None:
    """One direction; of several their range and their median."""
    (a,), colour = surface.axes, style.CATEGORIES[0]
    count = len(shown.pairs)
    if count > 1:
        axes.fill_between(
            a,
            shown.pairs.min(axis=0),
            shown.pairs.max(axis=0),
            color=colour,
            alpha=0.2,
            linewidth=0,
            label=f"range of {count} directions",
        )
        axes.plot(a, np.median(shown.pairs, axis=0), color=colour, label="median")
        axes.legend()
    else:
        axes.plot(*_through_marks(surface, shown), color=colour)
    for losses in surface.record.get("mark_losses", []):
        if shown.quantity == "loss":
            axes.plot(1, losses, "s", color=PATH, zorder=3, clip_on=False, label="other weights")
    axes.set_xlabel(labels(surface)[0])


def _through_marks(surface: Surface, shown: Shown) -> tuple[Array, Array]:
    """The line with its values at the weights that are marked, whether cells lie there or not."""
    name = "centre_loss" if shown.quantity == "loss" else "centre_accuracy"
    known = [(0.0, surface.record.get(name))]
    if shown.quantity == "loss":
        known += [(1.0, value) for value in surface.record.get("mark_losses", [])]
    (a,), values = surface.axes, shown.values
    for place, value in known:
        if value is not None and a[0] < place < a[-1] and place not in a:
            at = int(np.searchsorted(a, place))
            drawn = min(value, shown.high) if shown.clipped else value
            a, values = np.insert(a, at, place), np.insert(values, at, drawn)
    return a, values


def _cuts(axes: Axes, surface: Surface, shown: Shown) -> None:
    """Both directions through the middle of a surface."""
    first, second, _ = labels(surface)
    values = shown.values
    middle = [int(np.argmin(np.abs(axis - np.median(axis)))) for axis in surface.axes]
    cuts = (
        (surface.axes[0], values[:, middle[1]], first, surface.axes[1][middle[1]]),
        (surface.axes[1], values[middle[0]], second, surface.axes[0][middle[0]]),
    )
    others = ("b", "a") if surface.record else (r"\mathrm{column}", r"\mathrm{row}")
    for (x, y, name, fixed), colour, other in zip(cuts, style.CATEGORIES, others, strict=False):
        axes.plot(x, y, color=colour, label=rf"{name}, ${other} = {fixed:.3g}$")
    axes.set_xlabel("$a$ or $b$" if surface.record else "cell")
    axes.legend()
