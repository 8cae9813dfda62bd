"""The runs of a folder as one study: its experiments, their cells and weights."""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from resdepth import html
from resdepth.analysis.pool import Pool, experiments, in_order, pooled, spelled
from resdepth.errors import Impossible, ResdepthError, no_such
from resdepth.find_files import walk
from resdepth.options.train import rate_at
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.studies.command import quoted, run_command
from resdepth.studies.plan import ALWAYS, Plan
from resdepth.studies.record import NAME as PLAN
from resdepth.studies.record import read_plan
from resdepth.studies.state import table
from resdepth.weights.read import read_models
from resdepth.weights.weight_path import WeightPath

Reason = Literal["", "missed", "diverged", "unfinished", "failed", "lost", "unreadable", "repeated"]
"""Why a cell is excluded, in one word."""


@dataclass(frozen=True)
class CellRow:
    """One run: where, what it was, how it ended; `why` it is excluded, "" if it counts."""

    run: Path
    experiment: str
    depth: int
    seed: int
    lr: float  # the base rate
    outcome: str
    steps: int
    loss: float
    seconds: float
    reason: Reason
    why: str
    rate: float = math.nan  # at this depth: lr (L/D)^e


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


@dataclass(frozen=True)
class Experiment:
    """Runs that differ in seed and depth alone, with the weights of those that count."""

    label: str
    cells: tuple[CellRow, ...]
    models: Pool

    @property
    def counted(self) -> tuple[CellRow, ...]:
        """The cells that count, by depth and seed."""
        return tuple(row for row in self.cells if not row.why)


@dataclass(frozen=True)
class Study:
    """All runs of a folder; `plan` is the text of its study.yaml, "" if there is none."""

    folder: Path
    experiments: tuple[Experiment, ...]
    manifests: Mapping[Path, Manifest]
    plan: str

    @property
    def cells(self) -> tuple[CellRow, ...]:
        """The cells of all experiments."""
        return tuple(row for one in self.experiments for row in one.cells)

    def _repr_html_(self) -> str:
        names = ("experiment", "depth", "seed", "rate", "outcome", "steps", "loss", "why")
        head = ["" if n == "why" else n.replace("depth", "L") for n in names]
        rows = [[getattr(cell, name) for name in names] for cell in self.cells]
        return html.table(head, rows, str(self.folder))


def by_depth(rows: Sequence[CellRow]) -> tuple[DepthRow, ...]:
    """Return one row per depth, ascending; means are over cells that count, NaN if none does."""
    found = []
    for depth in sorted({row.depth for row in rows}):
        here = [row for row in rows if row.depth == depth]
        kept = [row for row in here if not row.why]
        means = {}
        for name in ("steps", "loss", "seconds"):
            known = [x for x in (getattr(row, name) for row in kept) if math.isfinite(x)]
            means[name] = float(np.mean(known)) if known else math.nan
        rate = here[0].rate if len({row.rate for row in here}) == 1 else math.nan
        found.append(DepthRow(depth, len(here), len(kept), rate=rate, **means))
    return tuple(found)


def read_study(folder: Path) -> Study:
    """Read the runs in or under `folder`, finished or not, and the weights of those that count.

    Raises Impossible: no run of `train`; Corrupt: its plan cannot be read; Missing: no such folder.
    """
    if not folder.exists():
        raise no_such(folder, "folder")
    read: dict[Path, Manifest] = {}
    for place in walk(folder, once=True):
        if place.name == MANIFEST:
            try:
                read[place.parent] = read_manifest(place.parent)
            except ResdepthError as error:
                warnings.warn(f"{error}: left out", stacklevel=2)
    trained = [item for item in read.items() if item[1].program == "train"]
    manifests = dict(sorted(trained, key=lambda item: (item[1].seed, str(item[0]))))
    file = folder / PLAN
    if not manifests:
        remedy = "give a study, or a folder of runs of 'resdepth train'"
        if file.is_file():
            remedy = f"{quoted(run_command(folder))} trains its cells"
        raise Impossible(folder, "no run in or under it", remedy)
    plan = read_plan(folder) if file.is_file() else None
    sets = experiments(manifests, named=plan.axes.keys() - {*ALWAYS} if plan else ())
    firsts = {label: manifests[runs[0]] for label, runs in sets.items()}
    missing = list(_not_begun(plan, firsts)) if plan else []
    sets |= {row.experiment: [] for row in missing if row.experiment not in sets}
    found = []
    for label, runs in in_order(sets).items():
        begun = {run: cell_of(run, label, manifests[run]) for run in runs}
        found.append(_experiment(label, begun, [r for r in missing if r.experiment == label]))
    text = file.read_text(encoding="utf-8") if plan else ""
    return Study(folder, tuple(found), manifests, text)


def cell_of(run: Path, label: str, manifest: Manifest) -> CellRow:
    """The cell of a run, excluded because of how it ended."""
    options, outcome, steps = manifest.options, manifest.outcome, manifest.steps
    depth, lr, stop = int(options["depth"]), float(options["lr"]), options.get("stop_loss")
    why: tuple[Reason, str] = "", ""
    if outcome == "diverged":
        why = "diverged", f"diverged after {steps} steps"
    elif outcome == "failed":
        why = "failed", f"failed: {manifest.detail.get('error', '')}"
    elif outcome != "finished":
        why = "unfinished", "has not ended" if outcome == "running" else outcome
    elif stop is not None and "reached" not in manifest.detail:
        why = "missed", f"did not reach the loss {stop:g}"
    # Runs of earlier versions do not know the rule for the rate at a depth.
    rule = options.get("lr_depth"), options.get("lr_depth_exponent", 0.0)
    loss = manifest.final.get("loss", math.nan)
    seconds = steps * (manifest.seconds_per_step or math.nan)
    ended = outcome, steps, loss, seconds, *why
    return CellRow(run, label, depth, manifest.seed, lr, *ended, rate_at(lr, depth, *rule))


def _not_begun(plan: Plan, firsts: Mapping[str, Manifest]) -> Iterator[CellRow]:
    """The cells of a plan that have no run; `firsts` has one run of each experiment."""
    for cell, row in zip(plan.cells(), table(plan), strict=True):
        if not row.lost and (row.path / MANIFEST).exists():
            continue
        # The label of the experiment with its options, else its own values.
        axes = {name: value for name, value in row.values.items() if name not in ALWAYS}
        label = ", ".join(f"{spelled(name)} {value}" for name, value in axes.items())
        for known, manifest in firsts.items():
            if all(manifest.options.get(name) == value for name, value in axes.items()):
                label = known
                break
        why: tuple[Reason, str] = "unfinished", "has not begun"
        if row.lost:
            why = "lost", row.why
        elif row.state == "failed":
            why = "failed", f"failed: {row.why}"
        what, ended = cell.options, (0, math.nan, math.nan)
        yield CellRow(
            row.path, label, what.depth, what.seed, what.lr, row.state, *ended, *why, what.rate
        )


def _experiment(label: str, cells: dict[Path, CellRow], missing: Sequence[CellRow]) -> Experiment:
    """Read the weights of the cells that count; exclude unreadable ones and repetitions."""
    models = list[WeightPath]()
    counted = [run for run, cell in cells.items() if not cell.reason]
    for run in counted:
        try:
            models += read_models(run)
        except ResdepthError as error:
            cells[run] = replace(cells[run], reason="unreadable", why=str(error))
    models.sort(key=lambda model: model.depth)
    kept = pooled(models) if models else Pool(())
    for model in models:
        if not any(model is one for one in kept):
            run = next(run for run in counted if model.run and run.resolve() == model.run)
            why = "repeats a run of the same depth and seed"
            cells[run] = replace(cells[run], reason="repeated", why=why)
    rows = sorted([*cells.values(), *missing], key=lambda row: (row.depth, row.seed))
    return Experiment(label, tuple(rows), kept)
