"""The report on a folder of runs: a page that needs nothing else, its numbers, its figures."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from resdepth.analysis.answer import exponent_rows, mean_rows, notes, sentences
from resdepth.analysis.entries import entry_table
from resdepth.analysis.paths import norm_table, profile_table, variation_table
from resdepth.analysis.scaling import ScalingTable
from resdepth.analysis.study import (
    CellRow,
    Experiment,
    Study,
    rate_curves,
    read_study,
    study_numbers,
)
from resdepth.atomic import write_text
from resdepth.figures import page, style
from resdepth.figures.paths import draw_entries, draw_norms, draw_profile
from resdepth.figures.scaling import draw_scaling
from resdepth.figures.study import draw_growth, draw_rates, draw_trend
from resdepth.mathematics.statistics import STATISTICS
from resdepth.records import plain, write_numbers

GRID = tuple(float(p) for p in np.linspace(1.0, 4.0, 13))
"""Exponents p that p-variation norms are drawn at."""
Picture = tuple[str, str, int, Callable[[int], Figure]]
"""Name of the file, caption, columns, and what draws it."""

WORDS = (
    ("A_k", "the weights of layer k as they are, unscaled; n_k is their Frobenius norm"),
    ("RMS, M, R", "root mean square of n_k, the largest, root of the sum of squares"),
    ("I", "largest increment, the maximum over k of |A_(k+1) - A_k|"),
    ("V1, P2", "1- and 2-variation norm of k -> A_k"),
    ("PR", "participation ratio (sum n^2)^2 / (L sum n^4): 1/L where one layer carries all"),
    ("NOISE", "(mean |third difference of A|^2 / 20)^(1/2): size of what is rough"),
    ("H", "Hurst exponent of the sums A_0 + ... + A_(k-1): 1/2 for independent layers"),
    ("beta, nu", "minus the slope of log RMS, log NOISE on log L"),
    ("q1, q2, irel, pr", "slopes of V1/RMS, P2/RMS, I/RMS and PR; q1 is 1 for white layers, 0 for "
     "smooth ones"),
    ("variation_norm", "slope of L^beta' P2 with beta' = 1 - alpha: is it bounded?"),
    ("interval", "95 % by Student's t, the wider of that over the seeds' own slopes and that of "
     "the regression through the depths"),
    ("bend", "quadratic coefficient of log on log times the range of log L; marked ! where its "
     "interval excludes 0: the exponent has not settled"),
    ("H1, H2", "limits of Cohen, Cont, Rossier & Xu (2021): A_k = L^(-beta) Abar(k/L) with a "
     "smooth Abar; noise of size L^(-1/2), independent from layer to layer, beside such a trend"),
    ("alpha + nu", "noise moves the hidden state in the limit where it is at most 1/2"),
)  # fmt: skip


def write_report(folder: Path, out: Path) -> list[Path]:
    """Report on the runs in or under `folder`; returns what was written.

    `out` is the page (report.html); beside it lie the numbers (.json, and .csv with a line a cell)
    and in a folder of its name the figures as PDF. A study that is not finished is reported on as
    far as it is.

    Raises
    ------
    AnalysisImpossible
        There is no run of `train`.
    WriteFailed
        The operating system refused.
    """
    study = read_study(folder)
    pictures = {one.label: list(_pictures(one)) for one in study.experiments}
    rates = list(_rates(study))
    figures = []
    for number, drawn in enumerate([rates, *pictures.values()]):
        start = f"{number}-" if number and len(pictures) > 1 else ""
        for name, _, columns, draw in drawn:
            figures.append(out.with_suffix("") / f"{start}{name}.pdf")
            style.save(draw(columns), figures[-1])
    parts = [*_answer(study, pictures), *map(_shown, rates), *_cells(study), *_origin(study)]
    write_text(out, page.page(f"Study {folder.resolve().name}", parts))
    numbers = write_numbers(out.with_suffix(".json"), study_numbers(study))
    table = out.with_suffix(".csv")
    write_text(table, _csv(study))
    return [out, numbers, table, *figures]


def _pictures(one: Experiment) -> Iterator[Picture]:
    """The figures of one experiment, drawn when they are called."""
    models, beta, scaling = one.models, one.beta, one.scaling
    if scaling is None:
        return
    yield (
        "scaling",
        "Statistics against the depth: a dot a seed, the 95 % band of the mean, the power law",
        2,
        lambda columns: draw_scaling(scaling, columns),
    )
    norms, profile = norm_table(models, beta), profile_table(models, beta, GRID)
    yield (
        "norms",
        "Norms of the layers, L^beta |A_k|",
        1,
        lambda columns: draw_norms(norms, columns),
    )
    yield (
        "profile",
        "p-variation norm of k -> L^beta A_k against p",
        1,
        lambda columns: draw_profile(profile, columns),
    )
    if len(scaling.depths) > 1:
        growth = variation_table(models, beta, GRID)
        yield (
            "growth",
            "The power of L that the p-variation norm follows, against p, with its 95 % interval",
            1,
            lambda columns: draw_growth(growth, columns),
        )
    entries = entry_table(models, beta)
    yield (
        "entries",
        "Single entries of L^beta A_k",
        2,
        lambda columns: draw_entries(entries, columns),
    )
    deepest = models[-1]
    yield (
        "trend",
        f"Trend (mean over a tenth of the depth) and noise of an entry at L = {deepest.depth}",
        2,
        lambda columns: draw_trend(deepest, beta, columns),
    )


def _rates(study: Study) -> Iterator[Picture]:
    if curves := rate_curves(study.cells):
        caption = "Final loss against the rate, and the best rate against the depth"
        yield "rates", caption, 2, lambda columns: draw_rates(curves, columns)


def _shown(picture: Picture) -> str:
    _, caption, columns, draw = picture
    return page.picture(draw, caption, columns)


def _answer(study: Study, pictures: dict[str, list[Picture]]) -> Iterator[str]:
    """Verdict, exponents and figures of every experiment."""
    for one in study.experiments:
        if one.label:
            yield page.heading(one.label)
        if one.scaling is None:
            yield page.paragraph("no answer yet: none of its cells counts", "verdict")
        else:
            verdict, *cautions = sentences(one.scaling)
            yield page.paragraph(verdict, "verdict")
            yield from (page.paragraph(text, "caution") for text in cautions)
        yield from (page.paragraph(text, "caution") for text in one.cautions)
        yield page.definitions("What the words mean", WORDS)
        if one.scaling is not None:
            yield from _tables(one.scaling)
        yield from map(_shown, pictures[one.label])


def _tables(scaling: ScalingTable) -> Iterator[str]:
    yield page.heading("Exponents", 3)
    yield page.table(exponent_rows(scaling))
    yield from map(page.paragraph, notes(scaling))
    yield page.heading("Statistics, mean over the seeds", 3)
    yield page.table(mean_rows(scaling))


def _cells(study: Study) -> Iterator[str]:
    """What every run did, first those that do not count."""
    left = [row for row in study.cells if row.why]
    yield page.heading("Cells")
    yield page.paragraph(f"{len(study.cells)} cells, {len(study.cells) - len(left)} of them count")
    if left:
        rows = [[_place(study, row), row.why] for row in left]
        yield page.table([["does not count", "why"], *rows])
    heads = ["cell", "L", "seed", "rate", "outcome", "steps", "loss", "seconds"]
    yield page.table([heads, *(_line(study, row) for row in study.cells)])


def _place(study: Study, row: CellRow) -> str:
    return str(row.run.relative_to(study.folder))


def _line(study: Study, row: CellRow) -> list[str]:
    numbers = [f"{row.depth}", f"{row.seed}", f"{row.lr:g}", row.outcome, f"{row.steps}"]
    return [_place(study, row), *numbers, f"{row.loss:.4g}", f"{row.seconds:.3g}"]


def _origin(study: Study) -> Iterator[str]:
    yield page.heading("Where this is from")
    seconds = sum(row.seconds for row in study.cells if row.seconds == row.seconds)
    yield page.paragraph(f"{seconds:.4g} seconds of training on {study.platform}")
    yield page.folded("Command of the newest run", study.command)
    if study.plan:
        yield page.folded("Plan (study.yaml)", study.plan)
    versions = "\n".join(f"{name} {version}" for name, version in study.versions.items())
    yield page.folded("Versions", versions)


def _csv(study: Study) -> str:
    """A line a cell: what it was, how it ended, and the statistics of those that count."""
    found = {
        (one.label, cell.statistics.depth, cell.seed): asdict(cell.statistics)
        for one in study.experiments
        if one.scaling is not None
        for cell in one.scaling.cells
    }
    fields = list(asdict(study.cells[0]))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*fields, *STATISTICS], lineterminator="\n")
    writer.writeheader()
    for row in study.cells:
        known = {} if row.why else found.get((row.experiment, row.depth, row.seed), {})
        statistics = {name: known.get(name) for name in STATISTICS}
        writer.writerow(plain(asdict(row) | statistics))
    return stream.getvalue()
