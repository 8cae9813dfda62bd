"""Parts that figures share: ticks, axes of depths, bands, dots per seed, means, legends."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FormatStrFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from resdepth.mathematics import Array
from resdepth.mathematics.interval import Interval

ROUND = [1, 2, 2.5, 5, 10]  # leading digits of ticks


def few_ticks(*axes: Axis, count: int = 5) -> None:
    """Mark at most `count` intervals between round numbers, so that labels never touch."""
    for axis in axes:
        axis.set_major_locator(MaxNLocator(count, steps=ROUND))


def log_values(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers in [low, high] for a logarithmic scale, even within one decade."""
    decades = math.log10(high / low) if high > low else 0.0
    if decades < 1.0:
        values = MaxNLocator(count, steps=ROUND).tick_values(low, high)
    else:
        subs = (1.0, 2.0, 5.0) if decades < count / 2 else (1.0,)
        values = LogLocator(subs=subs, numticks=count + 2).tick_values(low, high)
    return [float(value) for value in values if low <= value <= high and value > 0]


def log_ticks(axis: Axis, low: float, high: float, count: int = 5, *, whole: bool = False) -> None:
    """Mark a scale: plain numbers (`whole` ones) over few decades, else powers of ten."""
    if high < 1e3 * low:
        values = log_values(low, high, count)
        _fix(axis, [value for value in values if value.is_integer() or not whole])


def log_axis(
    axes: Axes, name: str, count: int = 5, *, whole: bool = False, mask: bool = False
) -> None:
    """Make the axis "x" or "y" logarithmic over its limits; `mask` hides what is not positive."""
    getattr(axes, f"set_{name}scale")("log", nonpositive="mask" if mask else "clip")
    axis: Axis = getattr(axes, f"{name}axis")
    log_ticks(axis, *axis.get_view_interval(), count, whole=whole)


def depth_axis(axes: Axes, depths: Sequence[float] | Array) -> None:
    """Make the horizontal axis one of depths L: logarithmic, about four depths marked."""
    axes.set(xscale="log", xlim=(min(depths) / 1.25, max(depths) * 1.25), xlabel="$L$")
    _fix(axes.xaxis, sorted(depths)[:: -(-len(depths) // 4)])


def _fix(axis: Axis, values: Sequence[float]) -> None:
    axis.set_major_locator(FixedLocator(values))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_locator(NullLocator())


def band(
    axes: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: Any, label: str | None = None
) -> None:
    """Fill the area between two curves."""
    axes.fill_between(x, low, high, color=colour, alpha=0.22, linewidth=0, label=label)


def seed_dots(axes: Axes, depths: ArrayLike, values: Array, colour: Any) -> None:
    """Draw one dot per seed and depth; `values` (seeds, depths) are NaN for missing cells."""
    known = np.isfinite(values)
    places = np.broadcast_to(depths, values.shape)
    axes.plot(places[known], values[known], ".", color=colour, markersize=3, alpha=0.6)


def mean_bars(
    axes: Axes, places: Sequence[float], means: Sequence[Interval], colour: Any, label: str = ""
) -> None:
    """Draw means with the bars of their intervals, if these are known."""
    sides = [(m.value - m.low, m.high - m.value) if m.known else (0.0, 0.0) for m in means]
    kind: Any = {"fmt": "_", "capsize": 2, "color": colour, "label": label or None}
    axes.errorbar(places, [mean.value for mean in means], np.transpose(sides), **kind)


def write_inside(axes: Axes, text: str) -> None:
    """Write into a panel why it is empty."""
    axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes, fontsize=7)
    axes.set_yticks([])


def short(name: str, length: int = 28) -> str:
    """Return a file's name as text of a figure: its end if it is long, no mathematics in it."""
    # A byte that is no text has no glyph.
    name = name.encode(errors="backslashreplace").decode()
    shown = name if len(name) <= length else f"…{name[1 - length :]}"
    return shown.replace("$", r"\$")


def power(beta: float) -> str:
    """Return L^beta in mathematical type, nothing for beta = 0."""
    return "" if beta == 0 else rf"L^{{{beta:g}}}"
