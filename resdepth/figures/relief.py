"""A loss surface in three dimensions."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from resdepth.figures import style
from resdepth.figures.landscape import COLOURS, PATH, Array, Shown, labels, note
from resdepth.runs.surface import Surface


@style.styled
def draw_surface(surface: Surface, shown: Shown, log: bool, columns: int = 1) -> Figure:
    """The surface coloured by height, with the centre and a trajectory on it.

    Of several pairs of directions the mean.
    """
    drawn = style.figure(columns, 3.0 if columns == 1 else 4.6)
    # Marks are drawn after the surface, not sorted behind it by the distance of its middle.
    axes: Any = drawn.add_subplot(projection="3d", computed_zorder=False)
    heights = np.log10(shown.values) if log else shown.values
    # A power of ten of its own at the end of the axis would lie upon the label.
    power = math.floor(math.log10(np.abs(heights).max() or 1.0))
    power = power if power >= 4 or power <= -3 else 0
    heights = heights / 10.0**power
    a, b = np.meshgrid(*surface.axes, indexing="ij")
    norm = Normalize(float(heights.min()), float(heights.max()))
    axes.plot_surface(
        a,
        b,
        heights,
        cmap=COLOURS,
        norm=norm,
        rcount=heights.shape[0],
        ccount=heights.shape[1],
        linewidth=0,
        antialiased=False,
        rasterized=True,
    )

    def raised(losses: Array) -> Array:
        inside = shown.inside(np.asarray(losses, dtype=np.float64))
        return (np.log10(inside) if log else inside) / 10.0**power

    _marks(axes, surface, shown, raised)
    first, second, value = labels(surface, shown.quantity)
    unit = rf"$\,/\,10^{{{power}}}$" if power else ""
    _box(axes, (first, second, (rf"$\log_{{10}}$ {value}" if log else value) + unit), columns)
    shades = ScalarMappable(norm, mpl.colormaps[COLOURS])
    bar = drawn.colorbar(shades, ax=axes, shrink=0.6, aspect=18, pad=0.1)
    bar.ax.tick_params(labelsize=6)
    bar.outline.set_linewidth(0.4)
    note(axes, surface, shown)
    return drawn


def _box(axes: Any, names: tuple[str, str, str], columns: int) -> None:
    """Names, ticks and panes of the three axes, and where they are seen from."""
    first, second, height = names
    # Along a slanted axis there is room for few words.
    first = first.replace(" direction", "")
    axes.set_xlabel(first, labelpad=-6)
    axes.set_ylabel(second, labelpad=-6)
    axes.set_zlabel(height, labelpad=-4)
    axes.tick_params(pad=-3, labelsize=6 if columns == 1 else 7)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(4, steps=style.ROUND))
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis._axinfo["grid"].update(linewidth=0.3, color="#d0d0d0")
    axes.view_init(elev=32, azim=-55)
    axes.set_box_aspect((1, 1, 0.75), zoom=0.9 if columns == 1 else 0.97)


def _marks(axes: Any, surface: Surface, shown: Shown, raised: Any) -> None:
    """The centre, and the checkpoints of a trajectory at the plane's own heights."""
    path = surface.trajectory if shown.quantity == "loss" else None
    if path is not None:
        heights = raised(path["plane_loss"])
        x, y = path["coordinates"].T
        axes.plot(x, y, heights, "-o", color=PATH, markersize=1.5, linewidth=0.9, zorder=5)
    name = "centre_loss" if shown.quantity == "loss" else "centre_accuracy"
    centre = surface.record.get(name)
    if centre is not None:
        height = raised(np.array([centre]))
        axes.plot([0], [0], height, "o", color="white", markeredgecolor="black",
                  markeredgewidth=0.5, markersize=4, zorder=6)  # fmt: skip
