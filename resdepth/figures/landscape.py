"""A loss surface as a picture: in three dimensions, as contours, or as lines through the centre."""

import math
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from numpy.typing import NDArray

from resdepth.errors import AnalysisImpossible
from resdepth.figures import style
from resdepth.runs.surface import Surface

Array = NDArray[np.float64]
COLOURS = "viridis"
LEVELS = 14
"""Intervals between level lines, at most."""


@dataclass(frozen=True)
class Shown:
    """Losses as drawn: everything inside [low, high], and how many cells were moved there."""

    losses: Array
    low: float
    high: float
    above: int
    below: int
    clipped: bool

    @property
    def note(self) -> str:
        """What was moved, in words; empty where nothing was."""
        top = f"above {self.high:.4g}" if self.clipped else f"not finite, drawn as {self.high:.4g}"
        cells = [(self.above, top), (self.below, f"at or below 0, drawn as {self.low:.3g}")]
        return "; ".join(f"{n} cell{'s' * (n > 1)} {place}" for n, place in cells if n)


def saturate(surface: Surface, clip: float | None, log: bool) -> Shown:
    """Losses that can be drawn: at most `clip`, finite, and positive on a logarithmic scale.

    What is not finite counts as above. Without `clip` the largest finite loss takes its place.

    Raises
    ------
    AnalysisImpossible
        No loss lies below the clip, or none is positive on a logarithmic scale.
    """
    losses = surface.losses
    usable = losses[np.isfinite(losses) & ((losses > 0) | (not log))]
    if not usable.size or (clip is not None and usable.min() >= clip):
        reason = "no positive loss" if not usable.size else f"no loss below {clip:g}"
        remedy = "leave --log out" if not usable.size else "raise --clip"
        raise AnalysisImpossible(path=surface.path, reason=reason, remedy=remedy)
    low, high = float(usable.min()), float(usable.max()) if clip is None else float(clip)
    above = ~(losses <= high)
    below = (losses < low) & ~above
    inside = np.where(above, high, np.where(below, low, losses))
    return Shown(inside, low, high, int(above.sum()), int(below.sum()), clip is not None)


def labels(surface: Surface) -> tuple[str, str, str]:
    """Names of the two axes and of the loss."""
    if not surface.record:
        return "row", "column", "loss"
    return r"$a$  (along $D_0$)", r"$b$  (along $D_1$)", r"$\ell(A + a D_0 + b D_1)$"


@style.styled
def draw_surface(surface: Surface, shown: Shown, log: bool, columns: int = 1) -> Figure:
    """The surface in three dimensions, coloured by height."""
    drawn = style.figure(columns, 3.0 if columns == 1 else 4.6)
    axes: Any = drawn.add_subplot(projection="3d")
    heights = np.log10(shown.losses) if log else shown.losses
    # A power of ten of its own at the end of the axis would lie upon the label.
    power = math.floor(math.log10(np.abs(heights).max() or 1.0))
    power = power if power >= 4 or power <= -3 else 0
    heights = heights / 10.0**power
    a, b = np.meshgrid(*surface.axes, indexing="ij")
    axes.plot_surface(
        a,
        b,
        heights,
        cmap=COLOURS,
        rcount=heights.shape[0],
        ccount=heights.shape[1],
        linewidth=0,
        antialiased=False,
        rasterized=True,
    )
    first, second, loss = labels(surface)
    axes.set_xlabel(first, labelpad=-6)
    axes.set_ylabel(second, labelpad=-6)
    unit = rf"$\,/\,10^{{{power}}}$" if power else ""
    axes.set_zlabel((rf"$\log_{{10}}$ {loss}" if log else loss) + unit, labelpad=-4)
    axes.tick_params(pad=-3, labelsize=6 if columns == 1 else 7)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(4, steps=style.ROUND))
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis._axinfo["grid"].update(linewidth=0.3, color="#d0d0d0")
    axes.view_init(elev=32, azim=-55)
    axes.set_box_aspect((1, 1, 0.75), zoom=0.9 if columns == 1 else 0.97)
    _note(axes, shown)
    return drawn


@style.styled
def draw_contour(surface: Surface, shown: Shown, log: bool, columns: int = 1) -> Figure:
    """Filled contours with level lines; the minimum and the centre are marked."""
    drawn = style.figure(columns, 2.7 if columns == 1 else 5.2)
    axes = drawn.add_subplot()
    a, b = surface.axes
    if shown.high > shown.low:
        levels = _levels(shown, log)
        norm = LogNorm(shown.low, shown.high) if log else Normalize(shown.low, shown.high)
        axes.contourf(a, b, shown.losses.T, levels=levels, cmap=COLOURS, norm=norm)
        lines = axes.contour(
            a, b, shown.losses.T, levels=levels[1:-1], colors="white", linewidths=0.4
        )
        axes.clabel(lines, levels[1:-1:2], fontsize=5, fmt="%g")
        shades = ScalarMappable(norm, mpl.colormaps[COLOURS])
        bar = drawn.colorbar(shades, ax=axes, extend="max" if shown.above else "neither")
        bar.set_label(labels(surface)[2])
        if log:
            style.log_ticks(bar.ax.yaxis, shown.low, shown.high)
        else:
            bar.ax.yaxis.set_major_formatter(_scientific())
        bar.outline.set_linewidth(0.4)
    _mark_places(axes, surface)
    axes.set_xlabel(labels(surface)[0])
    axes.set_ylabel(labels(surface)[1])
    if surface.record:
        axes.set_aspect("equal")
    style.few_ticks(axes.xaxis)
    style.few_ticks(axes.yaxis)
    drawn.legend(loc="outside upper left", ncols=2, handletextpad=0.4)
    _note(axes, shown)
    return drawn


@style.styled
def draw_line(surface: Surface, shown: Shown, log: bool, columns: int = 1) -> Figure:
    """The loss along one direction, or along both through the middle of a surface."""
    drawn = style.figure(columns, 2.2)
    axes = drawn.add_subplot()
    first, second, loss = labels(surface)
    if surface.losses.ndim == 1:
        axes.plot(surface.axes[0], shown.losses, color=style.CATEGORIES[0])
        axes.set_xlabel(first)
        loss = loss.replace(" + b D_1", "")
    else:
        middle = [int(np.argmin(np.abs(axis - np.median(axis)))) for axis in surface.axes]
        cuts = (
            (surface.axes[0], shown.losses[:, middle[1]], first, surface.axes[1][middle[1]]),
            (surface.axes[1], shown.losses[middle[0]], second, surface.axes[0][middle[0]]),
        )
        others = ("b", "a") if surface.record else (r"\mathrm{column}", r"\mathrm{row}")
        for (x, y, name, fixed), colour, other in zip(cuts, style.CATEGORIES, others, strict=False):
            axes.plot(x, y, color=colour, label=rf"{name}, ${other} = {fixed:.3g}$")
        axes.set_xlabel("$a$ or $b$" if surface.record else "cell")
        axes.legend()
    if surface.centre_loss is not None:
        axes.plot(0, surface.centre_loss, "o", color="black", zorder=3, clip_on=False)
    axes.set_ylabel(loss)
    style.few_ticks(axes.xaxis)
    if log:
        axes.set_yscale("log")
        style.log_ticks(axes.yaxis, *axes.get_ylim())
    else:
        style.few_ticks(axes.yaxis)
    _note(axes, shown)
    return drawn


def _mark_places(axes: Axes, surface: Surface) -> None:
    """The trained weights, where they are known, and the smallest loss."""
    a, b = surface.axes
    row, column = surface.minimum()
    outline: dict[str, Any] = {
        "markeredgecolor": "black",
        "markeredgewidth": 0.5,
        "linestyle": "none",
    }
    if surface.record:
        axes.plot(0, 0, "o", color="white", markersize=7, label="trained weights", **outline)
    lowest = f"minimum {surface.losses[row, column]:.4g}"
    axes.plot(
        a[row],
        b[column],
        "*",
        color=style.CATEGORIES[1],
        markersize=6,
        label=lowest,
        clip_on=False,
        **outline,
    )


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


def _note(axes: Axes, shown: Shown) -> None:
    if shown.note:
        axes.set_title(f"clipped: {shown.note}", fontsize=6, color="#606060")
