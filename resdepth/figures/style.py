"""One style for every figure: sizes of a paper, colours all eyes tell apart, embedded fonts."""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FormatStrFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
)

from resdepth.atomic import write_whole
from resdepth.errors import no_display
from resdepth.figures.colours import CATEGORIES as CATEGORIES
from resdepth.figures.colours import categories as categories
from resdepth.options.location import PICTURES as SUFFIXES
from resdepth.options.location import written_as
from resdepth.runs.provenance import Provenance

P = ParamSpec("P")
R = TypeVar("R")

WIDTHS = {1: 3.4, 2: 7.0}
"""Inches across one and two columns."""
DOTS = 300
"""Dots an inch of a .png, and of the rasterised parts of the others."""

FAINT = "#9a9a9a"
ROUND = [1, 2, 2.5, 5, 10]
"""Leading digits of ticks."""

STYLE: Any = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.1,
    "lines.markersize": 3,
    "patch.linewidth": 0.6,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "savefig.dpi": DOTS,
    # TrueType outlines inside, not bitmaps; in .svg the letters are outlines, fonts or no fonts.
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "resdepth",
}


@contextmanager
def paper() -> Iterator[None]:
    """Draw and save in the style of this module, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Make a drawing function use the style."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with paper():
            return draw(*args, **kwargs)

    return wrapper


def figure(columns: int, height: float, **layout: Any) -> Figure:
    """An empty figure `columns` (1 or 2) of a paper wide and `height` inches high."""
    return Figure(figsize=(WIDTHS[columns], height), layout="constrained", **layout)


def sequence(count: int) -> list[Any]:
    """Colours of an ordered family, dark to light: the ends of viridis that print well."""
    return [mpl.colormaps["viridis"](x) for x in np.linspace(0.0, 0.82, max(count, 2))[:count]]


def legend_outside(axes: Axes, title: str | None = None) -> None:
    """A legend to the right of the axes, where no curve can run under it."""
    axes.legend(
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        borderaxespad=0.0,
        ncols=legend_columns(len(axes.get_legend_handles_labels()[1])),
        columnspacing=1.0,
    )


def legend_columns(count: int) -> int:
    """Columns of a legend that is no higher than its figure."""
    return 1 + (count - 1) // 12


def short(name: str, length: int = 28) -> str:
    """A file's name as text of a figure: its end where it is long, no mathematics in it."""
    # A byte that is no text has no glyph.
    name = name.encode(errors="backslashreplace").decode()
    shown = name if len(name) <= length else f"…{name[1 - length :]}"
    return shown.replace("$", r"\$")


def few_ticks(axis: Axis, count: int = 5) -> None:
    """At most `count` intervals between round numbers, so that labels never touch."""
    axis.set_major_locator(MaxNLocator(count, steps=ROUND))


def log_values(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers in [low, high] for a logarithmic scale, also where it spans no decade."""
    decades = math.log10(high / low) if high > low else 0.0
    if decades < 1.0:
        values = MaxNLocator(count, steps=ROUND).tick_values(low, high)
    else:
        subs = (1.0, 2.0, 5.0) if decades < count / 2 else (1.0,)
        locator = LogLocator(subs=subs, numticks=count + 2)
        values = locator.tick_values(low, high)
    return [float(value) for value in values if low <= value <= high and value > 0]


def log_ticks(axis: Axis, low: float, high: float, count: int = 5, *, whole: bool = False) -> None:
    """Ticks of a logarithmic scale: plain numbers over few decades, else powers of ten.

    `whole` leaves out what is no whole number, for counts.
    """
    if high < 1e3 * low:
        values = log_values(low, high, count)
        kept = [value for value in values if value.is_integer() or not whole]
        axis.set_major_locator(FixedLocator(kept))
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_locator(NullLocator())


def depth_ticks(axis: Axis, depths: Sequence[float], count: int = 4) -> None:
    """Ticks at depths that there are, about `count` of them, for a logarithmic scale of depths."""
    every = -(-len(depths) // count)
    axis.set_major_locator(FixedLocator(sorted(depths)[::every]))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_locator(NullLocator())


def output_path(path: Path, suffixes: Sequence[str] = SUFFIXES, *, command: str) -> Path:
    """`path` with a suffix that can be written: .pdf is added where there is none.

    Raises
    ------
    Usage
        The suffix names a kind of picture that is not written.
    """
    return written_as(path, suffixes, command=command)


METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {},
}
"""No dates: the same figure is the same bytes."""
ORIGIN = {"pdf": "Subject", "svg": "Description", "png": "Description"}
"""The field of the metadata that holds the provenance as JSON."""


def save(drawn: Figure, path: Path, provenance: Provenance | None = None) -> None:
    """Write a figure whole, with its provenance in the metadata and without dates.

    Raises
    ------
    System
        The operating system refused.
    """
    format = path.suffix[1:].lower()
    told = {} if provenance is None else {ORIGIN[format]: provenance.brief()}
    with paper():
        write_whole(
            path,
            lambda stream: drawn.savefig(stream, format=format, metadata=METADATA[format] | told),
        )


def show(drawn: Figure, path: Path, backend: str = "") -> None:
    """Open a window and wait until it is closed; with `backend` of matplotlib where it is usable.

    Raises
    ------
    System
        There is no display, or no toolkit to draw a window with; `path` is where the file is.
    """
    headless = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if headless:
        raise no_display(path)
    if backend:
        with suppress(ImportError, ValueError):
            mpl.use(backend)
    with paper():
        if mpl.get_backend().lower() == "agg":
            raise no_display(path)
        plt.figure(drawn)
        plt.show()
