"""Weights as paths: norms of the layers, single entries, p-variation against p."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.analysis.entries import EntryCurves, EntryTable
from resdepth.analysis.paths import NormTable, Profile, ProfileTable
from resdepth.figures import style
from resdepth.mathematics.interval import Array, MeanBand

LAYER = r"$k/L$"
FEW = 4
"""Models of a depth drawn one by one: the mean of so few says little, its band fills the panel."""


def power(beta: float) -> str:
    """L^beta in mathematical type, nothing for beta = 0."""
    return "" if beta == 0 else rf"L^{{{beta:g}}}"


@style.styled
def draw_norms(table: NormTable, columns: int = 1) -> Figure:
    """One curve a depth of L^beta |A_k|_F against k/L, with the 95 % band of the mean."""
    drawn = style.figure(columns, 2.3)
    axes = drawn.add_subplot()
    for curve, colour in zip(table.curves, style.sequence(len(table.curves)), strict=True):
        marker = "o" if curve.depth == 1 else ""
        axes.plot(
            curve.position, curve.norm.mean, color=colour, label=f"${curve.depth}$", marker=marker
        )
        _draw_band(axes, curve.position, curve.norm, colour)
    axes.set_xlabel(LAYER)
    axes.set_ylabel(rf"${power(table.beta)}\,\Vert A_k\Vert_F$")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    style.few_ticks(axes.xaxis)
    style.few_ticks(axes.yaxis)
    style.legend_outside(axes, "$L$")
    axes.set_title(_repetitions([c.norm.repetitions for c in table.curves]), loc="left")
    return drawn


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


@style.styled
def draw_entries(table: EntryTable, columns: int = 2) -> Figure:
    """A panel an entry (i, j); a line a model, or beyond `FEW` of a depth mean and 95 % band."""
    count = len(table.entries)
    across = min(count, 2 if columns == 1 else 4)
    down = math.ceil(count / across)
    note = _repetitions([len(c.values) for c in table.curves if len(c.values) > FEW] or [1])
    drawn = style.figure(columns, (0.65 if note else 0.45) + 1.45 * down)
    panels = drawn.subplots(down, across, sharex=True, squeeze=False).ravel()
    colours = style.sequence(len(table.curves))
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
    drawn.supylabel(rf"${power(table.beta)}\,(A_k)_{{ij}}$", fontsize=8)
    for curve, colour in zip(table.curves, colours, strict=True):
        panels[0].plot([], [], color=colour, label=f"${curve.depth}$")
    drawn.legend(title="$L$", loc="outside right upper")
    if note:
        drawn.suptitle(note, fontsize=8, x=0.01, ha="left")
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
    for row, colour in zip(table.rows, style.sequence(len(table.rows)), strict=True):
        axes.plot(table.exponents, row.norm.mean, color=colour, label=f"${row.depth}$")
        marked |= _mark_critical(axes, table, row, colour)
        _draw_band(axes, np.array(table.exponents), row.norm, colour)
    axes.set_xlabel("$p$")
    axes.set_ylabel(rf"$\Vert k\mapsto {power(table.beta)}A_k\Vert_{{p\text{{-var}}}}$")
    low = min(float(row.norm.mean.min()) for row in table.rows)
    if low > 0:
        axes.set_yscale("log")
        style.log_ticks(axes.yaxis, *axes.get_ylim())
    style.few_ticks(axes.xaxis)
    style.legend_outside(axes, "$L$")
    notes = [_repetitions([row.norm.repetitions for row in table.rows])]
    if marked:
        notes.append("dots: critical exponent")
    axes.set_title("; ".join(note for note in notes if note), loc="left")
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
