"""Weights as paths: norms of the layers, single entries, p-variation against p, its growth."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.analysis import path_tables
from resdepth.analysis.entries import EntryCurves, EntryTable, TrendTable
from resdepth.analysis.layer_orders import NullBand, NullTable
from resdepth.analysis.path_tables import NormTable, Profile, ProfileTable, VariationTable
from resdepth.figures import style
from resdepth.figures.parts import band, few_ticks, log_axis, power, short
from resdepth.mathematics.interval import MeanBand

LAYER = r"$k/L$"
FEW = 4  # models per depth that are drawn one by one: the band of so few would fill the panel
NORMS = {"frobenius": "F", "spectral": "2", "operator": r"{\mathrm{op}}"}
"""The norms in mathematical type."""
Row = path_tables.NormCurve | Profile | EntryCurves
"""A curve of one family and depth."""


@style.styled
def draw_norms(table: NormTable, columns: int = 1, null: NullTable | None = None) -> Figure:
    """Draw L^beta |A_k| against k/L, one curve per depth, with the 95 % band of the mean.

    `null` adds the bands of layers in random order and the initial weights.
    """
    drawn, axes = style.panel(columns, 2.3)
    bands = [curve.norm for curve in null.curves] if null else []
    means = [(curve.position, curve.norm) for curve in table.curves]
    _draw_means(axes, table.curves, means, bands)
    norm = rf"{power(table.beta)}\,\Vert A_k\Vert_{NORMS[table.kind]}"
    axes.set(xlabel=LAYER, ylabel=_with_beta(norm, table.beta, table.curves), xlim=(0, 1))
    axes.set_ylim(bottom=0)
    few_ticks(axes.xaxis, axes.yaxis)
    axes.set_title(_head(table.curves, [curve.norm for curve in table.curves]), loc="left")
    return drawn


def _draw_means(
    axes: Axes,
    rows: Sequence[Row],
    means: Sequence[tuple[Any, MeanBand]],
    bands: Sequence[NullBand | None] = (),
) -> None:
    """Draw means with their bands, and a legend to the right, where it hides no curve."""
    title, labels = _labels(rows)
    for (x, norm), label, colour in zip(means, labels, _colours(rows), strict=True):
        marker = "o" if norm.mean.size == 1 else ""
        axes.plot(x, norm.mean, color=colour, label=label, marker=marker)
        if norm.repetitions > 1:
            band(axes, x, norm.low, norm.high, colour)
    _draw_null(axes, [x for x, _ in means], bands, _colours(rows))
    place: Any = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0.0}
    entries = len(axes.get_legend_handles_labels()[1])
    # No higher than the figure.
    axes.legend(title=title, ncols=1 + (entries - 1) // 12, columnspacing=1.0, **place)


def _draw_null(
    axes: Axes, places: Sequence[Any], bands: Sequence[NullBand | None], colours: Sequence[Any]
) -> None:
    """Draw the band of layers in random order in grey, with an edge in the colour of its curve."""
    begun = False
    for null, x, colour in zip(bands, places, colours, strict=False):
        if null is None:
            continue
        edge: Any = {"edgecolor": (colour, 0.5), "linewidth": 0.5, "zorder": 1}
        axes.fill_between(x, null.low, null.high, facecolor=(style.FAINT, 0.2), **edge)
        # A logarithmic axis has no place for paths without variation.
        if null.initial is not None and null.initial.max() > 0:
            axes.plot(x, np.where(null.initial > 0, null.initial, np.nan), ":", color=colour)
            begun = True
    if any(bands):
        axes.plot([], [], color=style.FAINT, alpha=0.4, linewidth=4, label="random order")
    if begun:
        axes.plot([], [], ":", color=style.FAINT, label="initial")


@style.styled
def draw_entries(table: EntryTable, columns: int = 2) -> Figure:
    """Draw one panel per entry (i, j): one line per model, mean and band of more than `FEW`."""
    above = _head(table.curves, [c.mean for c in table.curves if len(c.values) > FEW])
    families = len({curve.family for curve in table.curves})
    legend = 0.2 * families if families > 1 else 0.0
    extra = 0.45 + 0.2 * len(above.splitlines()) + legend
    drawn, panels = style.grid(columns, len(table.entries), extra, 1.45, sharex=True)
    (title, labels), colours = _labels(table.curves), _colours(table.curves)
    for number, (axes, (row, column)) in enumerate(zip(panels, table.entries, strict=True)):
        for curve, colour in zip(table.curves, colours, strict=True):
            _draw_entry(axes, curve, number, colour)
        axes.set_title(f"$(i, j) = ({row}, {column})$", pad=3)
        axes.axhline(0.0, color=style.FAINT, linewidth=0.4, zorder=0)
        few_ticks(axes.xaxis, axes.yaxis, count=4)
        axes.set_xlim(0, 1)
    drawn.supxlabel(LAYER, fontsize=8)
    entry = rf"{power(table.beta)}\,(A_k)_{{ij}}"
    drawn.supylabel(_with_beta(entry, table.beta, table.curves), fontsize=8)
    for label, colour in zip(labels, colours, strict=True):
        panels[0].plot([], [], color=colour, label=label)
    # Long names next to the panels would take their width.
    drawn.legend(title=title, loc="outside upper left" if families > 1 else "outside right upper")
    if above:
        drawn.suptitle(above, fontsize=8, x=0.01, ha="left")
    return drawn


def _draw_entry(axes: Axes, curve: EntryCurves, number: int, colour: Any) -> None:
    lines, mean = curve.values[:, number], curve.mean
    if len(lines) > FEW:
        band(axes, curve.position, mean.low[number], mean.high[number], colour)
        lines = mean.mean[[number]]
    marker = "o" if curve.depth == 1 else ""
    for line in lines:
        axes.plot(curve.position, line, color=colour, linewidth=0.8, marker=marker)


def entries_drawn(table: EntryTable) -> str:
    """Say what stands for the runs in the picture of `draw_entries`."""
    many = [len(curve.values) > FEW for curve in table.curves]
    if all(many):
        return "mean and 95 % band over the runs"
    more = f", or mean and 95 % band for more than {FEW} runs" if any(many) else ""
    return f"one line per run{more}"


@style.styled
def draw_profile(table: ProfileTable, columns: int = 1, null: NullTable | None = None) -> Figure:
    """Draw the p-variation norm against p, with 95 % bands, and the critical exponents.

    `null` adds the bands of layers in random order and the initial weights.
    """
    drawn, axes = style.panel(columns, 2.3)
    bands = [curve.p_variation_norm for curve in null.curves] if null else []
    _draw_means(axes, table.rows, [(table.exponents, row.norm) for row in table.rows], bands)
    rows = zip(table.rows, _colours(table.rows), strict=True)
    marks = [_mark_critical(axes, table, row, colour) for row, colour in rows]
    dots = "dots: critical exponent" if any(marks) else ""
    axes.set_title(_head(table.rows, [row.norm for row in table.rows], dots), loc="left")
    axes.set(xlabel="$p$", ylabel=_with_beta(_variation(table.beta), table.beta, table.rows))
    if min(float(row.norm.mean.min()) for row in table.rows) > 0:
        log_axis(axes, "y")
    few_ticks(axes.xaxis)
    return drawn


def _mark_critical(axes: Axes, table: ProfileTable, row: Profile, colour: Any) -> bool:
    """Mark the critical exponent on its curve, if it lies on it."""
    critical = row.critical
    if critical is None or not table.exponents[0] <= critical.value <= table.exponents[-1]:
        return False
    y = float(np.interp(critical.value, table.exponents, row.norm.mean))
    error = critical.standard_error if math.isfinite(critical.standard_error) else None
    dot: Any = {"fmt": "o", "markersize": 3.5, "capsize": 1.5, "elinewidth": 0.8, "zorder": 4}
    axes.errorbar(critical.value, y, xerr=error, color=colour, **dot)
    return True


@style.styled
def draw_growth(table: VariationTable, columns: int = 1) -> Figure:
    """Draw the power of L that the p-variation norm follows, against p, with its 95 % interval."""
    drawn, axes = style.panel(columns, 2.3)
    colour, p = style.CATEGORIES[0], table.exponents
    found = [(law.exponent.value, law.exponent.low, law.exponent.high) for law in table.growth]
    value, low, high = np.transpose(found)
    axes.axhline(0.0, color=style.FAINT, linewidth=0.6, zorder=0)
    axes.plot(p, value, color=colour)
    band(axes, p, low, high, colour)
    seeds = f", {table.seeds} seeds" if any(law.excluded for law in table.growth) else ""
    axes.set(xlabel="$p$", ylabel="growth exponent in $L$")
    axes.set_title(f"${_variation(table.beta)}${seeds}", loc="left")
    few_ticks(axes.xaxis, axes.yaxis)
    return drawn


@style.styled
def draw_trend(table: TrendTable, columns: int = 2) -> Figure:
    """Draw one entry of L^beta A_k with its moving mean over a tenth of the depth, and the rest."""
    drawn, (above, below) = style.panels(columns, 2, 2.0, 3.4, sharex=True)
    faint, strong = style.categories(2)
    above.plot(table.position, table.values, color=faint, linewidth=0.5, label="entry")
    above.plot(table.position, table.trend, color=strong, label="trend")
    above.legend(loc="best")
    below.plot(table.position, table.noise, color=faint, linewidth=0.5)
    row, column = table.entry
    above.set_ylabel(rf"${power(table.beta)}\,(A_k)_{{{row},{column}}}$")
    below.set_ylabel("noise")
    for axes in (above, below):
        axes.set_xlim(0, 1)
        few_ticks(axes.xaxis, axes.yaxis, count=4)
    drawn.supxlabel(LAYER, fontsize=8)
    return drawn


def _variation(beta: float) -> str:
    return rf"\Vert k\mapsto {power(beta)}A_k\Vert_{{p\text{{-var}}}}"


def _with_beta(what: str, beta: float, rows: Sequence[Row]) -> str:
    """Set `what` in mathematical type, with beta if no network makes one natural."""
    value = rf"\quad(\beta = {beta:g})" if any(row.family for row in rows) else ""
    return f"${what}{value}$"


def _labels(rows: Sequence[Row]) -> tuple[str, list[str]]:
    """Title and entries of a legend: depths, families, or both if both differ."""
    names = [row.family for row in rows]
    if len(set(names)) < 2:
        return "$L$", [f"${row.depth}$" for row in rows]
    names = [short(name) for name in _differing(names)]
    if len({row.depth for row in rows}) == 1:
        return f"$L = {rows[0].depth}$", names
    return "", [f"{name}, $L = {row.depth}$" for name, row in zip(names, rows, strict=True)]


def _differing(names: Sequence[str]) -> list[str]:
    """The names without the parts between dots that all of them begin or end with."""
    parts = [name.split(".") for name in names]
    shortest = min(map(len, parts))
    front = next((i for i in range(shortest) if len({part[i] for part in parts}) > 1), 0)
    back = next((i for i in range(1, shortest) if len({part[-i] for part in parts}) > 1), 1) - 1
    return [".".join(part[front : len(part) - back]) for part in parts]


def _head(rows: Sequence[Row], means: Sequence[MeanBand], note: str = "") -> str:
    """The family if there is only one, and in a second line what the bands are."""
    names = {row.family for row in rows}
    counts = sorted(mean.repetitions for mean in means) or [1]
    several = " to ".join(dict.fromkeys((f"{counts[0]}", f"{counts[-1]}")))
    bands = f"mean and 95 % band of {several} runs" if several != "1" else ""
    second = "; ".join(filter(None, (bands, note)))
    return "\n".join(filter(None, (short(names.pop(), 44) if len(names) == 1 else "", second)))


def _colours(rows: Sequence[Row]) -> list[Any]:
    """Depths are ordered, families are not."""
    ordered = len({row.family for row in rows}) < 2
    return style.sequence(len(rows)) if ordered else style.categories(len(rows))
