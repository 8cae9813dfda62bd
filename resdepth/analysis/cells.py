"""The cells of a study: what each run was, how it ended, whether it counts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
"""Why a cell is excluded, in one word."""


@dataclass(frozen=True)
class CellRow:
    """One run: where, what it was, how it ended; `why` it is excluded, "" if it counts.

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


@dataclass(frozen=True)
class DepthRow:
    """How many cells of one depth count, their means, and the rate, NaN if it differs."""

    depth: int
    cells: int
    counted: int
    steps: float
    loss: float
    seconds: float
    rate: float


def by_depth(rows: Sequence[CellRow]) -> tuple[DepthRow, ...]:
    """Return one row per depth, ascending; means are over cells that count, NaN if none does."""
    found = []
    for depth in sorted({row.depth for row in rows}):
        here = [row for row in rows if row.depth == depth]
        kept = [row for row in here if not row.why]
        means = {n: _mean([getattr(row, n) for row in kept]) for n in ("steps", "loss", "seconds")}
        rate = here[0].rate if len({row.rate for row in here}) == 1 else math.nan
        found.append(DepthRow(depth, len(here), len(kept), **means, rate=rate))
    return tuple(found)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def cell_of(run: Path, label: str, manifest: Manifest, why: tuple[Reason, str]) -> CellRow:
    """Return the cell of a run that has begun."""
    options, steps = manifest.options, manifest.steps
    depth, lr = int(options["depth"]), float(options["lr"])
    # Runs of earlier versions do not know the rule for the rate at a depth.
    rule = options.get("lr_depth"), options.get("lr_depth_exponent", 0.0)
    loss = manifest.final.get("loss", math.nan)
    seconds = steps * (manifest.seconds_per_step or math.nan)
    ended = manifest.outcome, steps, loss, seconds, *why
    return CellRow(run, label, depth, manifest.seed, lr, *ended, rate_at(lr, depth, *rule))


def excluded(manifest: Manifest) -> tuple[Reason, str]:
    """Return why a run is excluded, ("", "") if it counts."""
    outcome, error = manifest.outcome, str(manifest.detail.get("error", ""))
    if outcome == "diverged":
        return "diverged", f"diverged after {manifest.steps} steps"
    if outcome == "failed":
        return "failed", f"failed: {error}"
    if outcome != "finished":
        return "unfinished", "has not ended" if outcome == "running" else outcome
    loss = manifest.options.get("stop_loss")
    if loss is not None and "reached" not in manifest.detail:
        return "missed", f"did not reach the loss {loss:g}"
    return "", ""


def not_begun(folder: Path, sets: Mapping[str, Sequence[Manifest]]) -> list[CellRow]:
    """Return the cells of a plan that have no run; `sets` are the runs of each experiment."""
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
    """The label of the experiment with its options, else its own values."""
    axes = {name: value for name, value in row.values.items() if name not in ALWAYS}
    for label, runs in sets.items():
        if all(runs[0].options.get(name) == value for name, value in axes.items()):
            return label
    return ", ".join(f"{spelled(name)} {value}" for name, value in axes.items())


def _planned(row: Row, label: str, options: TrainOptions) -> CellRow:
    why: tuple[Reason, str] = "unfinished", "has not begun"
    if row.lost:
        why = "lost", row.why
    elif row.state == "failed":
        why = "failed", f"failed: {row.why}"
    known = row.path, label, options.depth, options.seed, options.lr, row.state
    return CellRow(*known, 0, math.nan, math.nan, *why, options.rate)
