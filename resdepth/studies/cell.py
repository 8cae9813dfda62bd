"""The training of one cell, whoever asks for it: begun, continued, or left as it is."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from resdepth.errors import ResdepthError, Usage
from resdepth.options.base import flag_of
from resdepth.options.effect import effective
from resdepth.options.train import TrainOptions
from resdepth.runs.lock import NAME as LOCK
from resdepth.runs.lock import SILENCE
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.studies.command import quoted, run_command
from resdepth.studies.plan import Cell
from resdepth.studies.record import read_plan
from resdepth.studies.worker import Worker, WorkerLost, ending

PATIENCE = 150.0
"""Seconds that a cell waits for a process that trains in its folder, which may be ending."""
PAUSE = 0.2
LOGS, STOPS = "logs", "stop"
PROBE = "lr-auto"
"""Name of the job that finds the rate of --lr auto."""
COMPLAINT = "resdepth: error: "
"""How the line with an error begins in what a command prints."""
LOST = "resdepth: lost: "
"""Begins the line that says how its process ended, if the command could not say so itself."""


@dataclass(frozen=True)
class Job:
    """A cell as an executor sees it: a command line, a run folder, and what it needs.

    `log` takes what the command prints; the cell is not trained, or no longer, where `stop` is
    there. `cost` orders the cells of a study.
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
    """Those that are planned; a run that ended after fewer is resumed."""
    study: Path | None = None
    """The study whose plan has the learning rate by the time the job starts; None: it had it."""

    @property
    def again(self) -> tuple[str, ...]:
        """The command line that resumes it."""
        more = (f"--epochs={self.epochs}",) if self.epochs else ()
        return ("train", f"--resume={self.run}", *more)


def job_of(cell: Cell, folder: Path, cpus: int, gpus: int) -> Job:
    """The job of a cell of the study in `folder`."""
    options = effective(cell.options if cell.options.threads else _threaded(cell.options, cpus))
    run = cell.run.absolute()
    arguments = ("train", *flags_of(options), f"--out={run}")
    log, stop = folder.absolute() / LOGS / f"{cell.name}.log", stop_path(folder, cell.name)
    needs = (cell.options.depth, cell.cost, options.threads or 1, gpus)
    return Job(cell.name, arguments, run, log, stop, *needs, cell.options.epochs)


def probe_of(job: Job, folder: Path) -> Job:
    """The job that finds the rate of --lr auto for the study in `folder`, with what `job` needs."""
    arguments = ("study", "probe", str(folder.absolute()))
    return replace(
        job,
        name=PROBE,
        arguments=arguments,
        run=folder.absolute(),
        log=folder.absolute() / LOGS / f"{PROBE}.log",
        stop=stop_path(folder, PROBE),
    )


def settled(job: Job) -> Job:
    """The job with the learning rate that the probe has written into the plan.

    Raises
    ------
    ResdepthError
        The plan has no rate.
    """
    if job.study is None:
        return job
    plan = read_plan(job.study)
    if plan.rateless:
        raise Usage(
            "lr=auto",
            f"the probe found no rate; {job.study / LOGS / PROBE}.log says why",
            f"{quoted(run_command(job.study, action='retry'))} looks for it again",
        )
    cell = next(cell for cell in plan.cells() if cell.name == job.name)
    return job_of(cell, job.study, job.cpus, job.gpus)


def stop_path(folder: Path, name: str) -> Path:
    """The file that ends the training of a cell, or keeps it from beginning."""
    return folder.absolute() / STOPS / name


def flags_of(options: TrainOptions) -> Iterator[str]:
    """The command line of options: depth, seed, rate, and what is not the default."""
    defaults = TrainOptions(lr=options.lr)
    for name, value in options.recorded().items():
        if name in ("depth", "seed", "lr") or value != getattr(defaults, name):
            text = str(value).lower() if isinstance(value, bool) else value
            yield f"{flag_of(TrainOptions, name)}={text}"


def train_cell(job: Job, worker: Worker) -> None:
    """Train a cell to its end; what became of it says its run folder.

    A cell that is finished, or that was stopped, is left alone.

    Raises
    ------
    WorkerLost
        The worker has died.
    OSError
        Nothing can be written where its output goes.
    """
    until = time.monotonic() + PATIENCE
    while busy(job.run) and time.monotonic() < until:
        time.sleep(PAUSE)
    if finished(job.run, job.epochs) or job.stop.exists():
        return
    try:
        job = settled(job)
    except ResdepthError as error:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        job.log.write_text(f"{COMPLAINT}{error}\n", encoding="utf-8")
        return
    begun = (job.run / MANIFEST).exists()
    try:
        code = worker.run(job.again if begun else job.arguments, job.log, job.stop)
    except WorkerLost as lost:
        if not worker.closed:
            note(job, f"its worker {lost.reason}")
        raise
    silent = not (job.run / MANIFEST).exists() and not said(job.log, COMPLAINT)
    if code < 0 or (silent and (code or job.name != PROBE)):
        printed = said(job.log, "") if silent else ""
        note(job, f"its process {ending(code)}" + (f": {printed}" if printed else ""))


def note(job: Job, text: str) -> None:
    """Say at the end of a cell's log why it was not trained to its end."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("a", encoding="utf-8") as file:
        file.write(f"{LOST}{text}\n")


def said(log: Path, prefix: str) -> str:
    """The rest of the last line in a log that begins so; "" if there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found = [
        line.removeprefix(prefix) for line in lines if line.strip() and line.startswith(prefix)
    ]
    return found[-1] if found else ""


def manifest_of(run: Path) -> Manifest | None:
    """The manifest of a run, None where there is none that can be read."""
    try:
        return read_manifest(run)
    except ResdepthError:
        return None


def finished(run: Path, epochs: int = 0) -> bool:
    """Whether a run has ended as it should, after as many epochs as are planned."""
    manifest = manifest_of(run)
    return manifest is not None and manifest.outcome == "finished" and not short(manifest, epochs)


def short(manifest: Manifest, epochs: int) -> bool:
    """Whether a run has fewer than `epochs` and did not end earlier at its `--stop-loss`."""
    return "reached" not in manifest.detail and manifest.options.get("epochs", epochs) < epochs


def busy(run: Path) -> bool:
    """Whether a process trains in a run folder, as far as its lock tells without being touched.

    A lock that was left behind by a killed process names a number that another process may have by
    now, or that nobody has asked after yet (a zombie); but nobody touches it any more.
    """
    path = run / LOCK
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        age = time.time() - path.stat().st_mtime
    except (OSError, ValueError):
        return False
    if not isinstance(owner, dict) or "host" not in owner:
        return False
    here = owner["host"] == socket.gethostname()
    return age < SILENCE and (not here or _alive(owner.get("pid")))


def _alive(number: object) -> bool:
    """Whether a process of this machine is there and no zombie."""
    try:
        os.kill(int(str(number)), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    with contextlib.suppress(OSError, IndexError):
        # The name in brackets may hold anything, brackets too.
        status = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        return status.rpartition(")")[2].split()[0] != "Z"
    return True


def _threaded(options: TrainOptions, threads: int) -> TrainOptions:
    return options.model_copy(update={"threads": threads})
