"""Pictures of a study that no single command draws: growth, trend and noise, doubling, rates."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from resdepth.analysis.doubling import DoublingTable
from resdepth.analysis.entries import spread_entries
from resdepth.analysis.path_tables import VariationTable, positions
from resdepth.analysis.rates import RateCurve
from resdepth.figures import style
from resdepth.figures.paths import LAYER, power
from resdepth.mathematics.statistics import trend
from resdepth.weights.weight_path import WeightPath


@style.styled
def draw_growth(table: VariationTable, columns: int = 1) -> Figure:
    """Power of L that the p-variation norm follows, against p, with its 95 % interval."""
    drawn = style.figure(columns, 2.3)
    axes = drawn.add_subplot()
    (colour,) = style.categories(1)
    found = [growth.exponent for growth in table.growth]
    axes.axhline(0.0, color=style.FAINT, linewidth=0.6, zorder=0)
    axes.plot(table.exponents, [one.value for one in found], color=colour)
    low, high = [one.low for one in found], [one.high for one in found]
    axes.fill_between(table.exponents, low, high, color=colour, alpha=0.22, linewidth=0)
    axes.set_xlabel("$p$")
    axes.set_ylabel("growth exponent in $L$")
    title = rf"$\Vert k\mapsto {power(table.beta)}A_k\Vert_{{p\text{{-var}}}}$"
    partial = any(growth.excluded for growth in table.growth)
    axes.set_title(title + f", {table.seeds} seeds" * partial, loc="left")
    style.few_ticks(axes.xaxis)
    style.few_ticks(axes.yaxis)
    return drawn


@style.styled
def draw_trend(model: WeightPath, beta: float, columns: int = 2) -> Figure:
    """One entry of L^beta A_k with its moving mean over a tenth of the depth, and what is left."""
    drawn = style.figure(columns, 2.0 if columns == 2 else 3.4)
    above, below = drawn.subplots(*((1, 2) if columns == 2 else (2, 1)), sharex=True)
    row, column = spread_entries(model.width)[0]
    entry = model.scaled(model.blocks[:, row, column], beta)
    smooth = trend(entry)
    place = positions(model.depth)
    faint, strong = style.categories(2)
    above.plot(place, entry, color=faint, linewidth=0.5, label="entry")
    above.plot(place, smooth, color=strong, label="trend")
    above.legend(loc="best")
    below.plot(place, entry - smooth, color=faint, linewidth=0.5)
    above.set_ylabel(rf"${power(beta)}\,(A_k)_{{{row},{column}}}$")
    below.set_ylabel("noise")
    for axes in (above, below):
        axes.set_xlim(0, 1)
        style.few_ticks(axes.xaxis, 4)
        style.few_ticks(axes.yaxis, 4)
    drawn.supxlabel(LAYER, fontsize=8)
    return drawn


@style.styled
def draw_doubling(table: DoublingTable, columns: int = 1) -> Figure:
    """Relative distance of the paths at L and 2L against L: a dot a seed, the mean, the law.

    Means are geometric, as the power law is that of the logarithms.
    """
    drawn = style.figure(columns, 2.3)
    axes = drawn.add_subplot()
    dots, line = style.categories(2)
    depths = [row.depth for row in table.rows]
    for row in table.rows:
        axes.plot([row.depth] * len(row.values), row.values, ".", color=dots, alpha=0.6)
        if row.mean.known:
            value = row.mean.value
            sides = np.array([[value - row.mean.low], [row.mean.high - value]])
            axes.errorbar(row.depth, value, sides, fmt="_", color=dots, capsize=2)
    axes.plot(depths, [table.law.at(depth) for depth in depths], color=line, linewidth=0.9)
    axes.set_ylim(bottom=0)
    axes.set_xscale("log")
    axes.set_xlim(depths[0] / 1.25, depths[-1] * 1.25)
    style.depth_ticks(axes.xaxis, depths)
    style.few_ticks(axes.yaxis)
    axes.set_xlabel("$L$")
    axes.set_ylabel("distance from $L$ to $2L$")
    return drawn


@style.styled
def draw_rates(curves: Sequence[RateCurve], columns: int = 2) -> Figure:
    """Mean final loss against the base rate, one curve per depth, and the best rate against L.

    If training stops at a loss, the number of steps to it takes the place of the loss. Rates at
    which a run diverged are left out.
    """
    drawn = style.figure(columns, 2.2 if columns == 2 else 4.0)
    losses, best = drawn.subplots(*((1, 2) if columns == 2 else (2, 1)))
    for curve, colour in zip(curves, style.sequence(len(curves)), strict=True):
        shown = np.where(np.isfinite(curve.values), curve.values, np.nan)
        losses.plot(curve.rates, shown, "o-", color=colour, label=f"${curve.depth}$")
    depths, rates = [curve.depth for curve in curves], [curve.best for curve in curves]
    best.plot(depths, rates, "o-", color=style.categories(1)[0])
    tried = [rate for curve in curves for rate in curve.rates]
    known = [value for curve in curves for value in curve.values if 0 < value < np.inf]
    low, high = (min(known) / 1.1, max(known) * 1.1) if known else (1.0, 1.0)
    spans = ((losses, tried, (low, high)), (best, depths, (min(tried) / 1.1, max(tried) * 1.1)))
    for axes, across, (bottom, top) in spans:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(min(across) / 1.25, max(across) * 1.25)
        axes.set_ylim(bottom / 1.02, top * 1.02)
        style.log_ticks(axes.xaxis, *axes.get_xlim())
        style.log_ticks(axes.yaxis, *axes.get_ylim())
    style.depth_ticks(best.xaxis, depths)
    losses.set_xlabel("base rate")
    losses.set_ylabel("steps" if any(curve.steps for curve in curves) else "final loss")
    best.set_xlabel("$L$")
    best.set_ylabel("best base rate")
    losses.legend(title="$L$", loc="best")
    return drawn
