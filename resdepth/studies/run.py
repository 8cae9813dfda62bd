"""Begin, resume, retry and cancel a study: what `resdepth study` does."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from resdepth.errors import Usage
from resdepth.options.effect import refuse_idle
from resdepth.options.executor import ExecutorInvocation, checked
from resdepth.options.resolve import resolve
from resdepth.options.study import StudyOptions
from resdepth.options.train import TrainOptions
from resdepth.studies.cell import PROBE, Job, job_of, probe_of, stop_path
from resdepth.studies.command import quoted, run_command
from resdepth.studies.executor import Executor, executor_of
from resdepth.studies.extension import extended, slower
from resdepth.studies.plan import Cell, Plan
from resdepth.studies.record import (
    Jobs,
    begun,
    neighbour,
    read_jobs,
    read_plan,
    write_jobs,
    write_plan,
)
from resdepth.studies.state import ENDED, Row, Rows, row_of, table

Say = Callable[[str], None]
PROBE_MODULE = "resdepth.studies.probe"
"""It imports torch, which nothing else here needs."""


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
    """Train the cells of the study in `out` that are not trained yet; one row per cell.

    Parameters
    ----------
    out
        The folder. A new study needs `depth`; an existing one is resumed, with more depths and
        seeds if they are given.
    executor, workers
        "local" (the default), "slurm" or "dask", and how many cells at once; `settings` has the
        other options of the executor by name. Slurm and Dask go on without this process.
    retry
        Train failed cells again.
    say
        Takes a line about each cell that has ended.
    command
        The command line to record.
    **options
        Options of `train`; several values as a list or as the command line spells them
        (`depth="16:1024:x2"`, `seed=range(5)`).

    Raises
    ------
    Usage
        The study there has another value of an option.
    Usage
        There is no study in `out`, and no `depth` for a new one.
    """
    if options.get("depth") is None and not begun(Path(out)):
        reason = f"there is no study in {out}, and a new one needs depths{neighbour(Path(out))}"
        remedy = f"as in resdepth.study({str(out)!r}, depth=[16, 32, 64])"
        raise Usage("depth", reason, remedy)
    words = list(command or ["resdepth.study"])
    named = {"executor": executor, "workers": workers, **(settings or {})}
    return conducted(Path(out), options, named, words, retry=retry, say=say or (lambda _: None))


def conducted(
    folder: Path,
    options: Mapping[str, Any],
    settings: Mapping[str, Any],
    command: Sequence[str],
    *,
    retry: bool = False,
    say: Say,
    begin: Say = lambda _: None,
) -> Rows:
    """Begin or resume a study: what `study` and the commands call.

    `begin` takes a line about a study that is new.
    """
    words = {n: list(v) if isinstance(v, (range, tuple)) else v for n, v in options.items()}
    given = resolve(StudyOptions, words, command="study run").model_dump(
        mode="json", exclude_none=True, exclude_unset=True
    )
    chosen = settings_of(folder, {n: v for n, v in settings.items() if v is not None})
    plan, old = planned(folder, given, tuple(command), chosen)
    if old is None:
        question = "" if "depth" in given else neighbour(folder)
        begin(f"a new study begins in {folder}{question}: {size(plan)}")
    if plan != old:
        write_plan(plan)
    return trained(plan, chosen, retry=retry, say=say)


def planned(
    folder: Path,
    given: Mapping[str, Any],
    command: tuple[str, ...],
    settings: Mapping[str, Any] | None = None,
) -> tuple[Plan, Plan | None]:
    """The plan that the options ask for, and the one on disk if there is one."""
    old = read_plan(folder) if begun(folder) else None
    if old is not None:
        return extended(old, given, settings or {}), old
    plan = Plan.of(folder, given, command)
    cells = plan.cells()
    for cell in cells:
        refuse_idle(cell.options)
    if "lr_depth" in given and not (plan.rateless or any(cell.options.lr_depth for cell in cells)):
        reason = "has no effect: the rate is the same at every depth"
        remedy = "leave it out, or give `lr_depth_exponent`"
        raise Usage("lr_depth", reason, remedy)
    return plan, None


def previewed(plan: Plan, settings: Mapping[str, Any]) -> str:
    """What `trained` would submit, as text: commands, or the batch scripts of Slurm."""
    executor = executor_of(settings, str(plan.options["device"]))
    todo = _todo(plan, settings, retry=False, active=set(), say=lambda _: None)
    jobs = [job_of(cell, plan.folder, executor.cpus, executor.gpus) for cell in todo]
    parts = [executor.preview(part) for part in (_probe_jobs(plan, jobs), jobs) if part]
    if plan.rateless:
        parts.insert(1, "# the probe finds the rate of the cells, for which 1.0 stands here")
    return "\n".join(parts)


def found_rate(folder: Path, say: Say) -> Plan:
    """The study's plan with the rate of --lr auto, which is found here if it is not known."""
    plan = read_plan(folder)
    if plan.rateless:
        probed: Plan = import_module(PROBE_MODULE).probed(plan, say)
        # More depths or seeds may have been added since.
        plan = replace(read_plan(folder), probes=probed.probes)
        write_plan(plan)
    return plan


def size(plan: Plan) -> str:
    """How many networks a study trains, and how much work that is."""
    cells, depths = plan.cells(), plan.axes["depth"]
    one = Cell("", {}, TrainOptions(), Path())
    times = sum(cell.cost for cell in cells) / one.cost
    work = f"about {times:.0f} times the work of" if times > 1 else "less work than"
    span = f"{depths[0]} to {depths[-1]}" if len(depths) > 1 else str(depths[0])
    networks = f"{len(cells)} network{'s' * (len(cells) != 1)} of {span} layers"
    return f"{networks}, {work} one 'resdepth train' with its default options on the same data"


def trained(plan: Plan, settings: Mapping[str, Any], *, retry: bool = False, say: Say) -> Rows:
    """Submit each cell that has neither ended nor is at work; with `retry` failed ones too."""
    executor = executor_of(settings, str(plan.options["device"]))
    if plan.rateless and executor.probes_here:
        plan = found_rate(plan.folder, say)
    handles = read_jobs(plan.folder)
    known = handles.handles if handles.settings.get("executor") == settings["executor"] else {}
    active = _active(executor, known)
    todo = _todo(plan, settings, retry=retry, active=active, say=say)
    for name in (PROBE, *(cell.name for cell in todo)):
        stop_path(plan.folder, name).unlink(missing_ok=True)
    if todo:
        status = quoted(run_command(plan.folder, action="status"))
        say(f"{len(todo)} cells to train; {status} shows their state")
    jobs = [job_of(cell, plan.folder, executor.cpus, executor.gpus) for cell in todo]
    probes = [] if PROBE in active else _probe_jobs(plan, jobs)
    if probes:
        say("--lr=auto: a job of its own finds the rate; the cells wait for it")
    for job in (*probes, *jobs):
        # What it printed before would be taken for its reason to fail.
        with suppress(OSError):
            job.log.unlink()
    if plan.rateless:
        jobs = [replace(job, study=plan.folder.absolute()) for job in jobs]
    running = {name: known[name] for name in active}
    found = dict(zip((job.name for job in probes), executor.submit(probes), strict=True))
    if found:
        # Known also if the cells are refused: the next call must not submit a second probe.
        write_jobs(plan.folder, Jobs(dict(settings), known | found))
    after = [handle for name, handle in (running | found).items() if name == PROBE]
    submitted = executor.submit(jobs, after, running.values())
    given = found | dict(zip((cell.name for cell in todo), submitted, strict=True))
    write_jobs(plan.folder, Jobs(dict(settings), known | given))
    cells, done = {cell.name: cell for cell in plan.cells()}, 0

    def tell(name: str) -> None:
        nonlocal done
        done += 1
        say(f"{done}/{len(todo)}  {told(row_of(plan, cells[name]))}")

    executor.wait(tell)
    return table(plan)


def cancelled(folder: Path) -> Rows:
    """Keep what waits from beginning, and end what runs with a checkpoint."""
    plan, jobs = read_plan(folder), read_jobs(folder)
    rows = [row for row in table(plan) if row.state not in ENDED]
    names = [*([PROBE] if plan.rateless else []), *(row.cell for row in rows)]
    for name in names:
        path = stop_path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if jobs.settings:
        executor = executor_of(jobs.settings, str(plan.options["device"]))
        executor.cancel([jobs.handles[name] for name in names if name in jobs.handles])
    return table(plan)


def _probe_jobs(plan: Plan, jobs: Sequence[Job]) -> list[Job]:
    """The job that finds the rate, if the plan needs one and there is anything to train."""
    if not plan.rateless or not jobs:
        return []
    return [probe_of(max(jobs, key=lambda job: job.cost), plan.folder)]


def told(row: Row) -> str:
    """A cell in one line."""
    parts = [row.cell, row.state]
    if row.steps is not None and row.state != "failed":
        parts.append(f"step {row.steps}")
    if row.loss is not None:
        parts.append(f"loss {row.loss:.4g}")
    if row.left is not None:
        seconds = int(row.left)
        parts.append(f"{seconds // 60}:{seconds % 60:02d} left")
    return "  ".join([*parts, *([row.why] if row.why else [])])


def settings_of(folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The executor's options given now over those of the last call, if the executor is the same."""
    before = read_jobs(folder).settings
    same = given.get("executor", before.get("executor")) == before.get("executor")
    whole = (before if same else {}) | dict(given)
    return checked(resolve(ExecutorInvocation, whole, command="study run").settings)


def _active(executor: Executor, handles: Mapping[str, str]) -> set[str]:
    at_work = executor.active(handles.values()) if handles else set()
    return {name for name, handle in handles.items() if handle in at_work}


def _todo(
    plan: Plan, settings: Mapping[str, Any], *, retry: bool, active: set[str], say: Say
) -> list[Cell]:
    todo, run, diverged = [], quoted(run_command(plan.folder)), False
    for cell in plan.cells():
        row = row_of(plan, cell)
        if cell.name in active or row.state == "running":
            say(f"{cell.name}  is at work already")
        elif row.state not in ENDED or (retry and row.state == "failed" and not row.lost):
            todo.append(cell)
        elif row.lost:
            say(f"{told(row)} (move {row.path} away, and {run} trains it again)")
        elif row.state == "failed":
            again = quoted(run_command(plan.folder, action="retry"))
            say(f"{cell.name}  failed: {row.why} ({again} tries it again)")
        elif row.state == "diverged" and retry:
            say(f"{cell.name}  diverged: it would diverge again")
            diverged = True
    if diverged and (half := slower(plan, settings)):
        say(f"a new study takes half the rate: {quoted(half)}")
    return todo
