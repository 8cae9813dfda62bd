"""A folder of runs as one study: where each cell stands, and what the finished ones show."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.analysis.pool import experiments, pooled
from resdepth.analysis.scaling import ScalingTable, model_scaling, scaling_numbers
from resdepth.errors import AnalysisImpossible, ResdepthError
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.runs.models import Model, read_models
from resdepth.walk import walk

PLAN = "study.yaml"
UNEQUAL = 0.1
"""Share by which mean losses of two depths may differ before they count as unequal."""


@dataclass(frozen=True)
class CellRow:
    """One run: where, what it was, how it ended (`why` it does not count, "" where it does)."""

    run: Path
    experiment: str
    depth: int
    seed: int
    lr: float
    outcome: str
    steps: int
    loss: float
    seconds: float
    why: str


@dataclass(frozen=True)
class Experiment:
    """Runs that differ in seed and depth alone; `scaling` is None where none of them counts."""

    label: str
    models: tuple[Model, ...]
    beta: float
    scaling: ScalingTable | None
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """All runs of a folder; `plan` is the text of its study.yaml, "" where there is none."""

    folder: Path
    cells: tuple[CellRow, ...]
    experiments: tuple[Experiment, ...]
    plan: str
    command: str
    versions: Mapping[str, str]
    platform: str


def read_study(folder: Path) -> Study:
    """The runs in or under `folder`, finished or not.

    Raises
    ------
    AnalysisImpossible
        There is no run of `train`.
    """
    manifests = dict[Path, Manifest]()
    for file in walk(folder, once=True):
        if file.name == MANIFEST and (manifest := read_manifest(file.parent)).program == "train":
            manifests[file.parent] = manifest
    if not manifests:
        remedy = "give a study, or a folder of runs of 'resdepth train'"
        raise AnalysisImpossible(path=folder, reason="no run in or under it", remedy=remedy)
    cells, found = list[CellRow](), list[Experiment]()
    for label, runs in experiments(manifests).items():
        whys = {run: _unfit(manifests[run]) for run in runs}
        models = _models([run for run, why in whys.items() if not why], whys)
        rows = [_cell(run, label, manifests[run], whys[run]) for run in runs]
        found.append(_experiment(label, models, rows, manifests))
        cells += sorted(rows, key=lambda row: (row.depth, row.seed))
    plan = folder / PLAN
    newest = max(manifests.values(), key=lambda manifest: manifest.started)
    return Study(
        folder,
        tuple(cells),
        tuple(found),
        plan.read_text(encoding="utf-8") if plan.is_file() else "",
        " ".join(newest.command),
        newest.versions,
        newest.platform,
    )


def _unfit(manifest: Manifest) -> str:
    """Why a run does not count, "" where it does."""
    if manifest.outcome != "finished":
        known = {"running": "has not ended", "diverged": f"diverged after {manifest.steps} steps"}
        error = str(manifest.detail.get("error", ""))
        return known.get(manifest.outcome, manifest.outcome) + (f": {error}" if error else "")
    stop = manifest.options.get("stop_loss")
    if stop is not None and "reached" not in manifest.detail:
        return f"did not reach the loss {stop:g}"
    return ""


def _models(runs: Sequence[Path], whys: dict[Path, str]) -> list[Model]:
    """The weights of each run; `whys` says where they cannot be read, or repeat another's."""
    models = list[Model]()
    for run in runs:
        try:
            models += read_models(run)
        except ResdepthError as error:
            whys[run] = str(error)
    models.sort(key=lambda model: (model.depth, str(model.path)))
    kept = pooled(models).models if models else ()
    for model in models:
        if not any(model is one for one in kept):
            repeated = next(run for run in runs if model.run and run.resolve() == model.run)
            whys[repeated] = "repeats a run of the same depth and seed"
    return list(kept)


def _cell(run: Path, label: str, manifest: Manifest, why: str) -> CellRow:
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
        why,
    )


def _experiment(
    label: str, models: Sequence[Model], rows: Sequence[CellRow], manifests: Mapping[Path, Manifest]
) -> Experiment:
    cautions = []
    if left := sum(bool(row.why) for row in rows):
        cautions.append(f"{left} of {len(rows)} cells do not count: what is said is of the others")
    counted = [row for row in rows if not row.why]
    stops = any(manifests[row.run].options.get("stop_loss") is not None for row in rows)
    means = loss_by_depth(counted)
    if not stops and means and max(means.values()) > (1 + UNEQUAL) * min(means.values()):
        shown = ", ".join(f"{loss:.3g} at L = {depth}" for depth, loss in means.items())
        cautions.append(
            f"the final loss depends on the depth ({shown}): at equal loss (--stop-loss) the "
            "comparison would be of networks that learnt the same"
        )
    if not models:
        return Experiment(label, (), 0.0, None, tuple(cautions))
    beta = models[0].beta or 0.0
    return Experiment(label, tuple(models), beta, model_scaling(models, beta), tuple(cautions))


def loss_by_depth(rows: Sequence[CellRow]) -> dict[int, float]:
    """Mean of the finite final losses, depths ascending."""
    losses: dict[int, list[float]] = {}
    for row in sorted(rows, key=lambda row: row.depth):
        if math.isfinite(row.loss):
            losses.setdefault(row.depth, []).append(row.loss)
    return {depth: float(np.mean(found)) for depth, found in losses.items()}


@dataclass(frozen=True)
class RateCurve:
    """Mean final loss over the seeds against the rate at one depth, and the rate of the least."""

    depth: int
    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def best(self) -> float:
        """The rate of the least mean loss."""
        return self.rates[int(np.argmin(self.losses))]


def rate_curves(cells: Sequence[CellRow]) -> tuple[RateCurve, ...]:
    """A curve a depth of the cells that finished; nothing where fewer than two rates are there."""
    rows = [row for row in cells if row.outcome == "finished" and math.isfinite(row.loss)]
    curves = []
    for depth in sorted({row.depth for row in rows}):
        here = [row for row in rows if row.depth == depth]
        rates = sorted({row.lr for row in here})
        losses = [float(np.mean([row.loss for row in here if row.lr == rate])) for rate in rates]
        curves.append(RateCurve(depth, tuple(rates), tuple(losses)))
    several = len({row.lr for row in rows}) > 1
    return tuple(curves) if several else ()


def study_numbers(study: Study) -> dict[str, Any]:
    """The study as its report's .json has it; "scaling" is that of the first experiment."""
    scaling = [one.scaling for one in study.experiments]
    return {
        "study": study.folder,
        "scaling": None if scaling[0] is None else scaling_numbers(scaling[0]),
        "experiments": [
            {
                "label": one.label,
                "beta": one.beta,
                "cautions": one.cautions,
                "scaling": None if one.scaling is None else scaling_numbers(one.scaling),
            }
            for one in study.experiments
        ],
        "rates": [{**asdict(curve), "best": curve.best} for curve in rate_curves(study.cells)],
        "cells": study.cells,
        "command": study.command,
        "versions": study.versions,
        "platform": study.platform,
    }
