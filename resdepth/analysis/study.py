"""A folder of runs as one study: where each cell stands, and what the finished ones show."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resdepth import html
from resdepth.analysis.cautions import cautions
from resdepth.analysis.cells import CellRow, Reason, cell_of, unbegun, unfit
from resdepth.analysis.curvatures import CurvatureTable, Say, curvature_table
from resdepth.analysis.curvefit import Filters, fit_files
from resdepth.analysis.decays import DepthFits, fits_by_depth
from resdepth.analysis.doubling import DoublingTable, doubling_table
from resdepth.analysis.pool import Pool, experiments, in_order, pooled
from resdepth.analysis.rates import RateTable, rate_curves
from resdepth.analysis.scaling import ScalingTable, model_scaling
from resdepth.errors import Impossible, ResdepthError, no_such
from resdepth.find_files import walk
from resdepth.options.spectrum import SpectrumOptions
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.studies.command import quoted, run_command
from resdepth.studies.plan import ALWAYS
from resdepth.studies.record import NAME as PLAN
from resdepth.studies.record import read_plan
from resdepth.weights.read import read_models
from resdepth.weights.weight_path import WeightPath

OMEGA = "avg_grad_norm"
"""The recorded scalar whose decay is fitted."""


@dataclass(frozen=True)
class Experiment:
    """Runs that differ in seed and depth alone, and what those of them that count show.

    `scaling` is None where none counts, `doubling` where no depth is twice another, `curvature`
    where it was not asked for; `decays` is empty where no run recorded Omega. `beta` is the nominal
    exponent 1 - alpha that norms are scaled with.
    """

    label: str
    cells: tuple[CellRow, ...]
    models: Pool
    beta: float
    scaling: ScalingTable | None
    doubling: DoublingTable | None
    decays: tuple[DepthFits, ...]
    curvature: CurvatureTable | None
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """All runs of a folder; `plan` is the text of its study.yaml, "" if there is none.

    `rates` has a table for each set of runs that differ in seed, depth and rate alone.
    """

    folder: Path
    experiments: tuple[Experiment, ...]
    rates: tuple[RateTable, ...]
    plan: str
    command: str
    versions: Mapping[str, str]
    platform: str

    @property
    def cells(self) -> tuple[CellRow, ...]:
        """The cells of all experiments."""
        return tuple(row for one in self.experiments for row in one.cells)

    def _repr_html_(self) -> str:
        head = ("experiment", "L", "seed", "rate", "outcome", "steps", "loss", "")
        rows = [
            (c.experiment, c.depth, c.seed, c.rate, c.outcome, c.steps, c.loss, c.why)
            for c in self.cells
        ]
        return html.table(head, rows, str(self.folder))


def read_study(
    folder: Path, spectrum: SpectrumOptions | None = None, say: Say = lambda _: None
) -> Study:
    """The runs in or under `folder`, finished or not; with `spectrum` the curvature around each.

    Raises
    ------
    Impossible
        There is no run of `train`.
    Corrupt
        The plan of the study cannot be read.
    Missing
        There is no such folder.
    """
    if not folder.exists():
        raise no_such(folder, "folder")
    manifests = dict[Path, Manifest]()
    for file in walk(folder, once=True):
        if file.name == MANIFEST and (manifest := _manifest(file.parent)):
            manifests[file.parent] = manifest
    manifests = dict(sorted(manifests.items(), key=lambda item: (item[1].seed, str(item[0]))))
    if not manifests:
        remedy = "give a study, or a folder of runs of 'resdepth train'"
        if (folder / PLAN).is_file():
            remedy = f"{quoted(run_command(folder))} trains its cells"
        raise Impossible(folder, "no run in or under it", remedy)
    plan = folder / PLAN
    axes = read_plan(folder).axes if plan.is_file() else {}
    sets = experiments(manifests, named=axes.keys() - {*ALWAYS})
    missing = unbegun(folder, {n: [manifests[run] for run in runs] for n, runs in sets.items()})
    sets |= {row.experiment: [] for row in missing if row.experiment not in sets}
    sets = in_order(sets)
    found = [
        _experiment(
            label,
            {run: manifests[run] for run in runs},
            [row for row in missing if row.experiment == label],
            lambda cells: None if spectrum is None else curvature_table(cells, spectrum, say),
        )
        for label, runs in sets.items()
    ]
    newest = max(manifests.values(), key=lambda manifest: manifest.started)
    return Study(
        folder,
        tuple(found),
        _rates(manifests, [row for one in found for row in one.cells]),
        plan.read_text(encoding="utf-8") if plan.is_file() else "",
        " ".join(newest.command),
        newest.versions,
        newest.platform,
    )


def _rates(manifests: Mapping[Path, Manifest], rows: Sequence[CellRow]) -> tuple[RateTable, ...]:
    """Loss against the rate, apart for runs that differ in anything else but seed and depth."""
    cells = {row.run: row for row in rows if row.reason != "lost"}
    tables = []
    for label, runs in experiments(manifests, aside=("lr",)).items():
        stops = any(manifests[run].options.get("stop_loss") is not None for run in runs)
        curves = rate_curves([cells[run] for run in runs], stops=stops)
        tables += [RateTable(label, curves)] if curves else []
    return tuple(tables)


def _manifest(run: Path) -> Manifest | None:
    """That of a run of `train`; a damaged one is complained of."""
    try:
        manifest = read_manifest(run)
    except ResdepthError as error:
        warnings.warn(f"{error}: left out", stacklevel=3)
        return None
    return manifest if manifest.program == "train" else None


def _experiment(
    label: str,
    manifests: Mapping[Path, Manifest],
    missing: Sequence[CellRow],
    curvature: Callable[[Sequence[CellRow]], CurvatureTable | None],
) -> Experiment:
    whys = {run: unfit(manifest) for run, manifest in manifests.items()}
    models = _models([run for run, (reason, _) in whys.items() if not reason], whys)
    begun = [cell_of(run, label, manifests[run], why) for run, why in whys.items()]
    rows = sorted([*begun, *missing], key=lambda row: (row.depth, row.seed))
    said = tuple(
        cautions(rows, [manifests[run] for run, (reason, _) in whys.items() if not reason])
    )
    if not models:
        return Experiment(label, tuple(rows), models, 0.0, None, None, (), None, said)
    beta = models[0].beta or 0.0
    scaling = model_scaling(models, beta)
    counted = [row for row in rows if not row.why]
    own = scaling.exponents.beta.exponent.value
    return Experiment(
        label,
        tuple(rows),
        models,
        beta,
        scaling,
        doubling_table(models, own if math.isfinite(own) else beta),
        _decays([row.run for row in counted]),
        curvature(counted),
        said,
    )


def _models(runs: Sequence[Path], whys: dict[Path, tuple[Reason, str]]) -> Pool:
    """The weights of each run; `whys` says where they cannot be read, or repeat another's."""
    models = list[WeightPath]()
    for run in runs:
        try:
            models += read_models(run)
        except ResdepthError as error:
            whys[run] = "unreadable", str(error)
    models.sort(key=lambda model: model.depth)
    kept = pooled(models) if models else Pool(())
    for model in models:
        if not any(model is one for one in kept):
            repeated = next(run for run in runs if model.run and run.resolve() == model.run)
            whys[repeated] = "repeated", "repeats a run of the same depth and seed"
    return kept


def _decays(runs: Sequence[Path]) -> tuple[DepthFits, ...]:
    """The fits of Omega with T0 inferred; what cannot be fitted is counted, not complained of.

    Nothing where a run recorded no step after the first.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fits = fit_files(runs, OMEGA, Filters(time="step"), None)
        except ResdepthError:
            return ()
        return fits_by_depth(fits) if all(curve.t[-1] > 0 for curve in fits) else ()
