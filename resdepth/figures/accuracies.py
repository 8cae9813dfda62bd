"""The page of a study of `resnet-cifar`: its means and its cells as tables."""

import shlex
from pathlib import Path

from resdepth.analysis.accuracies import Scores, mean_rows
from resdepth.atomic import write_text
from resdepth.figures import page
from resdepth.runs.provenance import Provenance
from resdepth.studies.record import NAME as PLAN


def write_scores(scores: Scores, out: Path, provenance: Provenance) -> list[Path]:
    """Write the page, and return its path."""
    heads = [*scores.cells[0].values, "outcome", "steps", "test accuracy", "top 2", "test loss", ""]
    rows = []
    for row in scores.cells:
        found = [f"{100 * row.accuracy:.2f} %", f"{100 * row.top2:.2f} %", f"{row.loss:.4g}"]
        numbers = found if row.state == "finished" else ["-"] * 3
        rows.append(
            [*map(str, row.values.values()), row.state, str(row.steps or 0), *numbers, row.why]
        )
    parts = [
        page.heading("Means over the finished seeds, with standard deviation"),
        page.table(mean_rows(scores)),
        page.heading("Cells"),
        page.table([heads, *rows]),
        page.heading("Where this is from"),
        page.folded("Command of this report", shlex.join(provenance.command)),
        page.folded(f"Plan ({PLAN})", (scores.folder / PLAN).read_text(encoding="utf-8")),
    ]
    write_text(out, page.page(f"Study {scores.folder.resolve().name}", parts, provenance))
    return [out]
