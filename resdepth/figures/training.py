"""Loss and p-variation norms of runs against the step."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.analysis.training import RunCurves
from resdepth.figures import style

DASHES = ("-", "--", ":", "-.")
INSIDE = 7
"""Runs whose names find room beside their curves."""


@style.styled
def draw_training(runs: Sequence[RunCurves], columns: int = 2) -> Figure:
    """Loss, and p-variation norms where any were logged; a colour a run, a dash an exponent."""
    exponents = sorted({p for run in runs for p in run.variation}, reverse=True)
    panels = 2 if exponents else 1
    drawn = style.figure(columns, 2.4 if columns == 2 or panels == 1 else 4.2)
    grid = (1, panels) if columns == 2 else (panels, 1)
    loss, *rest = drawn.subplots(*grid, sharex=True, squeeze=False).ravel()
    colours = style.categories(len(runs))
    for run, colour in zip(runs, colours, strict=True):
        loss.plot(run.loss.step, run.loss.value, color=colour, label=style.short(run.run.name))
    loss.set_ylabel("loss")
    for norms in rest:
        _draw_variation(norms, runs, colours, exponents)
    for axes in (loss, *rest):
        axes.set_xlabel("step")
        style.few_ticks(axes.xaxis)
        style.few_ticks(axes.yaxis)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    if len(runs) > INSIDE:
        many = loss.get_legend_handles_labels()
        ncols = style.legend_columns(len(runs))
        drawn.legend(*many, loc="outside right upper", ncols=ncols, columnspacing=1.0)
    else:
        loss.legend()
    return drawn


def _draw_variation(
    axes: Axes, runs: Sequence[RunCurves], colours: Sequence[Any], exponents: Sequence[float]
) -> None:
    dashes = {p: DASHES[i % len(DASHES)] for i, p in enumerate(exponents)}
    for run, colour in zip(runs, colours, strict=True):
        for p, curve in run.variation.items():
            axes.plot(curve.step, curve.value, color=colour, linestyle=dashes[p])
    for p in exponents:
        axes.plot([], [], color=style.FAINT, linestyle=dashes[p], label=f"$p = {p:g}$")
    axes.set_ylabel(r"$\Vert k\mapsto L^\beta A_k\Vert_{p\text{-var}}$")
    axes.legend()
