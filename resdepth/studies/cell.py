"""The training of one cell: started, resumed, or left alone."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from resdepth.errors import ResdepthError, Usage
from resdepth.options.base import Options
from resdepth.options.train import TrainInvocation, TrainOptions
from resdepth.runs.lock import busy
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.studies.command import flag, quoted, run_command
from resdepth.studies.plan import Cell
from resdepth.studies.record import read_plan
from resdepth.studies.worker import Worker, WorkerLost, ending

PATIENCE = 150.0
"""Seconds that a cell waits for a process that still trains in its folder and may be ending."""
PAUSE = 0.2
LOGS, STOPS = "logs", "stop"
PROBE = "lr-auto"
"""Name of the job that finds the rate of `lr=auto`."""
COMPLAINT = "resdepth: error: "
"""Start of the line with an error in the output of a command."""
LOST = "resdepth: lost: "
"""Start of the line that says how a process ended that could not say so itself."""


@dataclass(frozen=True)
class Job:
    """A cell for an executor: a command line, a run folder, and its needs.

    `log` takes the output; a file at `stop` ends the cell or keeps it from starting. `cost` orders
    the cells. A run that ended after fewer than `epochs` is resumed. If `study` is given, the
    learning rate is read from its plan when the job starts.
    """

    name: str
    arguments: tuple[str, ...]
    run: Path
    log: Path
    stop: Path
    depth: int
    cost: float
    cpus: int
    gpus: int = 0
    epochs: int = 0
    study: Path | None = None

    @property
    def again(self) -> tuple[str, ...]:
        """The command line that resumes it."""
        more = (flag(TrainOptions, "epochs", self.epochs),) if self.epochs else ()
        return (self.arguments[0], flag(TrainInvocation, "resume", self.run), *more)


def job_of(program: str, cell: Cell, folder: Path, cpus: int, gpus: int) -> Job:
    """The job of a cell of the study in `folder`."""
    options = cell.options.model_copy(update={"threads": cell.options.threads or cpus})
    run = cell.run.absolute()
    arguments = (program, *flags_of(options), flag(TrainInvocation, "out", run))
    log, stop = log_path(folder, cell.name), stop_path(folder, cell.name)
    needs = (options.depth, cell.cost, options.threads, gpus)
    return Job(cell.name, arguments, run, log, stop, *needs, options.epochs)


def probe_of(job: Job, folder: Path) -> Job:
    """The job that finds the rate of `lr=auto`; it has the needs of `job`."""
    folder, log, stop = folder.absolute(), log_path(folder, PROBE), stop_path(folder, PROBE)
    arguments = ("study", "probe", str(folder))
    return replace(job, name=PROBE, arguments=arguments, run=folder, log=log, stop=stop)


def settled(job: Job) -> Job:
    """The job with the rate that the probe has written into the plan; raises Usage without one."""
    if job.study is None:
        return job
    plan = read_plan(job.study)
    if plan.rateless:
        reason = f"the probe found no rate; {log_path(job.study, PROBE)} says why"
        again = quoted(run_command(job.study, "retry"))
        raise Usage("lr=auto", reason, f"{again} tries again")
    cell = next(cell for cell in plan.cells() if cell.name == job.name)
    return job_of(plan.program, cell, job.study, job.cpus, job.gpus)


def log_path(folder: Path, name: str) -> Path:
    """The file with the output of a cell."""
    return folder.absolute() / LOGS / f"{name}.log"


def stop_path(folder: Path, name: str) -> Path:
    """The file that ends the training of a cell, or keeps it from starting."""
    return folder.absolute() / STOPS / name


def flags_of(options: Options) -> Iterator[str]:
    """The flags of options: depth, seed, rate, and what is not the default."""
    recorded, model = options.recorded(), type(options)
    usual = model(lr=recorded["lr"]).flat()
    for name, value in recorded.items():
        always = name in ("depth", "seed", "lr")
        if value is not None and (always or value != usual[name]):
            yield flag(model, name, str(value).lower() if isinstance(value, bool) else value)


def train_cell(job: Job, worker: Worker, environment: Mapping[str, str] | None = None) -> None:
    """Train a cell to its end, unless it is finished or was stopped.

    Its run folder records the outcome. Raises WorkerLost if the worker dies, OSError if the log
    cannot be written.
    """
    until = time.monotonic() + PATIENCE
    while busy(job.run) and time.monotonic() < until:
        time.sleep(PAUSE)
    if finished(job.run, job.epochs) or job.stop.exists():
        return
    try:
        job = settled(job)
    except ResdepthError as error:
        note(job, error, COMPLAINT)
        return
    try:
        words = job.again if (job.run / MANIFEST).exists() else job.arguments
        code = worker.run(words, job.log, job.stop, environment)
    except WorkerLost as lost:
        if not worker.closed:
            note(job, f"its worker {lost.reason}")
        raise
    silent = not (job.run / MANIFEST).exists() and not said(job.log, COMPLAINT)
    if code < 0 or (silent and (code or job.name != PROBE)):
        printed = said(job.log, "") if silent else ""
        note(job, f"its process {ending(code)}" + (f": {printed}" if printed else ""))


def note(job: Job, text: object, prefix: str = LOST) -> None:
    """Append to the log of a cell why its training ended early."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("a", encoding="utf-8") as file:
        file.write(f"{prefix}{text}\n")


def said(log: Path, prefix: str) -> str:
    """The rest of the last line of a log that starts with `prefix`; "" if there is none."""
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        fitting = (line for line in reversed(lines) if line.strip() and line.startswith(prefix))
        return next(fitting, prefix).removeprefix(prefix)
    return ""


def finished(run: Path, epochs: int = 0) -> bool:
    """Whether a run has ended regularly, after at least `epochs`."""
    with contextlib.suppress(ResdepthError):
        manifest = read_manifest(run)
        return manifest.outcome == "finished" and not short(manifest, epochs)
    return False


def short(manifest: Manifest, epochs: int) -> bool:
    """Whether a run has fewer than `epochs` and did not end early at its `stop_loss`."""
    return "reached" not in manifest.detail and manifest.options.get("epochs", epochs) < epochs
