"""The runs of a folder as one study: its experiments, their cells and weights."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resdepth import html
from resdepth.analysis.cells import CellRow, Reason, cell_of, excluded, not_begun
from resdepth.analysis.pool import Pool, experiments, in_order, pooled
from resdepth.errors import Impossible, ResdepthError, no_such
from resdepth.find_files import walk
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.studies.command import quoted, run_command
from resdepth.studies.plan import ALWAYS
from resdepth.studies.record import NAME as PLAN
from resdepth.studies.record import read_plan
from resdepth.weights.read import read_models
from resdepth.weights.weight_path import WeightPath


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
        head = ("experiment", "L", "seed", "rate", "outcome", "steps", "loss", "")
        rows = [
            (c.experiment, c.depth, c.seed, c.rate, c.outcome, c.steps, c.loss, c.why)
            for c in self.cells
        ]
        return html.table(head, rows, str(self.folder))


def read_study(folder: Path) -> Study:
    """Read the runs in or under `folder`, finished or not, and the weights of those that count.

    Raises Impossible: no run of `train`; Corrupt: its plan cannot be read; Missing: no such folder.
    """
    if not folder.exists():
        raise no_such(folder, "folder")
    files = (file.parent for file in walk(folder, once=True) if file.name == MANIFEST)
    read = {run: manifest for run in files if (manifest := _manifest(run))}
    manifests = dict(sorted(read.items(), key=lambda item: (item[1].seed, str(item[0]))))
    plan = folder / PLAN
    if not manifests:
        remedy = "give a study, or a folder of runs of 'resdepth train'"
        if plan.is_file():
            remedy = f"{quoted(run_command(folder))} trains its cells"
        raise Impossible(folder, "no run in or under it", remedy)
    axes = read_plan(folder).axes if plan.is_file() else {}
    sets = experiments(manifests, named=axes.keys() - {*ALWAYS})
    missing = not_begun(folder, {n: [manifests[run] for run in runs] for n, runs in sets.items()})
    sets |= {row.experiment: [] for row in missing if row.experiment not in sets}
    found = []
    for label, runs in in_order(sets).items():
        rows = [row for row in missing if row.experiment == label]
        found.append(_experiment(label, {run: manifests[run] for run in runs}, rows))
    text = plan.read_text(encoding="utf-8") if plan.is_file() else ""
    return Study(folder, tuple(found), manifests, text)


def _manifest(run: Path) -> Manifest | None:
    """The manifest of a run of `train`; a damaged one is skipped with a warning."""
    try:
        manifest = read_manifest(run)
    except ResdepthError as error:
        warnings.warn(f"{error}: left out", stacklevel=3)
        return None
    return manifest if manifest.program == "train" else None


def _experiment(
    label: str, manifests: Mapping[Path, Manifest], missing: Sequence[CellRow]
) -> Experiment:
    whys = {run: excluded(manifest) for run, manifest in manifests.items()}
    models = _models([run for run, (reason, _) in whys.items() if not reason], whys)
    begun = [cell_of(run, label, manifests[run], why) for run, why in whys.items()]
    rows = sorted([*begun, *missing], key=lambda row: (row.depth, row.seed))
    return Experiment(label, tuple(rows), models)


def _models(runs: Sequence[Path], whys: dict[Path, tuple[Reason, str]]) -> Pool:
    """The weights of each run; adds to `whys` which cannot be read, and which repeat another's."""
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
