"""Loss and p-variation norms of one or several runs against the step, in one figure.

    python examples/training_curves.py RUN... [--out training.pdf]

The numbers are written next to the figure as .json.
"""

import argparse
import sys
from pathlib import Path

from matplotlib.figure import Figure

from resdepth.figures.parts import few_ticks, short
from resdepth.figures.style import categories, figure, save, styled
from resdepth.records import write_numbers
from resdepth.runs.events import event_files, read_scalars
from resdepth.runs.provenance import provenance
from resdepth.runs.run import Run
from resdepth.runs.series import Series

NORM = "p_variation_norm/"
DASHES = ("-", "--", ":")


@styled
def drawn(runs: dict[Path, Series]) -> Figure:
    """One colour per run, one kind of line per exponent p."""
    whole = figure(2, 2.4)
    loss, norms = whole.subplots(1, 2, sharex=True)
    tags = {tag for scalars in runs.values() for tag in scalars if tag.startswith(NORM)}
    exponents = sorted((float(tag.removeprefix(NORM)) for tag in tags), reverse=True)
    for (run, scalars), colour in zip(runs.items(), categories(len(runs)), strict=True):
        loss.plot(*scalars["loss"], color=colour, label=short(run.name))
        for tag in tags & scalars.keys():
            dash = DASHES[exponents.index(float(tag.removeprefix(NORM))) % len(DASHES)]
            norms.plot(*scalars[tag], dash, color=colour)
    for number, p in enumerate(exponents):
        norms.plot([], [], DASHES[number % len(DASHES)], color="grey", label=f"$p = {p:g}$")
    loss.set_ylabel("loss")
    norms.set_ylabel(r"$\Vert k\mapsto L^\beta A_k\Vert_{p\text{-var}}$")
    for axes in (loss, norms):
        axes.set_xlabel("step")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        few_ticks(axes.xaxis, axes.yaxis)
        if axes.get_legend_handles_labels()[1]:
            axes.legend()
    return whole


def main() -> None:
    """Read the runs, write the numbers, draw."""
    parser = argparse.ArgumentParser(description="Loss and p-variation norms of runs.")
    parser.add_argument("runs", nargs="+", type=Path, help="run folders")
    parser.add_argument("--out", type=Path, default=Path("training.pdf"), help="figure to write")
    arguments = parser.parse_args()
    runs = {run: read_scalars(Run(run).events) for run in arguments.runs}
    read = [file for run in runs for file in event_files(Run(run).events)]
    origin = provenance(sys.argv, {"runs": arguments.runs, "out": arguments.out}, read)
    curves = [{"run": run, "scalars": scalars} for run, scalars in runs.items()]
    print(write_numbers(arguments.out.with_suffix(".json"), {"runs": curves}, origin))
    save(drawn(runs), arguments.out, origin)
    print(arguments.out)


if __name__ == "__main__":
    main()
