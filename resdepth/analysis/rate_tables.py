"""Loss against the learning rate and the depth: from runs, studies, and tables of any program."""

import csv
import io
import json
import math
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from resdepth import html
from resdepth.analysis.pool import experiments, in_order
from resdepth.analysis.study_runs import CellRow, cell_of
from resdepth.errors import Corrupt, Impossible, ResdepthError, System, Usage, no_such
from resdepth.find_files import walk
from resdepth.mathematics.interval import Interval
from resdepth.mathematics.transfer import RateCurve, Transfer
from resdepth.mathematics.transfer import transfer as judged
from resdepth.options.transfer import READ, TransferOptions
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest, read_manifest

TABLES = (".csv", ".json", ".parquet")
FAILED = ("missed", "diverged")
NOT_FINITE = ("nan", "inf", "infinity", "+inf", "-inf", "-infinity")


@dataclass(frozen=True)
class RateRow:
    """One run: the criterion is NaN if it is missing, infinite if the run failed."""

    depth: int
    lr: float
    seed: int | str
    value: float
    diverged: bool


@dataclass(frozen=True)
class RateTable:
    """The answer for runs that differ in seed, depth and rate alone, and what they share."""

    label: str
    options: Mapping[str, Any]
    criterion: str
    found: Transfer
    theory: float | None
    base: bool = False  # rates are base rates

    @property
    def sentence(self) -> str:
        """The verdict, in words."""
        theory = "" if self.theory is None else f" (theory: {self.theory:g})"
        which = "base rate" if self.base else "rate"
        said = self.found.sentence.replace("best rate", f"best {which}")
        return f"{self.found.verdict}: {said}{theory}"

    def _repr_html_(self) -> str:
        rows = rate_rows(self)
        return html.table(rows[0], rows[1:], self.sentence)


def transfer(
    sources: Path | str | Iterable[Path | str],
    *,
    columns: Mapping[str, str] | None = None,
    group_by: Sequence[str] = (),
    criterion: str | None = None,
    base_rate: bool = False,
    against: float | None = None,
) -> tuple[RateTable, ...]:
    """Tell whether the best learning rate depends on the depth, one table per experiment.

    `sources` are studies, folders of runs, or tables (.csv, .json, .parquet) whose columns depth,
    lr, seed, loss and steps have the names `columns`; `group_by` separates the experiments of a
    table. `criterion` is "loss" or "steps", `against` the exponent that theory expects (0).
    Raises Usage or Corrupt for tables that cannot be read, Impossible if no rates are compared.
    """
    places = [sources] if isinstance(sources, (str, Path)) else [*sources]
    found, manifests = list[RateTable](), dict[Path, Manifest]()
    for place in map(Path, places):
        if not place.exists():
            raise no_such(place, "file" if place.suffix else "folder")
        if place.is_dir():
            manifests |= _manifests(place)
            continue
        records = _records(place)
        found += _of_table(place, records, dict(columns or {}), group_by, criterion, against)
    if manifests:
        found += tables_of(manifests, criterion=criterion, base_rate=base_rate, against=against)
    if not found:
        where = ", ".join(map(str, places))
        raise Impossible(where, "no experiment has several rates", "give runs of several `lr`")
    return tuple(found)


def tables_of(
    manifests: Mapping[Path, Manifest],
    *,
    criterion: str | None = None,
    base_rate: bool | None = False,
    against: float | None = None,
    aside: Collection[Path] = (),
) -> list[RateTable]:
    """One table per set of runs with otherwise equal options and several rates.

    `base_rate` None: base rates if they differ from the rates used. Runs `aside` are left out.
    """
    found = []
    for label, runs in experiments(manifests, aside=("lr",)).items():
        cells = [cell_of(run, label, manifests[run]) for run in runs if run not in aside]
        options = manifests[runs[0]].options
        exponent = options.get("lr_depth_exponent") or 0.0
        base = bool(exponent) if base_rate is None else base_rate
        stops = any(manifests[run].options.get("stop_loss") is not None for run in runs)
        chosen = criterion or ("steps" if stops else "loss")
        rows = {}
        for cell in (cell for cell in cells if cell.outcome in ("finished", "diverged")):
            lr = cell.lr if base else cell.rate
            key = cell.depth, lr, cell.seed
            if key in rows:
                warnings.warn(f"{cell.run}: left out: it repeats another run", stacklevel=2)
                continue
            rows[key] = RateRow(*key, _value(cell, chosen), cell.outcome == "diverged")
        theory = None
        if options.get("augmentation") == "skip" and options.get("batch_size") is None:
            alpha = options.get("alpha")
            theory = None if alpha is None else 2 * alpha - 1 - (exponent if base else 0.0)
        shared = {n: v for n, v in options.items() if n not in ("depth", "seed", "lr")}
        if curves := _curves(rows.values()):
            answer = judged(curves, against or 0.0)
            found.append(RateTable(label, shared, chosen, answer, theory, base))
    return found


def _value(cell: CellRow, criterion: str) -> float:
    if cell.outcome == "diverged" or (criterion == "steps" and cell.reason in FAILED):
        return math.inf
    return float(cell.steps) if criterion == "steps" else cell.loss


def _curves(rows: Iterable[RateRow]) -> list[RateCurve]:
    """One curve per depth; none if there are fewer than two rates."""
    found, kept = [], [row for row in rows if not math.isnan(row.value)]
    if len({row.lr for row in kept}) < 2 and len({(r.depth, r.lr) for r in kept}) < 2:
        return []
    for depth in sorted({row.depth for row in kept}):
        here = [row for row in kept if row.depth == depth]
        rates, seeds = sorted({r.lr for r in here}), list(dict.fromkeys(r.seed for r in here))
        values = np.full((len(seeds), len(rates)), np.nan)
        diverged = np.zeros(values.shape, dtype=bool)
        for row in here:
            place = seeds.index(row.seed), rates.index(row.lr)
            values[place], diverged[place] = row.value, row.diverged
        found.append(RateCurve(depth, np.array(rates), tuple(seeds), values, diverged))
    return found if any(len(curve.rates) > 1 for curve in found) else []


def _manifests(folder: Path) -> dict[Path, Manifest]:
    found = {}
    for place in walk(folder, once=True):
        if place.name == MANIFEST:
            try:
                manifest = read_manifest(place.parent)
            except ResdepthError as error:
                warnings.warn(f"{error}: left out", stacklevel=3)
                continue
            if manifest.program == "train":
                found[place.parent] = manifest
    if not found:
        raise Impossible(folder, "no run in or under it", "give a study, runs, or a table")
    return dict(sorted(found.items(), key=lambda item: (item[1].seed, str(item[0]))))


def _records(path: Path) -> list[dict[str, Any]]:
    """The rows of a table as dictionaries."""
    kind = path.suffix.lower()
    if kind not in TABLES:
        raise Usage(path, "is neither a folder nor a table", f"tables end in {', '.join(TABLES)}")
    if kind == ".parquet":
        try:
            frame = import_module("pandas").read_parquet(path)
        except ImportError:
            remedy = "pip install pandas pyarrow, or export the table as .csv"
            raise System(path, "reading .parquet needs pandas and pyarrow", remedy) from None
        return list(frame.to_dict("records"))
    try:
        text = path.read_text(encoding="utf-8-sig")
        if kind == ".csv":
            rows = list(csv.DictReader(io.StringIO(text)))
        else:
            rows = json.loads(text or "[]")
            if isinstance(rows, dict):
                names = list(rows)
                rows = [
                    dict(zip(names, values, strict=True))
                    for values in zip(*rows.values(), strict=True)
                ]
    except (ValueError, TypeError, csv.Error) as error:
        raise Corrupt(path, f"cannot be read as a table: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Corrupt(path, "is not a list of objects, one per run")
    if not rows:
        raise Corrupt(path, "has no rows", "give a table with one row per run")
    return rows


def _of_table(
    path: Path,
    records: list[dict[str, Any]],
    columns: dict[str, str],
    group_by: Sequence[str],
    criterion: str | None,
    against: float | None,
) -> list[RateTable]:
    known = list(dict.fromkeys(name for row in records for name in row if name is not None))
    names = {key: columns.get(key, key) for key in READ}
    chosen = criterion or ("steps" if "steps" in columns and "loss" not in columns else "loss")
    required = ["depth", "lr", chosen, *(key for key in columns)]
    for name in [*(names[key] for key in required), *group_by]:
        if name not in known:
            field = "group_by" if name in group_by else "columns"
            listed = ", ".join(map(str, known[:12])) + (", …" if len(known) > 12 else "")
            remedy = f"it has {listed}; name one, as in `{field}`"
            raise Usage(path, f"has no column '{name}'", remedy)
    used = {names[key] for key in ("depth", "lr", "seed", chosen)} | {*group_by}
    if ignored := [str(name) for name in known if name not in used]:
        warnings.warn(f"{path}: ignored columns: {', '.join(ignored)}", stacklevel=3)
    sets: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for number, row in enumerate(records, start=2 if path.suffix.lower() == ".csv" else 1):
        label = ", ".join(f"{name} {row.get(name)}" for name in group_by)
        sets.setdefault(label, []).append((number, row))
    found = []
    for label, rows in in_order(sets).items():
        read = _rows(path, rows, names, chosen, ignored, seeded=names["seed"] in known)
        if curves := _curves(read):
            options = {name: rows[0][1].get(name) for name in group_by}
            answer = judged(curves, against or 0.0)
            found.append(RateTable(label, options, chosen, answer, None))
    return found


def _rows(
    path: Path,
    numbered: Sequence[tuple[int, dict[str, Any]]],
    names: Mapping[str, str],
    criterion: str,
    ignored: Sequence[str],
    *,
    seeded: bool,
) -> list[RateRow]:
    """The rows of one experiment; without a column of seeds, equal rows are repetitions."""
    found: dict[tuple[int, float, Any], tuple[int, RateRow]] = {}
    counts: dict[tuple[int, float], int] = {}
    empty = repeated = 0
    for number, row in numbered:
        depth, lr = (_number(path, number, names[key], row) for key in ("depth", "lr"))
        value = _number(path, number, names[criterion], row, infinite=True)
        if depth is None or lr is None or value is None:
            empty += 1
            continue
        if depth < 1 or depth != int(depth):
            raise Corrupt(path, f"row {number}: {names['depth']} is {depth:g}, not a depth")
        if lr <= 0:
            raise Corrupt(path, f"row {number}: {names['lr']} is {lr:g}, not a positive rate")
        place = int(depth), lr
        seed = str(row.get(names["seed"])) if seeded else counts.get(place, 0)
        counts[place] = counts.get(place, 0) + 1
        one = RateRow(*place, seed, value, not math.isfinite(value))
        first, before = found.setdefault((*place, seed), (number, one))
        if before is not one:
            if before.value != value:
                reason = f"rows {first} and {number} have the same depth, rate and seed"
                remedy = "name the columns that separate experiments in `group_by`"
                if ignored:
                    remedy += f": {', '.join(ignored[:8])}"
                raise Usage(path, reason, remedy)
            repeated += 1
    if empty:
        warnings.warn(f"{path}: {empty} rows without depth, rate or {criterion}", stacklevel=4)
    if repeated:
        warnings.warn(f"{path}: {repeated} rows repeat others: left out", stacklevel=4)
    return [row for _, row in found.values()]


def _number(
    path: Path, number: int, name: str, row: Mapping[str, Any], *, infinite: bool = False
) -> float | None:
    """A cell as a number, None if it is empty; NaN counts as infinite if `infinite`."""
    cell = row.get(name)
    if cell is None or str(cell).strip() == "":
        return None
    word = str(cell).strip().lower()
    if word in NOT_FINITE:
        return math.inf if infinite else None
    try:
        return float(word)
    except ValueError:
        remedy = "correct or delete the row"
        raise Corrupt(path, f"row {number}: {name} is '{cell}', not a number", remedy) from None


def rate_rows(table: RateTable) -> list[list[str]]:
    """One row per depth: best rate tried and fitted, largest stable rate, criterion at both."""
    which, first = table.criterion, table.found.depths[0].curve.depth
    head = ["L", "best tried", "best rate", "stable up to", which, f"{which} at L = {first}'s rate"]
    rows = [head]
    for one in table.found.depths:
        numbers = [f"{one.curve.stable:.4g}", f"{one.loss:.4g}", _lost(one.transferred_loss)]
        shown = f"{one.tried:.4g}"
        rows.append([str(one.curve.depth), shown, best_text(one.best, one.censored), *numbers])
    return [[cell.replace("nan", "-") for cell in row] for row in rows]


def best_text(best: Interval, censored: str) -> str:
    """A best rate with its interval; <= or >= if it lies at the end of the grid."""
    if censored:
        return f"{'<=' if censored == 'low' else '>='} {best.value:.4g}"
    bounds = f" [{best.low:.3g}, {best.high:.3g}]" if best.known else ""
    return f"{best.value:.3g}{bounds}"


def _lost(value: float) -> str:
    return "diverges" if math.isinf(value) else "not tried" if math.isnan(value) else f"{value:.4g}"


def sentences(table: RateTable) -> list[str]:
    """The verdict, the power law of the largest stable rate, and what the grid hides."""
    found = table.found
    said = [table.sentence]
    if math.isfinite(found.stable_exponent.value):
        said.append(f"the largest stable rate goes like L^{found.stable_exponent}")
    if found.law.bends:
        said.append(f"the exponent bends ({found.law.bend}): it has not settled")
    if ends := [str(one.curve.depth) for one in found.depths if one.censored]:
        said.append(
            f"at L = {', '.join(ends)} the best rate is the smallest or the largest that was "
            "tried: there may be a better one beyond it, so the exponent omits these depths"
        )
    if failed := [str(one.curve.depth) for one in found.depths if math.isnan(one.tried)]:
        said.append(f"at L = {', '.join(failed)} runs failed at every rate")
    return said


def transfer_numbers(tables: Iterable[RateTable]) -> dict[str, Any]:
    """The tables as they are printed in JSON."""
    return {"experiments": [_numbers(table) for table in tables]}


def _numbers(table: RateTable) -> dict[str, Any]:
    found = table.found
    return {
        "options": table.options,
        "criterion": table.criterion,
        "verdict": found.verdict,
        "sentence": table.sentence,
        "exponent": found.exponent,
        "stable_exponent": found.stable_exponent,
        "theory": table.theory,
        "depths": [
            {
                "depth": one.curve.depth,
                "best": one.best,
                "censored": one.censored or None,
                "stable": one.curve.stable,
                "loss": one.loss,
                "transferred_loss": one.transferred_loss,
                "spread": one.spread,
            }
            for one in found.depths
        ],
    }


def of_options(options: TransferOptions) -> tuple[RateTable, ...]:
    """The tables that the options of the command describe."""
    return transfer(
        options.sources,
        columns=options.named,
        group_by=options.groups,
        criterion=options.criterion,
        base_rate=options.base_rate,
        against=options.against,
    )
