"""`resdepth study`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from resdepth.atomic import check_writable
from resdepth.cli import console, signals
from resdepth.cli.parameters import command, command_line
from resdepth.cli.picture import finish, origin_of
from resdepth.cli.tables import aligned
from resdepth.options.base import Options
from resdepth.options.study import (
    NoOptions,
    ReportInvocation,
    RetryInvocation,
    StatusInvocation,
    StudyInvocation,
    StudyOptions,
)

if TYPE_CHECKING:
    from resdepth.analysis.study import Study


def run(options: Options, call: StudyInvocation, given: frozenset[str]) -> int:
    """Train one experiment at many depths and seeds: a plan, and a run for each combination.

    Most options of train take several values, as in --depth 16,32,64 or 16:1024:x2 or 16:128:16 and
    --seed 0:5. Each option with several values is an axis; the study runs every combination. The
    folder holds the plan (study.yaml) and one run per cell in cells/. An existing study is resumed:
    cells that are neither finished nor running are trained. New depths and seeds are added, also
    more --epochs, and rates if there are several. Anything else takes a new study.
    """
    words = options.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if call.dry_run:
        return _preview(call, words)
    return _train(call, call.folder, words, retry=False)


def probe(options: Options, call: StatusInvocation, given: frozenset[str]) -> int:
    """Find the learning rate of a study with --lr auto, and write it into its plan.

    'study run' does this itself: here if the cells are trained here, else in a job that they wait
    for.
    """
    with signals.deferred():
        from resdepth.studies.run import found_rate

    console.route_warnings()
    plan = found_rate(call.study, lambda text: console.say(text, quiet=call.quiet))
    rates = [{**one.where, "depth": one.depth, "lr": one.lr} for one in plan.probes]
    if call.json_:
        from resdepth.records import as_json

        print(as_json({"study": call.study, "rates": rates}))
    return 0


def retry(options: Options, call: RetryInvocation, given: frozenset[str]) -> int:
    """Go on with a study, failed cells included."""
    from resdepth.studies.record import read_plan

    read_plan(call.study)
    return _train(call, call.study, {}, retry=True)


def status(options: Options, call: StatusInvocation, given: frozenset[str]) -> int:
    """Show where each cell of a study stands, as far as its folder tells.

    A cell is queued, running, finished, stopped (interrupted or cancelled), diverged or failed.
    """
    from resdepth.studies.record import read_plan
    from resdepth.studies.state import table

    _show(call.study, table(read_plan(call.study)), as_json=call.json_)
    return 0


def cancel(options: Options, call: StatusInvocation, given: frozenset[str]) -> int:
    """End the cells of a study that run, with a checkpoint each, and keep others from beginning.

    'study run' goes on with them.
    """
    with signals.deferred():
        from resdepth.studies.run import cancelled

    _show(call.study, cancelled(call.study), as_json=call.json_)
    return 0


def report(options: Options, call: ReportInvocation, given: frozenset[str]) -> int:
    """Write what a study says, as one page that needs nothing else, its numbers and its figures.

    Any folder of runs will do, and an unfinished study too: excluded cells are named.
    --spectrum adds the curvature of the loss around the weights of every run, at the price of some
    hundred gradients each.
    """
    out = call.page
    check_writable(
        out, out.with_suffix(".json"), out.with_suffix(".csv"), out.with_suffix("") / "scaling.pdf"
    )
    with signals.deferred():
        from resdepth.analysis.sources import study_files
        from resdepth.analysis.study import read_study
        from resdepth.analysis.study_numbers import study_csv, study_numbers
        from resdepth.figures.report import write_page

    console.route_warnings()
    study = read_study(call.study, call.curvature, lambda text: console.say(text, quiet=call.quiet))
    recorded = call.recorded()
    told = {name: recorded[name] for name in ("study", "out", "spectrum")}
    origin = origin_of(told, study_files(study))
    finish(
        lambda: write_page(study, out, origin),
        study_numbers(study),
        out,
        origin,
        text="\n".join(_answers(study)),
        json=call.json_,
        table=study_csv(study),
    )
    return 0


def _answers(study: "Study") -> Iterator[str]:
    """The verdict on each experiment and what limits it, the best rates, and what to do next."""
    from resdepth.analysis.answer import verdict_lines
    from resdepth.analysis.next_steps import next_steps
    from resdepth.analysis.rates import rate_rows, transfer

    for one in study.experiments:
        if one.label:
            yield f"{one.label}:"
        yield from verdict_lines(one.scaling, one.cautions)
    for table in study.rates:
        yield f"best learning rate by depth{f', {table.label}' if table.label else ''}:"
        yield aligned(rate_rows(table.curves))
        yield from transfer(table.curves)
    for purpose, words in next_steps(study):
        yield f"next, {purpose}: {words}"


def _preview(call: StudyInvocation, words: dict[str, Any]) -> int:
    from resdepth.studies.run import planned, previewed, settings_of

    settings = settings_of(call.folder, call.settings)
    plan, _ = planned(call.folder, words, tuple(command_line()), settings)
    print(previewed(plan, settings))
    return 0


def _train(call: Any, folder: Any, words: dict[str, Any], *, retry: bool) -> int:
    from resdepth.studies.command import quoted, run_command
    from resdepth.studies.run import conducted

    console.route_warnings()

    def say(text: str) -> None:
        console.say(text, quiet=call.quiet)

    try:
        rows = conducted(
            folder, words, call.settings, command_line(), retry=retry, say=say, begin=say
        )
    except KeyboardInterrupt:
        console.say(f"interrupted; {quoted(run_command(folder))} goes on")
        return signals.exit_code()
    if call.json_:
        _show(folder, rows, as_json=True)
    else:
        console.say(_counts(rows), quiet=call.quiet)
    console.wrote([folder], aside=call.json_)
    return int(any(row.state in ("failed", "diverged", "stopped") for row in rows))


def _show(folder: Any, rows: Sequence[Any], *, as_json: bool) -> None:
    from resdepth.records import as_json as written
    from resdepth.studies.run import told

    if as_json:
        cells = [
            {"cell": row.cell, **row.values, "run": row.path, "state": row.state}
            | {"steps": row.steps, "loss": row.loss, "reached": row.reached}
            | {"seconds_left": row.left, "why": row.why}
            for row in rows
        ]
        print(written({"study": folder, "cells": cells}))
        return
    for row in rows:
        print(told(row))
    print(_counts(rows))


def _counts(rows: Sequence[Any]) -> str:
    counted = Counter(row.state for row in rows)
    return (
        f"{len(rows)} cells: {', '.join(f'{number} {state}' for state, number in counted.items())}"
    )


COMMANDS = {
    "run": command("study run", StudyOptions, StudyInvocation, run),
    "status": command("study status", NoOptions, StatusInvocation, status),
    "probe": command("study probe", NoOptions, StatusInvocation, probe),
    "retry": command("study retry", NoOptions, RetryInvocation, retry),
    "cancel": command("study cancel", NoOptions, StatusInvocation, cancel),
    "report": command("study report", NoOptions, ReportInvocation, report),
}
