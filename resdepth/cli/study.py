"""`resdepth study`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resdepth.atomic import check_writable
from resdepth.cli import console, signals
from resdepth.cli.console import aligned
from resdepth.cli.parameters import command, command_line
from resdepth.cli.picture import Draw, finish, origin_of
from resdepth.cli.spelling import spell
from resdepth.errors import ResdepthError, Usage
from resdepth.options.base import Options
from resdepth.options.study import (
    ReportInvocation,
    RetryInvocation,
    StatusInvocation,
    StudyInvocation,
    StudyOptions,
)

if TYPE_CHECKING:
    from resdepth.analysis.report import Report
    from resdepth.analysis.study_runs import Study
    from resdepth.runs.provenance import Provenance


@command("study run", StudyOptions)
def run(options: Options, call: StudyInvocation) -> int:
    """Train one experiment at many depths and seeds: create a study, resume it or extend it.

    Most options of train (with --program resnet-cifar: of resnet-cifar) take several values, as in
    --depth 16,32,64 or 16:1024:x2 or 16:128:16 and --seed 0:5. Each option with several values is
    an axis; each combination of values is a cell. The folder holds the plan
    (study.yaml) and one run per cell in cells/. An existing study is resumed: cells that are
    neither finished nor running are trained. You can add depths and seeds, raise --epochs, and add
    learning rates if there are several already; any other change needs a new study.
    """
    words = options.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if not call.dry_run:
        return _train(call, call.study, words, retry=False)
    from resdepth.studies.actions import planned, previewed
    from resdepth.studies.record import settings_of

    settings = settings_of(call.study, call.settings)
    plan, _ = planned(call.study, words, command_line(), settings)
    print(previewed(plan, settings))
    return 0


@command("study probe")
def probe(call: StatusInvocation) -> None:
    """Find the learning rate of a study with --lr auto, and write it into its plan.

    'study run' does this itself: in its own process if it trains the cells on this machine,
    otherwise in a separate job that the cells wait for.
    """
    with signals.deferred():
        from resdepth.studies.actions import found_rate

    console.route_warnings()
    plan = found_rate(call.study, partial(console.say, quiet=call.quiet))
    rates = [{**one.where, "depth": one.depth, "lr": one.lr} for one in plan.probes]
    if call.json_:
        from resdepth.records import as_json

        print(as_json({"study": call.study, "rates": rates}))


@command("study retry")
def retry(call: RetryInvocation) -> int:
    """Resume a study, and train failed cells again."""
    from resdepth.studies.record import read_plan

    read_plan(call.study)
    return _train(call, call.study, {}, retry=True)


@command("study status")
def status(call: StatusInvocation) -> None:
    """Show the state of each cell of a study, as far as its folder shows.

    A cell is queued, running, finished, stopped (interrupted or cancelled), diverged or failed.
    """
    from resdepth.studies.record import read_plan
    from resdepth.studies.state import table

    _show(call.study, table(read_plan(call.study)), as_json=call.json_)


@command("study cancel")
def cancel(call: StatusInvocation) -> None:
    """Stop the running cells of a study, each with a checkpoint, and keep the others from starting.

    'study run' resumes them.
    """
    with signals.deferred():
        from resdepth.studies.actions import cancelled

    _show(call.study, cancelled(call.study), as_json=call.json_)


@command("study report")
def report(call: ReportInvocation) -> None:
    """Write a report on a study: one page that works offline, its numbers and its figures.

    Unfinished studies and any other folder of runs are accepted too; the report names the cells
    that it excludes. --spectrum adds the curvature of the loss at the weights of every run, which
    costs some hundred gradients per run. The report on a study of resnet-cifar has tables of
    outcomes, accuracies and losses.
    """
    from resdepth.studies.record import NAME, read_plan

    out = call.page
    check_writable(out, out.with_suffix(".json"), out.with_suffix(".csv"))
    scored = (call.study / NAME).is_file() and read_plan(call.study).program != "train"
    draw, numbers, text, table, origin = (_scores if scored else _limits)(call, out)
    finish(draw, numbers, out, origin, call, text=text, table=table)


RECORDED = ("study", "out", "spectrum", "interventions")
"""Options of a report that its files name."""
Found = tuple[Draw, Any, str, str, "Provenance"]
"""How to write the page, its numbers, its text, its table, and where they come from."""


def _limits(call: ReportInvocation, out: Path) -> Found:
    """The report on a study of `train`, or on any folder of runs."""
    check_writable(out.with_suffix("") / "scaling.pdf")
    with signals.deferred():
        from resdepth.analysis.report import report_csv, report_numbers, report_on
        from resdepth.analysis.study_runs import read_study
        from resdepth.figures.report_page import write_page

    console.route_warnings()
    study = read_study(call.study)
    found = report_on(study, _hessians(study, call), _changes(study, call))
    origin = origin_of(call.recorded(RECORDED), found.files)
    draw = partial(write_page, found, out, origin)
    return draw, report_numbers(found), "\n".join(_answers(found)), report_csv(found), origin


def _hessians(study: "Study", call: ReportInvocation) -> "dict[Path, Path]":
    """Write the spectrum of every run that counts, if it was requested; the file by the run.

    A run for which it cannot be computed is left out with a warning.
    """
    if call.curvature is None:
        return {}
    from resdepth.probing.hessian import write
    from resdepth.runs.run import Run

    files = {}
    for cell in (cell for one in study.experiments for cell in one.counted):
        place = call.page.with_suffix("") / "hessian" / cell.run.relative_to(study.folder)
        path = place.with_name(f"{place.name}.json")
        announce = partial(console.say_cost, cell.run, quiet=call.quiet)
        try:
            write(Run(cell.run), call.curvature, path, command_line(), announce)
        except ResdepthError as error:
            console.warn(f"{cell.run}: {error}; left out of the curvature")
            continue
        files[cell.run] = path
    return files


def _changes(study: "Study", call: ReportInvocation) -> "dict[str, Path]":
    """Write the output changes of every experiment unless they are unwanted; the file by label.

    An experiment for which they cannot be computed is left out with a warning.
    """
    if not call.interventions:
        return {}
    from resdepth.probing.output_changes import PASSES, write
    from resdepth.runs.run import Run

    files = {}
    for number, one in enumerate((e for e in study.experiments if e.counted), start=1):
        path = call.page.with_suffix("") / f"interventions-{number}.json"
        runs = [Run(cell.run) for cell in one.counted]

        def announce(layers: int, count: int = len(runs)) -> None:
            cost = f"{PASSES} forward passes of {count} networks with {layers} layers in all"
            console.say(f"interventions: {cost}", quiet=call.quiet)

        try:
            write(runs, path, command_line(), announce)
        except ResdepthError as error:
            console.warn(f"{error}; the report has no interventions")
            continue
        files[one.label] = path
    return files


def _scores(call: ReportInvocation, out: Path) -> Found:
    """The report on a study of `resnet-cifar`."""
    if call.spectrum:
        raise Usage("spectrum", "is not available for resnet-cifar", "leave it out")
    with signals.deferred():
        from resdepth.analysis.scores import mean_rows, read_scores, scores_csv
        from resdepth.figures.report_page import write_scores

    scores, files = read_scores(call.study)
    origin = origin_of(call.recorded(RECORDED), files)
    draw = partial(write_scores, scores, out, f"Study {call.study.resolve().name}", origin)
    return draw, scores, aligned(mean_rows(scores)), scores_csv(scores), origin


def _answers(report: "Report") -> Iterator[str]:
    """The verdict on each experiment and what limits it, the best rates, and what to do next."""
    from resdepth.analysis.limit import sentences
    from resdepth.analysis.rate_tables import rate_rows
    from resdepth.analysis.rate_tables import sentences as said_of
    from resdepth.analysis.scaling import verdict_lines

    for table in report.rates:
        yield f"best learning rate by depth{f', {table.label}' if table.label else ''}:"
        yield aligned(rate_rows(table))
        yield from said_of(table)
    for one in report.experiments:
        if one.label:
            yield f"{one.label}:"
        yield from verdict_lines(one.scaling, one.cautions)
        if one.limit is not None:
            yield from sentences(one.limit)
    for purpose, words in report.next_steps:
        yield f"next, {purpose}: {words}"


def _train(call: Any, folder: Path, words: dict[str, Any], *, retry: bool) -> int:
    from resdepth.studies.actions import conducted
    from resdepth.studies.command import quoted, run_command

    console.route_warnings()
    settings, say = call.settings, partial(console.say, quiet=call.quiet)
    try:
        rows = conducted(folder, words, settings, command_line(), retry=retry, say=say)
    except KeyboardInterrupt:
        console.say(f"interrupted; {quoted(run_command(folder))} resumes it")
        return signals.exit_code()
    if call.json_:
        _show(folder, rows, as_json=True)
    else:
        console.say(_counts(rows), quiet=call.quiet)
    console.wrote([folder], aside=call.json_)
    return int(any(row.state in ("failed", "diverged", "stopped") for row in rows))


def _show(folder: Path, rows: Sequence[Any], *, as_json: bool) -> None:
    if as_json:
        from resdepth.records import as_json as written

        cells = [
            {"cell": row.cell, **row.values, "run": row.path, "state": row.state}
            | {"steps": row.steps, "loss": row.loss, "reached": row.reached}
            | {"seconds_left": row.left, "why": spell(row.why)}
            for row in rows
        ]
        print(written({"study": folder, "cells": cells}))
        return
    for row in rows:
        print(spell(str(row)))
    print(_counts(rows))


def _counts(rows: Sequence[Any]) -> str:
    counted = Counter(row.state for row in rows)
    states = ", ".join(f"{number} {state}" for state, number in counted.items())
    return f"{len(rows)} cells: {states}"
