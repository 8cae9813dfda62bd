"""Loss and p-variation norms of runs against the step."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from resdepth.analysis.training import RunCurves
from resdepth.figures import style

DASHES = ("-", "--", ":", "-.")


@style.styled
def draw_training(runs: Sequence[RunCurves], columns: int = 2) -> Figure:
    """Two panels, loss and p-variation norms; a colour a run, a dash pattern an exponent."""
    drawn = style.figure(columns, 2.4 if columns == 2 else 4.2)
    loss, norms = drawn.subplots(*((1, 2) if columns == 2 else (2, 1)), sharex=True)
    exponents = sorted({p for run in runs for p in run.variation}, reverse=True)
    dashes = {p: DASHES[i % len(DASHES)] for i, p in enumerate(exponents)}
    for run, colour in zip(runs, style.categories(len(runs)), strict=True):
        name = style.short(run.run.name)
        loss.plot(run.loss.step, run.loss.value, color=colour, label=name)
        for p, curve in run.variation.items():
            norms.plot(curve.step, curve.value, color=colour, linestyle=dashes[p])
    for p in exponents:
        norms.plot([], [], color=style.FAINT, linestyle=dashes[p], label=f"$p = {p:g}$")
    loss.set_ylabel("loss")
    norms.set_ylabel(r"$\Vert k\mapsto L^\beta A_k\Vert_{p\text{-var}}$")
    for axes in (loss, norms):
        axes.set_xlabel("step")
        style.few_ticks(axes.xaxis)
        style.few_ticks(axes.yaxis)
        axes.set_xlim(left=0)
    loss.set_ylim(bottom=0)
    norms.set_ylim(bottom=0)
    loss.legend()
    if exponents:
        norms.legend()
    return drawn
