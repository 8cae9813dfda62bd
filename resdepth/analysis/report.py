"""The report on a study: every table of every experiment, computed once, for all that show it."""

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.analysis import path_tables
from resdepth.analysis.cautions import cautions, next_steps
from resdepth.analysis.curvatures import HessianTable, read_hessians
from resdepth.analysis.doubling import DoublingTable, doubling_table
from resdepth.analysis.entries import EntryTable, TrendTable, entry_table, trend_table
from resdepth.analysis.fits import (
    FITTED,
    DepthFits,
    Filters,
    curve_files,
    depth_numbers,
    fit_files,
    fits_by_depth,
)
from resdepth.analysis.limit import LimitTable, limit_numbers, limit_of
from resdepth.analysis.rate_tables import RateTable, tables_of, transfer_numbers
from resdepth.analysis.scaling import ScalingTable, model_scaling, scaling_numbers
from resdepth.analysis.study_runs import CellRow, DepthRow, Experiment, Study, by_depth
from resdepth.errors import ResdepthError
from resdepth.mathematics.statistics import STATISTICS
from resdepth.records import as_csv
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.studies.record import NAME as PLAN

OMEGA = "avg_grad_norm"  # The recorded scalar whose decay is fitted
GRID = tuple(float(p) for p in np.linspace(1.0, 4.0, 13))  # Exponents p of the p-variation norms

SEED_EXPONENTS = ("beta", "nu", "q1", "q2", "irel", "pr", "rho", "variation_norm", "hurst")
"""Exponents of the seed of a cell, in its line of the .csv."""


@dataclass(frozen=True)
class PathTables:
    """The weights of an experiment along the layers; `growth` is None for a single depth."""

    norms: path_tables.NormTable
    profile: path_tables.ProfileTable
    growth: path_tables.VariationTable | None
    entries: EntryTable
    trend: TrendTable


@dataclass(frozen=True)
class ExperimentReport:
    """What runs show that differ in seed and depth alone."""

    label: str
    cells: tuple[CellRow, ...]
    depths: tuple[DepthRow, ...]
    cautions: tuple[str, ...]
    beta: float = 0.0  # 1 - alpha, by which norms are scaled
    scaling: ScalingTable | None = None  # None if no cell counts, as `paths`
    limit: LimitTable | None = None
    doubling: DoublingTable | None = None  # None if no depth is twice another
    paths: PathTables | None = None
    decays: tuple[DepthFits, ...] = ()  # () without Omega
    curvature: HessianTable | None = None  # None if it was not computed


@dataclass(frozen=True)
class Report:
    """All tables of a study, advice (purpose and command), their origin, the files read."""

    folder: Path
    experiments: tuple[ExperimentReport, ...]
    rates: tuple[RateTable, ...]  # one per set of runs that differ in seed, depth and rate alone
    next_steps: tuple[tuple[str, str], ...]
    plan: str
    command: str
    versions: Mapping[str, str]
    platform: str
    files: tuple[Path, ...] = field(default=(), repr=False)

    @property
    def cells(self) -> tuple[CellRow, ...]:
        """The cells of all experiments."""
        return tuple(row for one in self.experiments for row in one.cells)


def report_on(
    study: Study,
    hessians: Mapping[Path, Path] | None = None,
    changes: Mapping[str, Path] | None = None,
) -> Report:
    """Compute the report.

    `hessians` has the spectrum (.json) of a run by its folder, `changes` the output changes (.json)
    of an experiment by its label.
    """
    hessians, changes = hessians or {}, changes or {}
    found = tuple(_experiment(one, study, hessians, changes) for one in study.experiments)
    aside = {row.run for row in study.cells if row.reason in ("lost", "repeated")}
    rates = tuple(tables_of(study.manifests, base_rate=None, aside=aside))
    newest = max(study.manifests.values(), key=lambda manifest: manifest.started)
    steps = tuple(next_steps(study, [text for one in found for text in one.cautions], rates))
    origin = " ".join(newest.command), newest.versions, newest.platform
    files = [study.folder / PLAN] if study.plan else []
    files += filter(Path.is_file, (row.run / MANIFEST for row in study.cells))
    for one, tables in zip(study.experiments, found, strict=True):
        files += (file for path in one.models for file in path.files)
        files += (file for group in tables.decays for file in curve_files(group.fits))
    files += (*hessians.values(), *changes.values())
    return Report(study.folder, found, rates, steps, study.plan, *origin, tuple(files))


def _experiment(
    one: Experiment,
    study: Study,
    hessians: Mapping[Path, Path],
    changes: Mapping[str, Path],
) -> ExperimentReport:
    finished = [study.manifests[r.run] for r in one.cells if not r.reason]
    head = one.label, one.cells, by_depth(one.cells), tuple(cautions(one.cells, finished))
    if not one.models:
        return ExperimentReport(*head)
    models, beta = one.models, one.models[0].beta or 0.0
    scaling = model_scaling(models, beta)
    own = scaling.exponents.laws["beta"].exponent.value
    evaluated = json.loads(changes[one.label].read_text("utf-8")) if one.label in changes else None
    limit = limit_of(scaling, models, evaluated)
    norms = path_tables.variations(models, beta, GRID)
    several = len({model.depth for model in models}) > 1
    paths = PathTables(
        path_tables.norm_table(models, beta),
        path_tables.profile_table(models, beta, GRID, norms),
        path_tables.variation_table(models, beta, GRID, norms) if several else None,
        entry_table(models, beta),
        trend_table(models[-1], beta),
    )
    doubling = doubling_table(models, own if math.isfinite(own) else beta)
    decays, curvature = _decays([r.run for r in one.counted]), read_hessians(one.counted, hessians)
    return ExperimentReport(*head, beta, scaling, limit, doubling, paths, decays, curvature)


def _decays(runs: Sequence[Path]) -> tuple[DepthFits, ...]:
    """The fits of Omega with T0 inferred; the table counts runs without one, no warning does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fits = fit_files(runs, OMEGA, Filters(time="step"), None)
        except ResdepthError:
            return ()
        return fits_by_depth(fits) if all(curve.t[-1] > 0 for curve in fits) else ()


def report_numbers(report: Report) -> dict[str, Any]:
    """Return the content of the .json; "scaling" and "limit" are those of the first experiment."""
    numbers = [
        {
            **{name: getattr(one, name) for name in ("label", "beta", "cautions", "depths")},
            "scaling": None if one.scaling is None else scaling_numbers(one.scaling),
            "limit": None if one.limit is None else limit_numbers(one.limit),
            "doubling": one.doubling,
            "omega": [depth_numbers(group) | {"fits": len(group.fits)} for group in one.decays],
            "curvature": one.curvature,
        }
        for one in report.experiments
    ]
    rates = [
        {"experiment": table.label, "depth": one.curve.depth, "rates": one.curve.rates}
        | {"losses": one.curve.means, "best": one.tried, "at_the_end": bool(one.censored)}
        for table in report.rates
        for one in table.found.depths
    ]
    return {
        "study": report.folder,
        **{name: numbers[0][name] for name in ("scaling", "limit")},
        "experiments": numbers,
        "transfer": transfer_numbers(report.rates),
        "rates": rates,
        "next": [{"purpose": what, "command": command} for what, command in report.next_steps],
        **{name: getattr(report, name) for name in ("cells", "command", "versions", "platform")},
    }


def report_csv(report: Report) -> str:
    """Return the content of the .csv: one line per cell, with the statistics of its weights."""
    rows = []
    for one in report.experiments:
        cells = () if one.scaling is None else one.scaling.cells
        known = {(cell.statistics.depth, cell.seed): asdict(cell.statistics) for cell in cells}
        seeds = {} if one.scaling is None else one.scaling.verdict.by_seed
        fits = {curve.file: curve.fit for group in one.decays for curve in group.fits}
        for row in one.cells:
            found = asdict(row)
            if not row.why:
                found |= known.get((row.depth, row.seed), {})
                if seed := seeds.get(row.seed):
                    found |= {f"seed_{n}": seed.exponents[n].value for n in SEED_EXPONENTS}
                if (fit := fits.get(row.run)) and fit.identified:
                    found |= {f"omega_{name}": getattr(fit, name).value for name in FITTED}
            rows.append(found)
    fitted = [f"omega_{name}" for name in FITTED]
    by_seed = [f"seed_{name}" for name in SEED_EXPONENTS]
    return as_csv([*asdict(report.cells[0]), *STATISTICS, *fitted, *by_seed], rows)
