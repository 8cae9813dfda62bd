"""The cells of a study as a report has them: what each run was, how it ended, why it counts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from resdepth.analysis.pool import spelled
from resdepth.options.train import TrainOptions, rate_at
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest
from resdepth.studies.plan import ALWAYS
from resdepth.studies.record import NAME as PLAN
from resdepth.studies.record import read_plan
from resdepth.studies.state import Row, table

Reason = Literal["", "missed", "diverged", "unfinished", "failed", "lost", "unreadable", "repeated"]
"""Why a cell does not count, in one word."""


@dataclass(frozen=True)
class CellRow:
    """One run: where, what it was, how it ended; `why` it does not count, "" if it does.

    `lr` is the base rate, `rate` the one at this depth: lr (L/D)^e.
    """

    run: Path
    experiment: str
    depth: int
    seed: int
    lr: float
    outcome: str
    steps: int
    loss: float
    seconds: float
    reason: Reason
    why: str
    rate: float = math.nan


def cell_of(run: Path, label: str, manifest: Manifest, why: tuple[Reason, str]) -> CellRow:
    """A run that has begun."""
    options = manifest.options
    return CellRow(
        run,
        label,
        int(options["depth"]),
        manifest.seed,
        float(options["lr"]),
        manifest.outcome,
        manifest.steps,
        manifest.final.get("loss", math.nan),
        manifest.steps * (manifest.seconds_per_step or math.nan),
        *why,
        rate=_rate(options),
    )


def _rate(options: Mapping[str, Any]) -> float:
    # Runs of earlier versions do not know the rule.
    rule = options.get("lr_depth"), options.get("lr_depth_exponent", 0.0)
    return rate_at(float(options["lr"]), int(options["depth"]), *rule)


def unfit(manifest: Manifest) -> tuple[Reason, str]:
    """Why a run does not count, ("", "") where it does."""
    outcome, error = manifest.outcome, str(manifest.detail.get("error", ""))
    if outcome == "diverged":
        return "diverged", f"diverged after {manifest.steps} steps"
    if outcome == "failed":
        return "failed", f"failed: {error}"
    if outcome != "finished":
        return "unfinished", "has not ended" if outcome == "running" else outcome
    goal = manifest.options.get("stop_loss")
    if goal is not None and "reached" not in manifest.detail:
        return "missed", f"did not reach the loss {goal:g}"
    return "", ""


def unbegun(folder: Path, sets: Mapping[str, Sequence[Manifest]]) -> list[CellRow]:
    """The cells of a plan that have no run of theirs; `sets` are the runs of each experiment.

    Raises
    ------
    Corrupt
        study.yaml is not what was written.
    """
    if not (folder / PLAN).is_file():
        return []
    plan = read_plan(folder)
    options = {cell.name: cell.options for cell in plan.cells()}
    return [
        _planned(row, _label(row, sets), options[row.cell])
        for row in table(plan)
        if row.lost or not (row.path / MANIFEST).exists()
    ]


def _label(row: Row, sets: Mapping[str, Sequence[Manifest]]) -> str:
    """That of the set whose options it shares, else its own values."""
    axes = {name: value for name, value in row.values.items() if name not in ALWAYS}
    own = ", ".join(f"{spelled(name)} {value}" for name, value in axes.items())
    return next((label for label, runs in sets.items() if _belongs(row, runs)), own)


def _planned(row: Row, label: str, options: TrainOptions) -> CellRow:
    why: tuple[Reason, str] = "unfinished", "has not begun"
    if row.lost:
        why = "lost", row.why
    elif row.state == "failed":
        why = "failed", f"failed: {row.why}"
    return CellRow(
        row.path,
        label,
        options.depth,
        options.seed,
        options.lr,
        row.state,
        0,
        math.nan,
        math.nan,
        *why,
        rate=options.rate,
    )


def _belongs(row: Row, runs: Sequence[Manifest]) -> bool:
    options = runs[0].options
    return all(options.get(n) == value for n, value in row.values.items() if n not in ALWAYS)


@dataclass(frozen=True)
class DepthRow:
    """The cells of one depth: how many of how many count, and their means.

    `rate` is that of the runs at this depth, NaN if they differ.
    """

    depth: int
    cells: int
    counted: int
    steps: float
    loss: float
    seconds: float
    rate: float


def by_depth(rows: Sequence[CellRow]) -> tuple[DepthRow, ...]:
    """A row a depth, ascending; means are over the cells that count, NaN where none does."""
    found = []
    for depth in sorted({row.depth for row in rows}):
        here = [row for row in rows if row.depth == depth]
        kept = [row for row in here if not row.why]
        means = {n: _mean([getattr(row, n) for row in kept]) for n in ("steps", "loss", "seconds")}
        rates = {row.rate for row in here}
        rate = rates.pop() if len(rates) == 1 else math.nan
        found.append(DepthRow(depth, len(here), len(kept), **means, rate=rate))
    return tuple(found)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan
