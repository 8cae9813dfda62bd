"""The pages of reports: verdicts, tables and figures of all experiments in one file."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from matplotlib.figure import Figure

from resdepth.analysis import limit, scaling
from resdepth.analysis.curvatures import VALUES, HessianTable
from resdepth.analysis.fits import FITTED, DepthFits
from resdepth.analysis.rate_tables import RateTable, rate_rows, sentences
from resdepth.analysis.report import ExperimentReport, PathTables, Report
from resdepth.analysis.scores import SCORES, ScoreTable, mean_rows, shown_score
from resdepth.atomic import write_text
from resdepth.figures import depth_plots, limit_plots, page, path_plots, style
from resdepth.figures.decay import draw_decays
from resdepth.figures.transfer_plots import draw_transfer
from resdepth.mathematics.interval import Interval
from resdepth.runs.provenance import Provenance

T = TypeVar("T")
TITLES = dict(zip(VALUES, ("lambda_1", "rate x lambda_1", "tr H", "tr GN"), strict=True))


def write_page(report: Report, out: Path, provenance: Provenance | None = None) -> list[Path]:
    """Write the page `out`, and its figures as PDF in a folder of the same name.

    Returns the paths of all files, the page first. Raises System: the operating system refused.
    """
    gallery = _Gallery(out.with_suffix(""), provenance)
    parts = [page.heading("Does the learning rate transfer?")] if report.rates else []
    for table in gallery.numbered(report.rates):
        parts += _rates(table, gallery)
    for one in gallery.numbered(report.experiments):
        parts += _experiment(one, gallery)
    if report.next_steps:
        steps = [["purpose", "command"], *map(list, report.next_steps)]
        parts += [page.heading("What to do next"), page.table(steps)]
    parts += [*_cells(report), page.heading("Definitions"), page.meanings()]
    parts += _origin(report, provenance)
    write_text(out, page.page(f"Study {report.folder.resolve().name}", parts, provenance))
    return [out, *gallery.written]


@dataclass
class _Gallery:
    """The figures of a page as PDF in `folder`; if there are several sets, files are numbered."""

    folder: Path
    provenance: Provenance | None
    written: list[Path] = field(default_factory=list)
    prefix: str = ""

    def numbered(self, sets: Sequence[T]) -> Iterator[T]:
        """Yield the sets whose figures are drawn, one after another."""
        for number, one in enumerate(sets, start=1):
            self.prefix = f"{number}-" if len(sets) > 1 else ""
            yield one

    def draw(
        self, name: str, word: str, columns: int, draw: Callable[[Any, int], Figure], table: Any,
        caption: str,
    ) -> str:  # fmt: skip
        """Draw and save a figure; return the HTML that shows it and leads to its `word`."""
        wide = draw(table, columns)
        self.written.append(self.folder / f"{self.prefix}{name}.pdf")
        style.save(wide, self.written[-1], self.provenance)
        return page.picture(wide, wide if columns == 1 else draw(table, 1), caption, word)


def _experiment(one: ExperimentReport, gallery: _Gallery) -> Iterator[str]:
    if one.label:
        yield page.heading(one.label)
    verdict, *cautions = scaling.verdict_lines(one.scaling, one.cautions)
    yield page.paragraph(verdict, "verdict")
    if one.limit is not None:
        yield from (page.paragraph(text, "verdict") for text in limit.sentences(one.limit))
    yield from (page.paragraph(text, "caution") for text in cautions)
    if one.scaling is None or one.paths is None:
        return
    yield page.heading("Exponents", 3)
    yield page.table(scaling.exponent_rows(one.scaling))
    yield from map(page.paragraph, scaling.notes(one.scaling))
    yield page.heading("Statistics, mean over the seeds", 3)
    yield page.table(scaling.mean_rows(one.scaling))
    caption = "Statistics against the depth: one dot per seed, 95 % band of the mean, power law"
    yield gallery.draw("scaling", "beta", 2, depth_plots.draw_scaling, one.scaling, caption)
    if one.limit is not None:
        yield page.heading("Limit, seed by seed", 3)
        yield from _limit(one.limit, gallery)
    if one.doubling is not None:
        yield page.paragraph(one.doubling.sentence)
        caption = (
            f"Relative distance between the paths at L and 2L, scaled by L^{one.doubling.beta:.2g}:"
            " one dot per seed, the mean with its 95 % interval, the power law"
        )
        draw = depth_plots.draw_doubling
        yield gallery.draw("doubling", "distance", 1, draw, one.doubling, caption)
    yield page.heading("Paths", 3)
    yield from _paths(one.paths, one.beta, gallery)
    yield page.heading("Training", 3)
    rows = [["L", "cells", "used", "rate", "steps", "loss", "seconds"]]
    for row in one.depths:
        means = map(_digits, (row.rate, row.steps, row.loss, row.seconds))
        rows.append([str(row.depth), str(row.cells), str(row.counted), *means])
    yield page.table(rows)
    if one.decays:
        yield from _decays(one.decays, gallery)
    if one.curvature is not None:
        yield page.heading("Curvature", 3)
        yield from _curvature(one.curvature, gallery)


def _limit(found: limit.LimitTable, gallery: _Gallery) -> Iterator[str]:
    yield page.table(limit.seed_rows(found))
    if found.function is not None:
        yield page.table(limit.function_rows(found.function))
        yield page.table(limit.change_rows(found.function))
        caption = (
            "Relative change of the last hidden state under each intervention, and its distance "
            "from L to 2L: one line per seed; dashed: slopes of theory"
        )
        draw = limit_plots.draw_limit
        yield gallery.draw("limit", "output change", 2, draw, found.function, caption)


def _paths(tables: PathTables, beta: float, gallery: _Gallery) -> Iterator[str]:
    draw, path = gallery.draw, f"L^{beta:g} A_k" if beta else "A_k"
    caption = f"Norms of the layers, |{path}|, against k/L"
    yield draw("norms", "norms", 1, path_plots.draw_norms, tables.norms, caption)
    caption = f"p-variation norm of k -> {path} against p"
    yield draw("profile", "profile", 1, path_plots.draw_profile, tables.profile, caption)
    if tables.growth is not None:
        caption = "Power of L with which the p-variation norm grows, with its 95 % interval"
        yield draw("growth", "growth", 1, path_plots.draw_growth, tables.growth, caption)
    caption = f"Single entries of {path}: {path_plots.entries_drawn(tables.entries)}"
    yield draw("entries", "entries", 2, path_plots.draw_entries, tables.entries, caption)
    caption = f"Trend and noise of one entry at L = {tables.trend.depth}"
    yield draw("trend", "trend", 2, path_plots.draw_trend, tables.trend, caption)


def _decays(groups: Sequence[DepthFits], gallery: _Gallery) -> Iterator[str]:
    rows = [["L", "identified", *FITTED]]
    for group in groups:
        means = [_interval(getattr(group, name)) for name in FITTED]
        rows.append([str(group.depth), f"{group.identified} of {len(group.fits)}", *means])
    yield page.table(rows)
    if reasons := sorted({c.fit.reason for g in groups for c in g.fits if not c.fit.identified}):
        yield page.paragraph(f"fits that are not identified: {'; '.join(reasons)}")
    caption = (
        "Omega during training: median and range over the seeds of each depth, at the steps that "
        "all of them recorded; exponent of its power law, one dot per seed whose fit is "
        "identified, mean with its 95 % interval"
    )
    yield gallery.draw("omega", "Omega", 2, draw_decays, groups, caption)


def _curvature(table: HessianTable, gallery: _Gallery) -> Iterator[str]:
    rows = [["", "slope in L", *(f"L = {depth}" for depth in table.depths)]]
    for name, title in TITLES.items():
        means = [column[column == column].mean() for column in table.values(name).T]
        law = table.laws[name].exponent
        rows.append([title, "-" if law.value != law.value else str(law), *map(_digits, means)])
    yield page.table(rows)
    caption = (
        "Curvature of the training loss at the end of training, one dot per seed: largest "
        "eigenvalue of the Hessian, this eigenvalue times the learning rate (stable below 2), and "
        "the traces"
    )
    yield gallery.draw("curvature", "lambda_1", 2, depth_plots.draw_curvature, table, caption)


def _rates(table: RateTable, gallery: _Gallery) -> Iterator[str]:
    if table.label:
        yield page.heading(table.label, 3)
    verdict, *notes = sentences(table)
    yield page.paragraph(verdict, "verdict")
    yield from map(page.paragraph, notes)
    yield page.table(rate_rows(table))
    what = "Steps to the loss at which training stops" if table.criterion == "steps" else "Loss"
    caption = (
        f"{what} against the rate with the fitted bowls; the best rate against the depth with its "
        "power law (dashed: theory); the same at the best rate and at the shallowest depth's"
    )
    yield gallery.draw("rates", "best tried", 2, draw_transfer, table, caption)


def _cells(report: Report) -> Iterator[str]:
    """What every run did, the excluded ones first."""
    rows = [["cell", "L", "seed", "rate", "outcome", "steps", "loss", "seconds"]]
    left = [["excluded", "why"]]
    for row in report.cells:
        name = str(row.run.relative_to(report.folder))
        ended = [row.outcome, str(row.steps), _digits(row.loss), _digits(row.seconds, 3)]
        rows.append([name, str(row.depth), str(row.seed), _digits(row.rate), *ended])
        left += [[name, row.why]] if row.why else []
    yield page.heading("Cells")
    yield page.paragraph(f"{len(report.cells)} cells, {len(left) - 1} of them excluded")
    if len(left) > 1:
        yield page.table(left)
    yield page.table(rows)


def _origin(report: Report, provenance: Provenance | None) -> Iterator[str]:
    yield page.heading("Provenance")
    seconds = sum(row.seconds for row in report.cells if row.seconds == row.seconds)
    yield page.paragraph(f"{seconds:.4g} seconds of training on {report.platform}")
    if provenance is not None:
        yield page.folded("Command of this report", shlex.join(provenance.command))
    yield page.folded("Command of the newest run", report.command)
    if report.plan:
        yield page.folded("Plan (study.yaml)", report.plan)
    versions = "\n".join(f"{name} {version}" for name, version in report.versions.items())
    yield page.folded("Versions", versions)


def _digits(value: float, digits: int = 4) -> str:
    return "-" if value != value else f"{value:.{digits}g}"


def _interval(found: Interval) -> str:
    bounds = f" [{found.low:.3g}, {found.high:.3g}]" if found.known else ""
    return _digits(found.value, 3) + bounds


def write_scores(scores: ScoreTable, out: Path, title: str, provenance: Provenance) -> list[Path]:
    """Write the page of a study of `resnet-cifar`, and return its path in a list."""
    rows = [[*scores.cells[0]["values"], "outcome", "test accuracy", "top 2", "test loss", ""]]
    for cell in scores.cells:
        shown = [shown_score(name, cell[name]) for name in SCORES]
        rows.append([*map(str, cell["values"].values()), cell["state"], *shown, cell["why"]])
    means = page.heading("Means over the finished seeds, with standard deviation")
    command = page.folded("Command of this report", shlex.join(provenance.command))
    parts = [means, page.table(mean_rows(scores)), page.heading("Cells"), page.table(rows), command]
    write_text(out, page.page(title, parts, provenance))
    return [out]
