"""The cells of a study as jobs of Slurm: an array a depth, which goes on without us.

A job that meets its time limit or is preempted writes a checkpoint, is queued again under the same
number, and goes on.
"""

import math
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import submitit
from submitit.helpers import DelayedSubmission

from resdepth.errors import ExecutorFailed, WorkerLost
from resdepth.experiment.study.cell import LOGS, Job, finished, train_cell
from resdepth.experiment.study.executor import Tell
from resdepth.experiment.study.worker import Worker, start_worker

MINUTES, FEWEST = 60, 10
"""Time limit at the deepest network, and the least: the signal comes two minutes before it."""
NOTICE = 120
"""Seconds between the signal and the limit."""
GRACE = 180.0
"""Seconds that a job which was stopped from outside waits for its end: leaving by itself it would
count as failed and not be queued again."""
LARGEST_ARRAY = 1001
ENDLESS = 1000
"""Time limits a cell may meet."""


def create(settings: Mapping[str, Any], device: str) -> "Slurm":
    """Slurm as the settings have it; a GPU a cell where the device asks for one."""
    return Slurm(dict(settings), int(device in ("cuda", "gpu")))


class Slurm:
    """Submits, asks and cancels with Slurm's own programs."""

    cpus = 1

    def __init__(self, settings: dict[str, Any], gpus: int) -> None:
        self.settings, self.gpus = settings, gpus

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        """An array for each depth, in pieces where Slurm allows no larger ones."""
        handles: dict[str, str] = {}
        largest = max((job.depth for job in jobs), default=1)
        most = _largest_array() if jobs else 1
        for depth in sorted({job.depth for job in jobs}, reverse=True):
            whole = [job for job in jobs if job.depth == depth]
            minutes = self.settings.get("minutes", MINUTES) * depth / largest
            for first in range(0, len(whole), most):
                piece = whole[first : first + most]
                handles |= self._array(piece, max(FEWEST, math.ceil(minutes)))
        return [handles[job.name] for job in jobs]

    def active(self, handles: Iterable[str]) -> set[str]:
        """What the queue still holds."""
        return set(handles) & set(_asked("squeue", "-h", "-r", "-o", "%i").split())

    def cancel(self, handles: Iterable[str]) -> None:
        """scancel."""
        known = self.active(handles)
        if known:
            _asked("scancel", *sorted(known))

    def wait(self, tell: Tell) -> None:
        """Nothing: the jobs go on without us."""

    def _array(self, jobs: Sequence[Job], minutes: int) -> dict[str, str]:
        settings, folder = self.settings, jobs[0].log.parent.parent / LOGS / "slurm"
        try:
            # A job begins in the folder of this process, which is no place to import from.
            python = f"{shlex.quote(sys.executable)} -P"
            executor = submitit.SlurmExecutor(folder, max_num_timeout=ENDLESS, python=python)
            given = {n: settings.get(n) for n in ("partition", "account", "qos", "mem")}
            executor.update_parameters(
                job_name=f"resdepth-L{jobs[0].depth}",
                time=minutes,
                cpus_per_task=max(job.cpus for job in jobs),
                gpus_per_node=self.gpus or None,
                array_parallelism=settings.get("workers", len(jobs)),
                signal_delay_s=NOTICE,
                additional_parameters={"requeue": True},
                **{name: value for name, value in given.items() if value is not None},
            )
            submitted = executor.map_array(_call, [SlurmCell(job) for job in jobs])
        except (submitit.core.utils.FailedJobError, RuntimeError, OSError) as error:
            raise ExecutorFailed(executor="slurm", reason=_one_line(error)) from None
        return {job.name: one.job_id for job, one in zip(jobs, submitted, strict=True)}


def _call(cell: "SlurmCell") -> str:
    return cell()


@dataclass
class SlurmCell:
    """What a job of Slurm runs; `checkpoint` is called by submitit at the time limit."""

    job: Job
    worker: Worker | None = field(default=None, repr=False)
    stopped: bool = False

    def __call__(self) -> str:
        """Train the cell; its name, for submitit's record."""
        # Slurm sends the signal of the time limit to all processes of a job.
        with _deaf(signal.SIGUSR2):
            self.worker = start_worker()
        signal.signal(signal.SIGTERM, self._forward)
        try:
            train_cell(self.job, self.worker)
        except WorkerLost:
            if not self.stopped:
                raise
        self._end()
        if self.stopped and not finished(self.job.run):
            time.sleep(GRACE)
        return self.job.name

    def checkpoint(self) -> DelayedSubmission:
        """End with a checkpoint, and go on in the next job of the same number."""
        self._end()
        return DelayedSubmission(_call, SlurmCell(self.job))

    def _forward(self, *_: object) -> None:
        # Comes twice now and then; submitit's own handler would swallow it.
        self.stopped = True
        if self.worker is not None:
            self.worker.close()

    def _end(self) -> None:
        """Let the worker end. Not by its own `wait`, on top of which a handler may be running."""
        if self.worker is None or self.worker.process is None:
            return
        self.worker.close()
        with suppress(ChildProcessError):
            while os.waitpid(self.worker.process.pid, os.WNOHANG) == (0, 0):
                time.sleep(0.05)
        self.worker = None


@contextmanager
def _deaf(number: int) -> Iterator[None]:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)


def _largest_array() -> int:
    for line in _asked("scontrol", "show", "config").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "MaxArraySize" and value.strip().isdigit():
            return max(1, int(value))
    return LARGEST_ARRAY


def _asked(*words: str) -> str:
    try:
        answer = subprocess.run(words, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ExecutorFailed(executor="slurm", reason=_one_line(error)) from None
    return answer.stdout


def _one_line(error: Exception) -> str:
    text = str(getattr(error, "stderr", "") or error)
    return " ".join(text.split())
