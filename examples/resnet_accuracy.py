"""Draw and print the test accuracy of runs of resnet-cifar after each epoch.

    python examples/resnet_accuracy.py RUN... [--out resnet_accuracy.pdf] [--reference 0.8203]

Writes the numbers to a .json next to the figure and prints them as a table.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.records import write_numbers
from resdepth.runs.events import event_files
from resdepth.runs.provenance import provenance
from resdepth.runs.run import Run

TAGS = ("val/accuracy", "val/top2")


def accuracies(run: Path) -> dict[str, Any]:
    """The epochs at which the run was evaluated, with top-1 and top-2 accuracy."""
    options = Run(run).recorded_options.recorded()
    (steps, top1), (_, top2) = (Run(run).scalars(tag) for tag in TAGS)
    # The first evaluation is after --val-every epochs, or at the end.
    first = min(options["val_every"] or options["epochs"], options["epochs"])
    return {
        "run": run.name,
        "depth": options["depth"],
        "alpha": options["alpha"],
        "epochs": (steps * first // steps[0]).tolist(),
        "top1": top1.tolist(),
        "top2": top2.tolist(),
    }


@style.styled
def draw(runs: list[dict[str, Any]], reference: float | None) -> Figure:
    """Draw top-1 (solid) and top-2 (dashed) against the epoch, one colour per run."""
    drawn = style.figure(1, 2.4)
    axes = drawn.subplots()
    for run, colour in zip(runs, style.categories(len(runs)), strict=True):
        label = f"$L={run['depth']}$"
        axes.plot(run["epochs"], run["top1"], "o-", color=colour, label=f"{label}, top 1")
        axes.plot(
            run["epochs"],
            run["top2"],
            "s--",
            color=colour,
            markerfacecolor="white",
            label=f"{label}, top 2",
        )
    if reference is not None:
        axes.axhline(reference, color=style.FAINT, linestyle=":", label="published, 16 epochs")
    axes.set_xlabel("epoch")
    axes.set_ylabel("test accuracy")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    return drawn


def main() -> None:
    """Read the runs, print the table, draw, print the names of the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="run folders of resnet-cifar")
    parser.add_argument("--out", type=Path, default=Path("resnet_accuracy.pdf"))
    parser.add_argument("--reference", type=float, help="published accuracy, as a line")
    given = parser.parse_args()
    runs = [accuracies(run) for run in given.runs]
    out = given.out
    for run in runs:
        print(f"L = {run['depth']}\nepoch  top-1  top-2")
        for epoch, top1, top2 in zip(run["epochs"], run["top1"], run["top2"], strict=True):
            print(f"{epoch:5}  {top1:.2%}  {top2:.2%}")
    read = [file for run in given.runs for file in event_files(Run(run).events)]
    origin = provenance(sys.argv, vars(given), read)
    print(write_numbers(out.with_suffix(".json"), {"runs": runs}, origin))
    style.save(draw(runs, given.reference), out, origin)
    print(out)


if __name__ == "__main__":
    main()
