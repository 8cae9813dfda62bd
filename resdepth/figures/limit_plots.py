"""What the network's function sees of the noise: output changes against the depth L."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.analysis.limit import FunctionTable
from resdepth.figures import style
from resdepth.figures.parts import depth_axis, log_axis
from resdepth.mathematics import Array
from resdepth.mathematics.interventions import INTERVENTIONS

GUIDES = {"smooth": (-1.0, 0.0), "pair": (-1.5, -0.5, 0.0), "shuffle": (-1.0, -0.5)}
"""Slopes in theory: a curve first, then mean field, then a realisation."""
DISTANCE_GUIDES = (-1.0, -0.5)


@style.styled
def draw_limit(table: FunctionTable, columns: int = 2) -> Figure:
    """Draw the output change of each intervention and the distance of h_L from L to 2L.

    One line per seed; grey guides have the slopes that theory gives for a curve, a mean field and
    a realisation.
    """
    drawn, panels = style.panels(columns, 4, 2.0, 6.0)
    values = {name: table.changes[name] for name in INTERVENTIONS}
    for axes, (name, changes) in zip(panels, values.items(), strict=False):
        _draw_seeds(axes, np.array(table.depths), changes, GUIDES[name])
        axes.set_title(name, loc="left", pad=3, fontsize=7)
    _draw_seeds(panels[-1], np.array(table.depths), table.distances, DISTANCE_GUIDES)
    panels[-1].set_title("from $L$ to $2L$", loc="left", pad=3, fontsize=7)
    panels[0].set_ylabel("relative change of $h_L$")
    return drawn


def _draw_seeds(axes: Axes, depths: Array, values: Array, guides: tuple[float, ...]) -> None:
    usable = np.where(values > 0, values, np.nan)
    kept = np.isfinite(usable).any(0)
    if not kept.any():
        axes.set_axis_off()
        return
    shown = depths[kept]
    for row, colour in zip(usable[:, kept], style.sequence(len(usable)), strict=True):
        axes.plot(shown, row, "o-", color=colour, markersize=2, linewidth=0.8)
    start = float(np.exp(np.nanmean(np.log(usable[:, kept][:, 0]))))
    for slope in guides:
        guide = start * (shown / shown[0]) ** slope
        axes.plot(shown, guide, color=style.FAINT, linewidth=0.6, linestyle="--", zorder=0)
        axes.annotate(f"${slope:g}$", (shown[-1], guide[-1]), fontsize=5, color=style.FAINT)
    low, high = np.nanmin(usable), np.nanmax(usable)
    axes.set_ylim(low / 1.5, high * 1.5)
    depth_axis(axes, shown)
    log_axis(axes, "y", 4)
