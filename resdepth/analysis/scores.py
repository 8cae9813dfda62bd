"""What a study of `resnet-cifar` shows: outcomes, losses and accuracies by depth and seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resdepth.records import as_csv
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import read_manifest
from resdepth.studies.record import NAME as PLAN
from resdepth.studies.record import read_plan
from resdepth.studies.seeds import summarise
from resdepth.studies.state import table

SCORES = {"accuracy": "val/accuracy", "top2": "val/top2", "loss": "val/loss"}
"""Scores of the test set, and their tags in a manifest."""
Record = dict[str, Any]


@dataclass(frozen=True)
class ScoreTable:
    """A record per cell, and per setting the mean and deviation (n - 1) of its finished seeds."""

    cells: tuple[Record, ...]
    means: tuple[Record, ...]


def read_scores(folder: Path) -> tuple[ScoreTable, list[Path]]:
    """The scores of the study in `folder`, finished or not, and the files that were read."""
    cells, means, files = list[Record](), list[Record](), [folder / PLAN]
    settings: dict[str, tuple[Record, list[Record]]] = {}
    for row in table(read_plan(folder)):
        files += filter(Path.is_file, [row.path / MANIFEST])
        final = read_manifest(row.path).final if row.state == "finished" else {}
        fate = {"run": row.path, "state": row.state, "steps": row.steps, "why": row.why}
        scores = {name: final.get(tag) for name, tag in SCORES.items()}
        cells.append({"values": row.values, **fate, **scores})
        setting = {name: value for name, value in row.values.items() if name != "seed"}
        settings.setdefault(repr(setting), (setting, []))[1].append(cells[-1])
    for setting, repetitions in settings.values():
        counted = [cell for cell in repetitions if cell["state"] == "finished"]
        mean, std = summarise([{name: cell[name] for name in SCORES} for cell in counted])
        counts = {"cells": len(repetitions), "finished": len(counted)}
        means.append({"values": setting, **counts, "mean": mean, "std": std})
    return ScoreTable(tuple(cells), tuple(means)), files


def mean_rows(scores: ScoreTable) -> list[list[str]]:
    """The means as text, headings first; accuracies in percent."""
    rows = [[*scores.means[0]["values"], "finished", "test accuracy", "top 2", "test loss"]]
    for one in scores.means:
        shown = [shown_score(name, one["mean"].get(name), one["std"].get(name)) for name in SCORES]
        counted = f"{one['finished']} of {one['cells']}"
        rows.append([*map(str, one["values"].values()), counted, *shown])
    return rows


def shown_score(name: str, value: float | None, spread: float | None = None) -> str:
    """A score with its deviation as text."""
    if value is None:
        return "-"
    factor, unit = (1, "") if name == "loss" else (100, " %")
    return f"{factor * value:.4g}{'' if spread is None else f' ± {factor * spread:.2g}'}{unit}"


def scores_csv(scores: ScoreTable) -> str:
    """One line per cell."""
    records = [cell["values"] | cell for cell in scores.cells]
    return as_csv([name for name in records[0] if name != "values"], records)
