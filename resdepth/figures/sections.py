"""The sections of a report: what is said of each experiment, of the cells, of their origin."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from resdepth.analysis.answer import exponent_rows, mean_rows, notes, verdict_lines
from resdepth.analysis.cells import CellRow, by_depth
from resdepth.analysis.curvatures import VALUES, CurvatureTable
from resdepth.analysis.decays import DepthFits
from resdepth.analysis.next_steps import next_steps as commands
from resdepth.analysis.rates import RateTable, rate_rows, transfer
from resdepth.analysis.scaling import ScalingTable
from resdepth.analysis.study import Experiment, Study
from resdepth.figures import page
from resdepth.mathematics.interval import Interval
from resdepth.runs.provenance import Provenance

TITLES = dict(zip(VALUES, ("lambda_1", "rate x lambda_1", "tr H", "tr GN"), strict=True))


def answer(one: Experiment, shown: Mapping[str, str]) -> Iterator[str]:
    """Verdict, tables and figures of an experiment; `shown` are its figures by name, as HTML."""
    if one.label:
        yield page.heading(one.label)
    verdict, *cautions = verdict_lines(one.scaling, one.cautions)
    yield page.paragraph(verdict, "verdict")
    yield from (page.paragraph(text, "caution") for text in cautions)
    if one.scaling is None:
        return
    yield from _exponents(one.scaling)
    yield shown["scaling"]
    if one.doubling is not None:
        yield page.paragraph(one.doubling.told)
        yield shown["doubling"]
    yield page.heading("Paths", 3)
    yield from (shown[name] for name in ("norms", "profile", "growth", "entries", "trend")
                if name in shown)  # fmt: skip
    yield page.heading("Training", 3)
    yield _training(one.cells)
    if one.decays:
        yield from _decays(one.decays)
        yield shown["omega"]
    if one.curvature is not None:
        yield page.heading("Curvature", 3)
        yield _curvature(one.curvature)
        yield shown["curvature"]


def _exponents(scaling: ScalingTable) -> Iterator[str]:
    yield page.heading("Exponents", 3)
    yield page.table(exponent_rows(scaling))
    yield from map(page.paragraph, notes(scaling))
    yield page.heading("Statistics, mean over the seeds", 3)
    yield page.table(mean_rows(scaling))


def _training(cells: Sequence[CellRow]) -> str:
    """Final losses by depth, and how many cells they are of."""
    rows = [["L", "cells", "counts", "rate", "steps", "loss", "seconds"]]
    for row in by_depth(cells):
        means = [_digits(value) for value in (row.rate, row.steps, row.loss, row.seconds)]
        rows.append([str(row.depth), str(row.cells), str(row.counted), *means])
    return page.table(rows)


def _decays(groups: Sequence[DepthFits]) -> Iterator[str]:
    rows = [["L", "identified", "C", "T0", "rho"]]
    for group in groups:
        means = [_interval(mean) for mean in (group.C, group.T0, group.rho)]
        rows.append([str(group.depth), f"{group.identified} of {len(group.fits)}", *means])
    yield page.table(rows)
    reasons = sorted({c.fit.reason for g in groups for c in g.fits if not c.fit.identified})
    if reasons:
        yield page.paragraph(f"fits that are not identified: {'; '.join(reasons)}")


def _curvature(table: CurvatureTable) -> str:
    rows = [["", "slope in L", *(f"L = {depth}" for depth in table.depths)]]
    for name, title in TITLES.items():
        values = table.values(name)
        means = [column[column == column].mean() for column in values.T]
        law = table.laws[name].exponent
        rows.append([title, "-" if law.value != law.value else str(law), *map(_digits, means)])
    return page.table(rows)


def rates(table: RateTable, shown: Iterable[str]) -> Iterator[str]:
    """Whether the rate of runs that differ in nothing else but seed and depth transfers."""
    if table.label:
        yield page.heading(table.label, 3)
    yield from map(page.paragraph, transfer(table.curves))
    yield page.table(rate_rows(table.curves))
    yield from shown


def next_steps(study: Study) -> Iterator[str]:
    """The commands that follow the advice of the page."""
    if steps := list(commands(study)):
        yield page.heading("What to do next")
        yield page.table([["purpose", "command"], *map(list, steps)])


def cells(study: Study) -> Iterator[str]:
    """What every run did, first those that are excluded."""
    left = [row for row in study.cells if row.why]
    yield page.heading("Cells")
    yield page.paragraph(f"{len(study.cells)} cells, {len(left)} of them excluded")
    if left:
        rows = [[_place(study, row), row.why] for row in left]
        yield page.table([["excluded", "why"], *rows])
    heads = ["cell", "L", "seed", "rate", "outcome", "steps", "loss", "seconds"]
    yield page.table([heads, *(_line(study, row) for row in study.cells)])


def origin(study: Study, provenance: Provenance | None = None) -> Iterator[str]:
    """Time, machine, commands, plan and versions."""
    yield page.heading("Where this is from")
    seconds = sum(row.seconds for row in study.cells if row.seconds == row.seconds)
    yield page.paragraph(f"{seconds:.4g} seconds of training on {study.platform}")
    if provenance is not None:
        yield page.folded("Command of this report", shlex.join(provenance.command))
    yield page.folded("Command of the newest run", study.command)
    if study.plan:
        yield page.folded("Plan (study.yaml)", study.plan)
    versions = "\n".join(f"{name} {version}" for name, version in study.versions.items())
    yield page.folded("Versions", versions)


def _place(study: Study, row: CellRow) -> str:
    return str(row.run.relative_to(study.folder))


def _line(study: Study, row: CellRow) -> list[str]:
    numbers = [f"{row.depth}", f"{row.seed}", _digits(row.rate), row.outcome, f"{row.steps}"]
    return [_place(study, row), *numbers, _digits(row.loss), _digits(row.seconds, 3)]


def _digits(value: float, digits: int = 4) -> str:
    return "-" if value != value else f"{value:.{digits}g}"


def _interval(found: Interval) -> str:
    bounds = f" [{found.low:.3g}, {found.high:.3g}]" if found.known else ""
    return "-" if found.value != found.value else f"{found.value:.3g}{bounds}"
