"""The curvature of the loss around the weights of a study against the depth."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.analysis.curvatures import CurvatureTable
from resdepth.figures import style
from resdepth.mathematics.interval import mean_interval


@style.styled
def draw_curvature(table: CurvatureTable, columns: int = 2) -> Figure:
    """Largest eigenvalue, rate times it, and both traces against L.

    A dot a seed, the mean with its 95 % interval, and the power law where there is one.
    """
    drawn = style.figure(columns, 2.1 if columns == 2 else 6.0)
    top, rate, trace = drawn.subplots(*((1, 3) if columns == 2 else (3, 1)))
    dots, line, other = style.categories(3)
    _draw(top, table, "top", dots)
    _draw(rate, table, "rate_times_top", dots)
    _draw(trace, table, "hessian_trace", dots, "tr $H$")
    _draw(trace, table, "gauss_newton_trace", other, "tr GN")
    for edge in sorted({row.edge for row in table.rows}):
        rate.axhline(edge, color=line, linestyle="--", linewidth=0.8, zorder=0)
    rate.set_ylim(bottom=0)
    top.set_ylabel(r"$\lambda_1$")
    rate.set_ylabel(r"rate $\times\ \lambda_1$")
    trace.set_ylabel("trace")
    trace.legend(loc="best")
    for axes in (top, rate, trace):
        axes.set_xscale("log")
        axes.set_xlim(table.depths[0] / 1.25, table.depths[-1] * 1.25)
        style.log_ticks(axes.xaxis, table.depths[0], table.depths[-1], 3)
        axes.set_xlabel("$L$")
    for axes in (top, trace):
        low, high = axes.get_ylim()
        if all(y > 0 for shown in axes.get_lines() for y in np.asarray(shown.get_ydata())):
            axes.set_yscale("log")
            style.log_ticks(axes.yaxis, *axes.get_ylim())
        else:
            axes.set_ylim(low, high)
            style.few_ticks(axes.yaxis)
    style.few_ticks(rate.yaxis)
    return drawn


def _draw(axes: Axes, table: CurvatureTable, name: str, colour: str, label: str = "") -> None:
    values = table.values(name)
    places = np.broadcast_to(np.array(table.depths), values.shape)
    there = np.isfinite(values)
    axes.plot(places[there], values[there], ".", color=colour, alpha=0.6, markersize=3)
    means = [mean_interval(column) for column in values.T]
    halves = [mean.high - mean.value if mean.known else 0.0 for mean in means]
    heights = [mean.value for mean in means]
    axes.errorbar(table.depths, heights, halves, fmt="_", color=colour, capsize=2, label=label)
    law = table.laws[name]
    if np.isfinite(law.exponent.value):
        fitted = [law.at(depth) for depth in table.depths]
        axes.plot(table.depths, fitted, color=colour, linewidth=0.9)
