"""A loss surface in three dimensions."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.figures.contour import RIM
from resdepth.figures.parts import few_ticks
from resdepth.figures.surface_values import COLOURS, PATH, Shown


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
