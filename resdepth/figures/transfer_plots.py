"""Loss against the learning rate at each depth, the best rate against the depth, the loss lost."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.analysis.rate_tables import RateTable
from resdepth.figures import parts, style
from resdepth.mathematics.transfer import DepthOptimum, Transfer


@style.styled
def draw_transfer(table: RateTable, columns: int = 2) -> Figure:
    """Draw one experiment: curves with their bowls, best rate over L, loss of transferring."""
    drawn, panels = style.panels(columns, 3, 2.2, 6.0)
    _draw(table, panels)
    return drawn


@style.styled
def draw_experiments(tables: Sequence[RateTable]) -> Figure:
    """Draw all experiments, one row of three panels each."""
    drawn, panels = style.grid(2, 3 * len(tables), 0.2, 2.0)
    for place, table in enumerate(tables):
        _draw(table, panels[3 * place : 3 * place + 3])
    return drawn


def _draw(table: RateTable, panels: Sequence[Axes]) -> None:
    bowls, best, lost = panels
    found, which = table.found, "base rate" if table.base else "rate"
    for one, colour in zip(found.depths, style.sequence(len(found.depths)), strict=True):
        _draw_bowl(bowls, one, colour)
    tried = np.concatenate([one.curve.rates for one in found.depths])
    bowls.set_xlim(tried.min() / 1.3, tried.max() * 1.3)
    known = [m for one in found.depths for m in one.curve.means if np.isfinite(m)] or [1.0]
    # A few large losses would flatten the bowls.
    low, high = min(known), np.quantile(known, 0.9)
    bowls.set_ylim(low - 0.05 * (high - low or 1), high + 0.05 * (high - low or 1))
    parts.log_axis(bowls, "x")
    parts.few_ticks(bowls.yaxis)
    bowls.set(xlabel=which, ylabel=table.criterion)
    bowls.legend(title="$L$", loc="best", fontsize=5)
    _draw_best(best, found, table.theory)
    best.set_ylim(tried.min() / 1.3, tried.max() * 1.3)
    parts.log_axis(best, "y")
    best.set_ylabel(f"best {which}")
    depths = [one.curve.depth for one in found.depths]
    colours = style.categories(2)
    for name, colour, label in zip(
        ("loss", "transferred_loss"), colours, ("best rate", "transferred"), strict=True
    ):
        values = np.array([getattr(one, name) for one in found.depths])
        lost.plot(depths, np.where(np.isfinite(values), values, np.nan), "o-", color=colour,
                  label=label, markersize=3)  # fmt: skip
    parts.depth_axis(lost, depths)
    parts.few_ticks(lost.yaxis)
    lost.set_ylabel(table.criterion)
    lost.legend(loc="best", fontsize=5)


def _draw_bowl(axes: Axes, one: DepthOptimum, colour: object) -> None:
    means = one.curve.means
    shown = np.where(np.isfinite(means), means, np.nan)
    label = f"${one.curve.depth}$"
    axes.plot(one.curve.rates, shown, "o", color=colour, label=label, markersize=2.5)
    if one.bowls is None:
        axes.plot(one.curve.rates, shown, color=colour, linewidth=0.5)
        return
    low, high = one.window
    x = np.linspace(np.log2(low), np.log2(high), 50)
    axes.plot(2**x, one.bowls.mean(0) @ x ** np.arange(4)[:, None], color=colour, linewidth=0.8)
    axes.plot([one.best.value], [one.loss], "x", color=colour, markersize=4)


def _draw_best(axes: Axes, found: Transfer, theory: float | None) -> None:
    known = [one for one in found.depths if one.known]
    depths = np.array([one.curve.depth for one in found.depths], dtype=float)
    dots, line = style.categories(2)
    if known:
        places = [one.curve.depth for one in known]
        parts.mean_bars(axes, places, [one.best for one in known], dots)
    for one in found.depths:
        if one.censored:
            marker = "v" if one.censored == "low" else "^"
            axes.plot([one.curve.depth], [one.best.value], marker, color=dots, markersize=3)
    if np.isfinite(found.law.intercept):
        axes.plot(depths, [found.law.at(depth) for depth in depths], color=line, linewidth=0.9)
        slope, x = found.exponent, np.log(depths) - np.mean(np.log(places))
        middle = np.exp(np.mean([np.log(found.law.at(depth)) for depth in places]))
        if slope.known:
            ends = np.stack([middle * np.exp(end * x) for end in (slope.low, slope.high)])
            parts.band(axes, depths, ends.min(0), ends.max(0), line)
        if theory is not None:
            guide = middle * np.exp(theory * x)
            axes.plot(depths, guide, "--", color=style.FAINT, linewidth=0.8)
    parts.depth_axis(axes, depths)
