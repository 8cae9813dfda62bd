"""What a study of `resnet-cifar` shows: outcomes, losses and accuracies by depth and seed."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resdepth.records import plain
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import read_manifest
from resdepth.studies.record import NAME as PLAN
from resdepth.studies.record import read_plan
from resdepth.studies.series import summarise
from resdepth.studies.state import Row, table

SCORES = {"loss": "val/loss", "accuracy": "val/accuracy", "top2": "val/top2"}
"""Scores of the test set, and their tags in a manifest."""


@dataclass(frozen=True)
class ScoreRow:
    """A cell: values of the axes, run, state, and the scores of its last evaluation (or NaN)."""

    values: dict[str, Any]
    run: Path
    state: str
    steps: int | None
    why: str
    loss: float = math.nan
    accuracy: float = math.nan
    top2: float = math.nan


@dataclass(frozen=True)
class ScoreMean:
    """Means and standard deviations (n - 1) over the finished seeds of one setting."""

    values: dict[str, Any]
    cells: int
    finished: int
    mean: dict[str, float]
    std: dict[str, float]


@dataclass(frozen=True)
class Scores:
    """The cells of a study in `folder`, and the means of each setting."""

    folder: Path
    cells: tuple[ScoreRow, ...]
    means: tuple[ScoreMean, ...]

    @property
    def files(self) -> Iterator[Path]:
        """The plan and the manifests."""
        yield self.folder / PLAN
        yield from filter(Path.is_file, (row.run / MANIFEST for row in self.cells))


def read_scores(folder: Path) -> Scores:
    """The scores of the study in `folder`, which may be unfinished.

    Raises
    ------
    Missing, Corrupt
        There is no study, or its plan cannot be read.
    """
    cells = tuple(map(_scored, table(read_plan(folder))))
    settings = list(dict.fromkeys(_setting(row) for row in cells))
    means = [_mean([row for row in cells if _setting(row) == one]) for one in settings]
    return Scores(folder, cells, tuple(means))


def _scored(row: Row) -> ScoreRow:
    found: dict[str, float] = {}
    if row.state == "finished":
        final = read_manifest(row.path).final
        found = {name: final[tag] for name, tag in SCORES.items() if tag in final}
    return ScoreRow(row.values, row.path, row.state, row.steps, row.why, **found)


def _setting(row: ScoreRow) -> tuple[tuple[str, Any], ...]:
    return tuple((name, value) for name, value in row.values.items() if name != "seed")


def _mean(rows: Sequence[ScoreRow]) -> ScoreMean:
    counted = [row for row in rows if row.state == "finished"]
    scores = [{name: float(getattr(row, name)) for name in SCORES} for row in counted]
    return ScoreMean(dict(_setting(rows[0])), len(rows), len(counted), *summarise(scores))


def mean_rows(scores: Scores) -> list[list[str]]:
    """The means as text, headings first; accuracies in percent."""
    heads = [*scores.means[0].values, "finished", "test accuracy", "top 2", "test loss"]
    rows = [heads]
    for one in scores.means:
        counted = f"{one.finished} of {one.cells}"
        shown = [_shown(one, "accuracy", 100, " %"), _shown(one, "top2", 100, " %")]
        rows.append([*map(str, one.values.values()), counted, *shown, _shown(one, "loss", 1, "")])
    return rows


def _shown(one: ScoreMean, name: str, factor: float, unit: str) -> str:
    if name not in one.mean:
        return "-"
    spread = f" ± {factor * one.std[name]:.2g}" if name in one.std else ""
    return f"{factor * one.mean[name]:.4g}{spread}{unit}"


def scores_csv(scores: Scores) -> str:
    """One line per cell."""
    records = [
        row.values | {n: v for n, v in asdict(row).items() if n != "values"} for row in scores.cells
    ]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(plain(record) for record in records)
    return stream.getvalue()
