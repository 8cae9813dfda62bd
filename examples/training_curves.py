"""Draw loss and p-variation norms of one or several runs against the step in one figure.

    python examples/training_curves.py RUN... [--out training.pdf]

Writes the numbers to a .json next to the figure.
"""

import argparse
import sys
from pathlib import Path

from resdepth import open_run
from resdepth.analysis.training import training_curves
from resdepth.figures.style import output_path, save
from resdepth.figures.training import draw_training
from resdepth.records import write_numbers
from resdepth.runs.events import event_files
from resdepth.runs.provenance import provenance


def main() -> None:
    """Read the runs, draw, print the names of the files."""
    parser = argparse.ArgumentParser(description="Loss and p-variation norms of runs.")
    parser.add_argument("runs", nargs="+", type=Path, help="run folders")
    parser.add_argument("--out", type=Path, default=Path("training.pdf"), help="figure to write")
    arguments = parser.parse_args()
    curves = training_curves(arguments.runs)
    out = output_path(arguments.out, command="training_curves")
    read = [file for run in arguments.runs for file in event_files(open_run(run).events)]
    origin = provenance(sys.argv, {"runs": arguments.runs, "out": out}, read)
    print(write_numbers(out.with_suffix(".json"), {"runs": curves}, origin))
    save(draw_training(curves), out, origin)
    print(out)


if __name__ == "__main__":
    main()
