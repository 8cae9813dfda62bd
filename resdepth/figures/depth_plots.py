"""Quantities against the depth L: statistics, distances, curvature."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.analysis.curvatures import HessianTable
from resdepth.analysis.doubling import DoublingTable
from resdepth.analysis.scaling import SCALED, ScalingTable, statistic_values
from resdepth.figures import parts, style
from resdepth.mathematics import Array
from resdepth.mathematics.exponents import law_values
from resdepth.mathematics.interval import mean_interval
from resdepth.mathematics.slopes import PowerLaw

INVERSE = ("beta", "nu")  # exponents that are minus the slope of what is drawn
LABELS = {
    "beta": ("RMS", r"$\beta$"),
    "nu": ("NOISE", r"$\nu$"),
    "q1": ("$V_1$ / RMS", "$q_1$"),
    "q2": ("$P_2$ / RMS", "$q_2$"),
    "irel": ("$I$ / RMS", "irel"),
    "pr": ("PR", "pr"),
    "variation_norm": ("$P_2$", "slope"),
}
"""Statistic and exponent in mathematical type."""


@style.styled
def draw_scaling(table: ScalingTable, columns: int = 2) -> Figure:
    """Draw each statistic against L: dots per seed, 95 % band of the geometric mean, power law."""
    drawn, panels = style.grid(columns, 8, 0.2, 1.65)
    depths = table.table.depths
    values = law_values(table.table, table.beta)
    for axes, (name, law) in zip(panels, table.exponents.laws.items(), strict=False):
        _draw_law(axes, depths, values[name], law, inverse=name in INVERSE)
        label, symbol = LABELS[name]
        if name == "variation_norm" and table.beta:
            label = f"${parts.power(table.beta)}$ {label}"
        axes.set_ylabel(label)
        rejected = table.verdict.agreement[name].rejected
        _title(axes, symbol, "by seed" if rejected else str(law.exponent))
    panels[-1].axhline(0.5, color=style.FAINT, linewidth=0.6, zorder=0)
    parts.seed_dots(panels[-1], depths, table.table.values["H"], style.CATEGORIES[0])
    panels[-1].set_ylabel("$H$")
    _title(panels[-1], "$H$", str(table.exponents.hurst))
    parts.few_ticks(panels[-1].yaxis, count=4)
    for number, axes in enumerate(panels):
        parts.depth_axis(axes, depths)
        axes.margins(y=0.12)
        if number < len(panels) - 2 * columns:
            axes.set_xlabel("")
    return drawn


def _draw_law(axes: Axes, depths: Array, values: Array, law: PowerLaw, *, inverse: bool) -> None:
    sign = -1.0 if inverse else 1.0
    usable = np.isfinite(values) & (values > 0)
    logs = sign * np.log(values, out=np.full_like(values, np.nan), where=usable)
    dots, line = style.categories(2)
    parts.seed_dots(axes, depths, np.exp(logs), dots)
    for row in np.exp(logs):
        there = np.isfinite(row)
        axes.plot(depths[there], row[there], color=dots, linewidth=0.35, alpha=0.5, zorder=1)
    low, high = np.transpose([(mean.low, mean.high) for mean in map(mean_interval, logs.T)])
    parts.band(axes, depths, np.exp(low), np.exp(high), dots)
    fitted = np.array([*map(law.at, depths)]) ** sign
    axes.plot(depths, fitted, color=line, linewidth=0.9, zorder=3)
    if usable.any():
        axes.set_ylim(np.exp(np.nanmin(logs)) / 1.15, np.exp(np.nanmax(logs)) * 1.15)
        parts.log_axis(axes, "y", 4)
    else:
        parts.write_inside(axes, "zero or undefined")


@style.styled
def draw_statistic(table: ScalingTable, name: str, columns: int = 1) -> Figure:
    """Draw one statistic of the scaled path against L, one line per seed."""
    drawn, axes = style.panel(columns, 2.3)
    values, depths, seeds = statistic_values(table, name), table.table.depths, table.table.seeds
    for row, seed, colour in zip(values, seeds, style.sequence(len(values)), strict=True):
        there = np.isfinite(row)
        axes.plot(depths[there], row[there], "o-", color=colour, label=f"${seed}$", markersize=2.5)
    label = next((text for text in LABELS.values() if text[0].strip("$") == name), (name,))[0]
    scaled = f"${parts.power(table.beta)}$ " if table.beta and name in SCALED else ""
    axes.set_ylabel(f"{scaled}{label}")
    parts.depth_axis(axes, depths)
    known = values[np.isfinite(values)]
    if known.size and known.min() > 0:
        axes.set_ylim(known.min() / 1.15, known.max() * 1.15)
        parts.log_axis(axes, "y", 4)
    if len(seeds) <= 10:
        axes.legend(title="seed", loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0)
    return drawn


def _title(axes: Axes, symbol: str, text: str) -> None:
    axes.set_title("" if text == "nan" else f"{symbol} = {text}", loc="left", pad=3, fontsize=7)


@style.styled
def draw_doubling(table: DoublingTable, columns: int = 1) -> Figure:
    """Draw the distance from L to 2L: one dot per seed, the geometric mean, the power law."""
    drawn, axes = style.panel(columns, 2.3)
    dots, line = style.categories(2)
    depths = [row.depth for row in table.rows]
    parts.seed_dots(axes, depths, np.stack([row.values for row in table.rows], axis=1), dots)
    if known := {row.depth: row.mean for row in table.rows if row.mean.known}:
        parts.mean_bars(axes, [*known], [*known.values()], dots)
    axes.plot(depths, [*map(table.law.at, depths)], color=line, linewidth=0.9)
    axes.set_ylim(bottom=0)
    parts.depth_axis(axes, depths)
    parts.few_ticks(axes.yaxis)
    axes.set_ylabel("distance from $L$ to $2L$")
    return drawn


@style.styled
def draw_curvature(table: HessianTable, columns: int = 2) -> Figure:
    """Draw largest eigenvalue, rate times it, both traces: dots per seed, mean, power law in L."""
    drawn, (top, rate, trace) = style.panels(columns, 3, 2.1, 6.0)
    dots, line, other = style.categories(3)
    _draw_values(top, table, "top", dots)
    _draw_values(rate, table, "rate_times_top", dots)
    _draw_values(trace, table, "hessian_trace", dots, "tr $H$")
    _draw_values(trace, table, "gauss_newton_trace", other, "tr GN")
    for edge in sorted({row.edge for row in table.rows}):
        rate.axhline(edge, color=line, linestyle="--", linewidth=0.8, zorder=0)
    rate.set_ylim(bottom=0)
    trace.legend(loc="best")
    labels = {top: r"$\lambda_1$", rate: r"rate $\times\ \lambda_1$", trace: "trace"}
    for axes, label in labels.items():
        axes.set_ylabel(label)
        parts.depth_axis(axes, table.depths)
        positive = all(np.all(np.asarray(shown.get_ydata()) > 0) for shown in axes.get_lines())
        if positive and axes is not rate:
            parts.log_axis(axes, "y")
        else:
            parts.few_ticks(axes.yaxis)
    return drawn


def _draw_values(axes: Axes, table: HessianTable, name: str, colour: str, label: str = "") -> None:
    values = table.values(name)
    parts.seed_dots(axes, table.depths, values, colour)
    parts.mean_bars(axes, table.depths, [*map(mean_interval, values.T)], colour, label)
    if np.isfinite((law := table.laws[name]).exponent.value):
        axes.plot(table.depths, [*map(law.at, table.depths)], color=colour, linewidth=0.9)
