"""The page of a study of `resnet-cifar`: its means and its cells as tables."""

import shlex
from pathlib import Path

from resdepth.analysis.scores import SCORES, ScoreTable, mean_rows, shown_score
from resdepth.atomic import write_text
from resdepth.figures import page
from resdepth.runs.provenance import Provenance


def write_scores(scores: ScoreTable, out: Path, title: str, provenance: Provenance) -> list[Path]:
    """Write the page, and return its path."""
    rows = [[*scores.cells[0]["values"], "outcome", "test accuracy", "top 2", "test loss", ""]]
    for cell in scores.cells:
        shown = [shown_score(name, cell[name]) for name in SCORES]
        rows.append([*map(str, cell["values"].values()), cell["state"], *shown, cell["why"]])
    parts = [
        page.heading("Means over the finished seeds, with standard deviation"),
        page.table(mean_rows(scores)),
        page.heading("Cells"),
        page.table(rows),
        page.folded("Command of this report", shlex.join(provenance.command)),
    ]
    write_text(out, page.page(title, parts, provenance))
    return [out]
