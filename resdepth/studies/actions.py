"""Create, resume, retry and cancel a study: what `resdepth study` does."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from resdepth.errors import Usage
from resdepth.options.resolve import resolve
from resdepth.options.study import StudyOptions
from resdepth.studies.cell import PROBE, Job, job_of, probe_of, stop_path
from resdepth.studies.command import quoted, run_command
from resdepth.studies.executor import Executor, executor_of
from resdepth.studies.extension import extended, slower
from resdepth.studies.plan import Cell, Plan
from resdepth.studies.ranges import COMMAND
from resdepth.studies.record import (
    Jobs,
    is_study,
    neighbour,
    read_jobs,
    read_plan,
    settings_of,
    write_jobs,
    write_plan,
)
from resdepth.studies.state import ENDED, Rows, row_of, table

GRID_ERROR = 0.04  # Steps of the grid, see `mathematics.transfer.SHARE`
Say = Callable[[str], None]
PROBE_MODULE = "resdepth.studies.probe"
"""Imported only to look for a rate: it imports torch."""


def study(
    out: Path | str,
    *,
    executor: str | None = None,
    workers: int | None = None,
    retry: bool = False,
    say: Say | None = None,
    command: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Rows:
    """Train the cells of the study in folder `out` that are not trained yet; one row per cell.

    A new study needs `depth`; an existing one is resumed, with more depths and seeds if given.
    `options` are `program` ("train", the default, or "resnet-cifar") and its options; several
    values as a list or as the command line spells them (`depth="16:1024:x2"`, `seed=range(5)`).
    Raises Usage if one differs from the study in `out`, or a new study has no `depth`.

    `executor` is "local" (the default), "slurm" or "dask", of which the last two continue without
    this process; at most `workers` cells run at once; `settings` has its other options by name.
    `retry` trains failed cells again. `say` takes a line about the study and about each cell that
    has ended. `command` is the command line to record.
    """
    folder = Path(out)
    if options.get("depth") is None and not is_study(folder):
        reason = f"there is no study in {out}, and a new one needs depths{neighbour(folder)}"
        raise Usage("depth", reason, f"as in resdepth.study({str(out)!r}, depth=[16, 32, 64])")
    named = {"executor": executor, "workers": workers, **(settings or {})}
    words, say = command or ["resdepth.study"], say or (lambda _: None)
    return conducted(folder, options, named, words, retry=retry, say=say)


def conducted(
    folder: Path,
    options: Mapping[str, Any],
    settings: Mapping[str, Any],
    command: Sequence[str],
    *,
    retry: bool = False,
    say: Say,
) -> Rows:
    """Create or resume a study, and train its cells."""
    given = resolve(StudyOptions, options, command=COMMAND).model_dump(
        mode="json", exclude_none=True, exclude_unset=True
    )
    chosen = settings_of(folder, {n: v for n, v in settings.items() if v is not None})
    plan, old = planned(folder, given, command, chosen)
    if old is None:
        question = "" if "depth" in given else neighbour(folder)
        say(f"creating a new study in {folder}{question}: {size(plan)}")
        if text := resolution(plan):
            say(text)
    if plan != old:
        write_plan(plan)
    return trained(plan, chosen, retry=retry, say=say)


def planned(
    folder: Path,
    given: Mapping[str, Any],
    command: Sequence[str],
    settings: Mapping[str, Any] | None = None,
) -> tuple[Plan, Plan | None]:
    """The plan that the options describe, and the one on disk if there is one."""
    if is_study(folder):
        old = read_plan(folder)
        return extended(old, given, settings or {}), old
    plan = Plan.of(folder, given, command, strict=given)
    cells = plan.cells()
    if "lr_depth" in given and not (plan.rateless or any(cell.options.lr_depth for cell in cells)):
        reason = "has no effect: the rate is the same at every depth"
        raise Usage("lr_depth", reason, "leave it out, or give `lr_depth_exponent`")
    return plan, None


def size(plan: Plan) -> str:
    """The number of networks in a study, and their work compared with one run of the program."""
    cells, depths = plan.cells(), plan.axes["depth"]
    times = sum(cell.cost for cell in cells) / Cell("", {}, plan.model(), Path()).cost
    work = f"about {times:.0f} times the work of" if times > 1 else "less work than"
    span = f"{depths[0]} to {depths[-1]}" if len(depths) > 1 else str(depths[0])
    networks = f"{len(cells)} network{'s' * (len(cells) != 1)} of {span} layers"
    one = f"'resdepth {plan.program}' with its default options on the same data"
    return f"{networks}, {work} one {one}"


def resolution(plan: Plan) -> str:
    """What the rates of a study can tell about the transfer of the best rate; "" for one rate."""
    rates, depths = plan.axes.get("lr", ()), plan.axes["depth"]
    if len(rates) < 2:
        return ""
    steps = [math.log2(after / before) for before, after in pairwise(rates)]
    start = f"{len(rates)} rates from {rates[0]:g} to {rates[-1]:g}"
    if len(rates) < 5 or len(depths) < 2 or len(plan.axes["seed"]) < 2:
        return f"{start}: to tell whether the best rate transfers give five or more, and two seeds"
    x = [math.log2(depth) for depth in depths]
    spread = math.sqrt(sum((one - sum(x) / len(x)) ** 2 for one in x))
    # Twice the error of a fitted optimum, as in `mathematics.transfer`.
    finest = 2 * GRID_ERROR * max(steps) / spread
    return (
        f"{start}: optima within this range are located to {GRID_ERROR * max(steps):.2g} octaves "
        f"at best, the exponent e in L^e to ± {finest:.2g}; the noise of the seeds comes on top"
    )


def previewed(plan: Plan, settings: Mapping[str, Any]) -> str:
    """What `trained` would submit, as text: commands, or the batch scripts of Slurm."""
    executor = executor_of(settings, str(plan.options["device"]))
    todo = _todo(plan, settings, (), retry=False, say=lambda _: None)
    probes, jobs = _jobs(plan, todo, executor)
    parts = [executor.preview(part) for part in (probes, jobs) if part]
    if plan.rateless:
        parts.insert(1, "# the probe will find the rate of the cells, here shown as 1.0")
    return "\n".join(parts)


def found_rate(folder: Path, say: Say) -> Plan:
    """The plan of a study with the rate of `lr=auto`, which is searched here if it is unknown."""
    plan = read_plan(folder)
    if plan.rateless:
        probed: Plan = import_module(PROBE_MODULE).probed(plan, say)
        # More depths or seeds may have been added since.
        plan = replace(read_plan(folder), probes=probed.probes)
        write_plan(plan)
    return plan


def trained(plan: Plan, settings: Mapping[str, Any], *, retry: bool = False, say: Say) -> Rows:
    """Submit each cell that has neither ended nor is running; with `retry` failed ones too."""
    executor = executor_of(settings, str(plan.options["device"]))
    if plan.rateless and executor.probes_here:
        plan = found_rate(plan.folder, say)
    before = read_jobs(plan.folder)
    known = before.handles if before.settings.get("executor") == settings["executor"] else {}
    at_work = executor.active(known.values()) if known else set()
    running = {name: handle for name, handle in known.items() if handle in at_work}
    todo = _todo(plan, settings, running, retry=retry, say=say)
    probes, jobs = _jobs(plan, todo, executor)
    if todo:
        status = quoted(run_command(plan.folder, "status"))
        say(f"training {len(todo)} cell{'s' * (len(todo) > 1)}; {status} shows their state")
    if PROBE in running:
        probes = []
    elif probes:
        say("`lr=auto`: a separate job finds the rate; the cells wait for it")
    for name in (PROBE, *(cell.name for cell in todo)):
        stop_path(plan.folder, name).unlink(missing_ok=True)
    for job in (*probes, *jobs):
        # An old error in the log would be reported as that of the new job.
        with suppress(OSError):
            job.log.unlink()
    handles = dict(known)
    if probes:
        # Recorded at once: if the cells are refused, the next call must not submit another probe.
        (handle,) = executor.submit(probes)
        handles[PROBE] = running[PROBE] = handle
        write_jobs(plan.folder, Jobs(dict(settings), handles))
    after = [running[PROBE]] if PROBE in running else []
    submitted = executor.submit(jobs, after, running.values())
    handles |= zip((job.name for job in jobs), submitted, strict=True)
    write_jobs(plan.folder, Jobs(dict(settings), handles))
    left = {cell.name: cell for cell in todo}

    def tell(name: str) -> None:
        cell = left.pop(name)
        say(f"{len(todo) - len(left)}/{len(todo)}  {row_of(plan, cell)}")

    executor.wait(tell)
    return table(plan)


def cancelled(folder: Path) -> Rows:
    """Keep waiting cells from starting, and end running ones with a checkpoint."""
    plan, jobs = read_plan(folder), read_jobs(folder)
    names = [row.cell for row in table(plan) if row.state not in ENDED]
    names += [PROBE] * plan.rateless
    for name in names:
        path = stop_path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if jobs.settings:
        executor = executor_of(jobs.settings, str(plan.options["device"]))
        executor.cancel([jobs.handles[name] for name in names if name in jobs.handles])
    return table(plan)


def _jobs(plan: Plan, todo: Sequence[Cell], executor: Executor) -> tuple[list[Job], list[Job]]:
    """The job that finds the rate if the plan has none, and a job per cell."""
    needs = plan.folder, executor.cpus, executor.gpus
    jobs = [job_of(plan.program, cell, *needs) for cell in todo]
    if not (plan.rateless and jobs):
        return [], jobs
    probe = probe_of(max(jobs, key=lambda job: job.cost), plan.folder)
    return [probe], [replace(job, study=plan.folder.absolute()) for job in jobs]


def _todo(
    plan: Plan, settings: Mapping[str, Any], running: Iterable[str], *, retry: bool, say: Say
) -> list[Cell]:
    """The cells to train; reports the others that have not finished."""
    todo, diverged = [], False
    again, run = (quoted(run_command(plan.folder, action)) for action in ("retry", "run"))
    for cell in plan.cells():
        row = row_of(plan, cell)
        if cell.name in running or row.state == "running":
            say(f"{cell.name}  is already queued or running")
        elif row.state not in ENDED or (retry and row.state == "failed" and not row.lost):
            todo.append(cell)
        elif row.lost:
            say(f"{row} (move {row.path} away, then {run} trains it again)")
        elif row.state == "failed":
            say(f"{cell.name}  failed: {row.why} ({again} tries it again)")
        elif row.state == "diverged" and retry:
            say(f"{cell.name}  diverged and would diverge again")
            diverged = True
    if diverged and (half := slower(plan, settings)):
        say(f"a new study with half the rate: {quoted(half)}")
    return todo
