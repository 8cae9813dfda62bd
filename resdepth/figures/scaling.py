"""Statistics of the weights against the depth, with the power laws through them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from resdepth.analysis.scaling import ScalingTable
from resdepth.figures import style
from resdepth.figures.paths import power
from resdepth.mathematics.exponents import law_values
from resdepth.mathematics.interval import mean_interval
from resdepth.mathematics.slopes import PowerLaw

Array = NDArray[np.float64]
INVERSE = ("beta", "nu")
"""Exponents that are minus the slope of what is drawn."""
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
    """A panel a statistic against L, log-log: a dot a seed, the band of the mean, the power law.

    Bands are 95 % by Student's t over the seeds (of the logarithms); the last panel has H.
    """
    across = 4 if columns == 2 else 2
    drawn = style.figure(columns, 1.65 * (8 // across) + 0.2)
    panels = drawn.subplots(8 // across, across).ravel()
    depths = table.table.depths
    values = law_values(table.table, table.beta)
    for axes, (name, law) in zip(panels, table.exponents.laws.items(), strict=False):
        _draw_law(axes, depths, values[name], law, inverse=name in INVERSE)
        label, symbol = LABELS[name]
        if name == "variation_norm":
            label = f"${power(table.beta)}$ {label}" if table.beta else label
        axes.set_ylabel(label)
        _title(axes, symbol, str(law.exponent))
    _draw_hurst(panels[-1], table)
    for axes in panels:
        axes.set_xscale("log")
        style.depth_ticks(axes.xaxis, list(depths))
        axes.set_xlim(depths[0] / 1.25, depths[-1] * 1.25)
        axes.margins(y=0.12)
    for axes in panels[-across:]:
        axes.set_xlabel("$L$")
    return drawn


def _draw_law(axes: Axes, depths: Array, values: Array, law: PowerLaw, *, inverse: bool) -> None:
    sign = -1.0 if inverse else 1.0
    usable = np.isfinite(values) & (values > 0)
    logs = np.full_like(values, np.nan)
    np.log(values, out=logs, where=usable)
    logs *= sign
    dots, line = style.categories(2)
    places = np.broadcast_to(depths, values.shape)
    axes.plot(places[usable], np.exp(logs[usable]), ".", color=dots, markersize=3, alpha=0.6)
    means = [mean_interval(column) for column in logs.T]
    axes.fill_between(
        depths,
        np.exp([mean.low for mean in means]),
        np.exp([mean.high for mean in means]),
        color=dots,
        alpha=0.22,
        linewidth=0,
    )
    fitted = np.array([law.at(depth) for depth in depths]) ** sign
    axes.plot(depths, fitted, color=line, linewidth=0.9, zorder=3)
    if usable.any():
        axes.set_yscale("log")
        low, high = np.exp(np.nanmin(logs)) / 1.15, np.exp(np.nanmax(logs)) * 1.15
        axes.set_ylim(low, high)
        style.log_ticks(axes.yaxis, low, high, 4)
    else:
        axes.text(0.5, 0.5, "zero or undefined", ha="center", transform=axes.transAxes)
        axes.set_yticks([])


def _draw_hurst(axes: Axes, table: ScalingTable) -> None:
    values = table.table.values["H"]
    dots, _ = style.categories(2)
    known = np.isfinite(values)
    places = np.broadcast_to(table.table.depths, values.shape)
    axes.axhline(0.5, color=style.FAINT, linewidth=0.6, zorder=0)
    axes.plot(places[known], values[known], ".", color=dots, markersize=3, alpha=0.6)
    axes.set_ylabel("$H$")
    _title(axes, "$H$", str(table.exponents.hurst))
    style.few_ticks(axes.yaxis, 4)


def _title(axes: Axes, symbol: str, text: str) -> None:
    """The exponent and its interval to two digits behind the point."""
    axes.set_title("" if text == "nan" else f"{symbol} = {text}", loc="left", pad=3, fontsize=7)
