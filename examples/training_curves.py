"""Loss and p-variation norms of one or several runs against the step, in one figure.

    python examples/training_curves.py RUN... [--out training.pdf]

The numbers are written beside the figure as .json.
"""

import argparse
from pathlib import Path

from resdepth.analysis.training import training_curves
from resdepth.figures.style import output_path, save
from resdepth.figures.training import draw_training
from resdepth.records import write_numbers


def main() -> None:
    """Read the runs, draw, and say what was written."""
    parser = argparse.ArgumentParser(description="Loss and p-variation norms of runs.")
    parser.add_argument("runs", nargs="+", type=Path, help="run folders")
    parser.add_argument("--out", type=Path, default=Path("training.pdf"), help="figure to write")
    arguments = parser.parse_args()
    curves = training_curves(arguments.runs)
    out = output_path(arguments.out, command="training_curves")
    save(draw_training(curves), out)
    print(out)
    print(write_numbers(out.with_suffix(".json"), {"runs": curves}))


if __name__ == "__main__":
    main()
