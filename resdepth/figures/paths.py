"""Weights as paths: norms of the layers, single entries, p-variation against p."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.analysis.entries import EntryCurves, EntryTable
from resdepth.analysis.path_tables import NormCurve, NormTable, Profile, ProfileTable
from resdepth.figures import style
from resdepth.mathematics.interval import Array, MeanBand

LAYER = r"$k/L$"
FEW = 4
"""Models of a depth drawn one by one: the mean of so few says little, its band fills the panel."""


NORMS = {"frobenius": "F", "spectral": "2", "operator": r"{\mathrm{op}}"}
"""The norms in mathematical type."""
Row = NormCurve | Profile | EntryCurves
"""What a curve is of: it has a family and a depth."""


def power(beta: float) -> str:
    """L^beta in mathematical type, nothing for beta = 0."""
    return "" if beta == 0 else rf"L^{{{beta:g}}}"


@style.styled
def draw_norms(table: NormTable, columns: int = 1) -> Figure:
    """One curve a depth of L^beta |A_k|_F against k/L, with the 95 % band of the mean."""
    drawn = style.figure(columns, 2.3)
    axes = drawn.add_subplot()
    title, labels = _labels(table.curves)
    for curve, label, colour in zip(table.curves, labels, _colours(table.curves), strict=True):
        marker = "o" if curve.depth == 1 else ""
        axes.plot(curve.position, curve.norm.mean, color=colour, label=label, marker=marker)
        _draw_band(axes, curve.position, curve.norm, colour)
    axes.set_xlabel(LAYER)
    norm = rf"{power(table.beta)}\,\Vert A_k\Vert_{NORMS[table.kind]}"
    axes.set_ylabel(_told(norm, table.beta, table.curves))
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    style.few_ticks(axes.xaxis)
    style.few_ticks(axes.yaxis)
    style.legend_outside(axes, title)
    notes = [_single(table.curves), _repetitions([c.norm.repetitions for c in table.curves])]
    axes.set_title("\n".join(note for note in notes if note), loc="left")
    return drawn


def _told(what: str, beta: float, rows: Sequence[Row]) -> str:
    """`what` in mathematical type, with beta where no network makes one natural."""
    said = rf"\quad(\beta = {beta:g})" if any(row.family for row in rows) else ""
    return f"${what}{said}$"


def _labels(rows: Sequence[Row]) -> tuple[str, list[str]]:
    """Title and entries of a legend: depths, families, or both where both differ."""
    names = [row.family for row in rows]
    if len(set(names)) < 2:
        return "$L$", [f"${row.depth}$" for row in rows]
    names = [style.short(name) for name in _differing(names)]
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


def _single(rows: Sequence[Row]) -> str:
    """The family where all curves are of one."""
    names = {row.family for row in rows}
    return style.short(names.pop(), 44) if len(names) == 1 else ""


def _colours(rows: Sequence[Row]) -> list[Any]:
    """Depths are ordered, families are not."""
    if len({row.family for row in rows}) > 1:
        return list(style.categories(len(rows)))
    return style.sequence(len(rows))


def _draw_band(axes: Axes, x: Array, band: MeanBand, colour: Any) -> None:
    """The 95 % band of a mean, where there is one."""
    if band.repetitions > 1:
        axes.fill_between(x, band.low, band.high, color=colour, alpha=0.22, linewidth=0)


def _repetitions(counts: Sequence[int]) -> str:
    if max(counts) == 1:
        return ""
    low, high = min(counts), max(counts)
    several = f"{low}" if low == high else f"{low} to {high}"
    return f"mean and 95 % band of {several} runs"


def entries_drawn(table: EntryTable) -> str:
    """What stands for the runs in the picture of `draw_entries`."""
    many = [len(curve.values) > FEW for curve in table.curves]
    if all(many):
        return "mean and 95 % band over the runs"
    band = f", or mean and 95 % band for more than {FEW} runs" if any(many) else ""
    return f"one line per run{band}"


@style.styled
def draw_entries(table: EntryTable, columns: int = 2) -> Figure:
    """One panel per entry (i, j); one line per model, mean and band of more than `FEW`."""
    count = len(table.entries)
    across = min(count, 2 if columns == 1 else 4)
    down = math.ceil(count / across)
    note = _repetitions([len(c.values) for c in table.curves if len(c.values) > FEW] or [1])
    above = "\n".join(part for part in (_single(table.curves), note) if part)
    families = len({curve.family for curve in table.curves})
    legend = 0.2 * families if families > 1 else 0.0
    drawn = style.figure(columns, 0.45 + 0.2 * len(above.splitlines()) + 1.45 * down + legend)
    panels = drawn.subplots(down, across, sharex=True, squeeze=False).ravel()
    title, labels = _labels(table.curves)
    colours = _colours(table.curves)
    for number, (axes, (row, column)) in enumerate(zip(panels, table.entries, strict=False)):
        for curve, colour in zip(table.curves, colours, strict=True):
            _draw_entry(axes, curve, number, colour)
        axes.set_title(f"$(i, j) = ({row}, {column})$", pad=3)
        axes.axhline(0.0, color=style.FAINT, linewidth=0.4, zorder=0)
        style.few_ticks(axes.xaxis, 4)
        style.few_ticks(axes.yaxis, 4)
        axes.set_xlim(0, 1)
    for axes in panels[count:]:
        axes.set_visible(False)
    drawn.supxlabel(LAYER, fontsize=8)
    drawn.supylabel(
        _told(rf"{power(table.beta)}\,(A_k)_{{ij}}", table.beta, table.curves), fontsize=8
    )
    for label, colour in zip(labels, colours, strict=True):
        panels[0].plot([], [], color=colour, label=label)
    # Names are long: beside the panels they would take their width.
    drawn.legend(title=title, loc="outside upper left" if families > 1 else "outside right upper")
    if above:
        drawn.suptitle(above, fontsize=8, x=0.01, ha="left")
    return drawn


def _draw_entry(axes: Axes, curve: EntryCurves, number: int, colour: Any) -> None:
    lines, few = curve.values[:, number], len(curve.values) <= FEW
    if not few:
        band = entry_band(curve.mean, number)
        lines = band.mean[None]
        _draw_band(axes, curve.position, band, colour)
    for line in lines:
        marker = "o" if curve.depth == 1 else ""
        axes.plot(curve.position, line, color=colour, linewidth=0.8, marker=marker)


def entry_band(band: MeanBand, number: int) -> MeanBand:
    """One row of the bands of several curves."""
    mean, deviation = band.mean[number], band.deviation[number]
    return MeanBand(mean, deviation, band.low[number], band.high[number], band.repetitions)


@style.styled
def draw_profile(table: ProfileTable, columns: int = 1) -> Figure:
    """p-variation norm against p, one curve a depth, with the 95 % band of the mean.

    A point on a curve marks the critical exponent, its bar one standard error.
    """
    drawn = style.figure(columns, 2.3)
    axes = drawn.add_subplot()
    marked = False
    title, labels = _labels(table.rows)
    for row, label, colour in zip(table.rows, labels, _colours(table.rows), strict=True):
        axes.plot(table.exponents, row.norm.mean, color=colour, label=label)
        marked |= _mark_critical(axes, table, row, colour)
        _draw_band(axes, np.array(table.exponents), row.norm, colour)
    axes.set_xlabel("$p$")
    norm = rf"\Vert k\mapsto {power(table.beta)}A_k\Vert_{{p\text{{-var}}}}"
    axes.set_ylabel(_told(norm, table.beta, table.rows))
    low = min(float(row.norm.mean.min()) for row in table.rows)
    if low > 0:
        axes.set_yscale("log")
        style.log_ticks(axes.yaxis, *axes.get_ylim())
    style.few_ticks(axes.xaxis)
    style.legend_outside(axes, title)
    notes = [_repetitions([row.norm.repetitions for row in table.rows])]
    if marked:
        notes.append("dots: critical exponent")
    lines = [_single(table.rows), "; ".join(note for note in notes if note)]
    axes.set_title("\n".join(line for line in lines if line), loc="left")
    return drawn


def _mark_critical(axes: Axes, table: ProfileTable, row: Profile, colour: Any) -> bool:
    """Mark the critical exponent on its curve, if it lies on it."""
    critical = row.critical
    if critical is None or not table.exponents[0] <= critical.value <= table.exponents[-1]:
        return False
    height = float(np.interp(critical.value, table.exponents, row.norm.mean))
    error = critical.standard_error
    axes.errorbar(
        critical.value,
        height,
        xerr=error if math.isfinite(error) else None,
        fmt="o",
        color=colour,
        markersize=3.5,
        capsize=1.5,
        elinewidth=0.8,
        zorder=4,
    )
    return True
