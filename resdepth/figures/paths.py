"""Weights as paths: norms of the layers, single entries, p-variation against p."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.analysis.paths import EntryTable, NormTable, Profile, ProfileTable
from resdepth.figures import style

LAYER = r"$k/L$"


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
        if curve.norm.repetitions > 1:
            axes.fill_between(
                curve.position,
                curve.norm.low,
                curve.norm.high,
                color=colour,
                alpha=0.22,
                linewidth=0,
            )
    axes.set_xlabel(LAYER)
    axes.set_ylabel(rf"${power(table.beta)}\,\Vert A_k\Vert_F$")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    style.few_ticks(axes.xaxis)
    style.few_ticks(axes.yaxis)
    style.legend_outside(axes, "$L$")
    axes.set_title(_repetitions([c.norm.repetitions for c in table.curves]), loc="left")
    return drawn


def _repetitions(counts: Sequence[int]) -> str:
    if max(counts) == 1:
        return ""
    low, high = min(counts), max(counts)
    several = f"{low}" if low == high else f"{low} to {high}"
    return f"mean and 95 % band of {several} runs"


@style.styled
def draw_entries(table: EntryTable, columns: int = 2) -> Figure:
    """A panel an entry (i, j); a line a model, coloured by depth."""
    count = len(table.entries)
    across = min(count, 2 if columns == 1 else 4)
    down = math.ceil(count / across)
    drawn = style.figure(columns, 0.45 + 1.45 * down)
    panels = drawn.subplots(down, across, sharex=True, squeeze=False).ravel()
    depths = sorted({curve.depth for curve in table.curves})
    colours = dict(zip(depths, style.sequence(len(depths)), strict=True))
    for number, (axes, (row, column)) in enumerate(zip(panels, table.entries, strict=False)):
        for curve in table.curves:
            marker = "o" if curve.depth == 1 else ""
            axes.plot(
                curve.position,
                curve.values[number],
                color=colours[curve.depth],
                linewidth=0.8,
                marker=marker,
            )
        axes.set_title(f"$(i, j) = ({row}, {column})$", pad=3)
        axes.axhline(0.0, color=style.FAINT, linewidth=0.4, zorder=0)
        style.few_ticks(axes.xaxis, 4)
        style.few_ticks(axes.yaxis, 4)
        axes.set_xlim(0, 1)
    for axes in panels[count:]:
        axes.set_visible(False)
    drawn.supxlabel(LAYER, fontsize=8)
    drawn.supylabel(rf"${power(table.beta)}\,(A_k)_{{ij}}$", fontsize=8)
    for depth in depths:
        panels[0].plot([], [], color=colours[depth], label=f"${depth}$")
    drawn.legend(title="$L$", loc="outside right upper")
    return drawn


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
        if row.norm.repetitions > 1:
            axes.fill_between(
                table.exponents, row.norm.low, row.norm.high, color=colour, alpha=0.22, linewidth=0
            )
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
