"""One style for every figure: sizes of a paper, distinguishable colours, embedded fonts."""

import os
import sys
from contextlib import suppress
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.atomic import write_whole
from resdepth.errors import System
from resdepth.mathematics import Array
from resdepth.runs.provenance import Provenance

WIDTHS = {1: 3.4, 2: 7.0}  # inches across one and two columns
FAINT = "#9a9a9a"
CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Okabe & Ito, "Color Universal Design" (2008), without the yellow, which is faint on white."""
LIGHTNESS = (20.0, 78.0)  # range of L* in which lines print well
D65 = (0.9505, 1.0, 1.089)  # the white point
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
ORIGIN = {"pdf": "Subject", "svg": "Description", "png": "Description"}
"""The field of the metadata that holds the provenance as JSON."""
DATES = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
"""Removed from the metadata: the same figure gives the same bytes."""
Drawn = tuple[Figure, list[Axes]]
paper = partial(plt.style.context, "resdepth.figures.paper", after_reset=True)
"""Draws and saves in the style of paper.mplstyle, whatever the user's own settings are."""
styled = paper()
"""Makes a drawing function use the style."""


def figure(columns: int, height: float) -> Figure:
    """Return an empty figure as wide as 1 or 2 columns of a paper and `height` inches high."""
    return Figure(figsize=(WIDTHS[columns], height), layout="constrained")


def panel(columns: int, height: float) -> tuple[Figure, Axes]:
    """Return a figure with one panel."""
    drawn = figure(columns, height)
    return drawn, drawn.add_subplot()


def grid(columns: int, count: int, extra: float, row: float, **shared: Any) -> Drawn:
    """Return a figure with panels, 2 per column, in rows of `row` inches below `extra` inches."""
    across = min(count, 2 * columns)
    down = -(-count // across)
    drawn = figure(columns, extra + row * down)
    panels = list(drawn.subplots(down, across, squeeze=False, **shared).flat)
    for spare in panels[count:]:
        spare.remove()
    return drawn, panels[:count]


def panels(columns: int, count: int, wide: float, narrow: float, **shared: Any) -> Drawn:
    """Return a figure with panels: in a row `wide` inches high, or in one column `narrow`."""
    drawn = figure(columns, wide if columns == 2 else narrow)
    return drawn, list(drawn.subplots(*((1, count) if columns == 2 else (count, 1)), **shared))


def sequence(count: int) -> list[Any]:
    """Return colours of an ordered family, dark to light: the part of viridis that prints well."""
    return [mpl.colormaps["viridis"](x) for x in np.linspace(0.0, 0.82, max(count, 2))[:count]]


def categories(count: int) -> list[str]:
    """Return colours of an unordered family: `CATEGORIES`, then each the farthest in L*a*b*."""
    return list(_categories(max(count, len(CATEGORIES)))[:count])


@cache
def _categories(count: int) -> tuple[str, ...]:
    colours = np.array(list(product(np.linspace(0.0, 1.0, 12), repeat=3)))
    lab = _lab(colours)
    usable = (lab[:, 0] >= LIGHTNESS[0]) & (lab[:, 0] <= LIGHTNESS[1])
    colours, lab = colours[usable], lab[usable]
    chosen = list(CATEGORIES)
    taken = _lab(mpl.colors.to_rgba_array(CATEGORIES)[:, :3])
    nearest = np.linalg.norm(lab[:, None] - taken, axis=2).min(axis=1)
    while len(chosen) < count:
        best = int(nearest.argmax())
        chosen.append(str(mpl.colors.to_hex(colours[best])))
        nearest = np.minimum(nearest, np.linalg.norm(lab - lab[best], axis=1))
    return tuple(chosen)


def _lab(rgb: Array) -> Array:
    """CIE 1976 L*a*b* (n, 3) of sRGB colours (n, 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = linear @ np.array(TO_XYZ).T / np.array(D65)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def save(drawn: Figure, path: Path, provenance: Provenance | None = None) -> None:
    """Write a figure whole, with its provenance and without dates, or raise System."""
    kind = path.suffix[1:].lower()
    origin = {} if provenance is None else {ORIGIN[kind]: provenance.brief()}
    metadata: Any = DATES.get(kind, {}) | origin
    with paper():
        write_whole(path, lambda stream: drawn.savefig(stream, format=kind, metadata=metadata))


def show(drawn: Figure, path: Path, backend: str = "") -> None:
    """Open a window and wait until it is closed; `backend` of matplotlib is used if it works.

    Raises System: there is no display or no toolkit for windows; `path` is where the file is.
    """
    headless = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    what, remedy = "there is no display to open a window on", f"the figure was written: {path}"
    if headless:
        raise System("show", what, remedy)
    if backend:
        with suppress(ImportError, ValueError):
            mpl.use(backend)
    with paper():
        if mpl.get_backend().lower() == "agg":
            raise System("show", what, remedy)
        plt.figure(drawn)
        plt.show()
