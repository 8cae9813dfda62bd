"""What a job of Slurm runs: one cell of a study, with a checkpoint at its time limit."""

import os
import shlex
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

from submitit.helpers import DelayedSubmission

from resdepth.studies.cell import Job, finished, train_cell
from resdepth.studies.worker import Worker, WorkerLost

GRACE = 180.0
"""Seconds that a job stopped from outside waits for its end: if it exited by itself, Slurm would
count it as failed and not requeue it."""
EARLY = 'trap "" USR2; exec "$@"'
"""Without it the signal of the time limit kills a job whose Python is still starting, and the job
is lost: Slurm does not requeue a job that died of a signal."""


def python_command(given: str | None) -> str:
    """The shell words that start Python in a job; -P keeps the current folder off its path."""
    return f"sh -c {shlex.quote(EARLY)} sh {given or shlex.quote(sys.executable)} -P"


def call(cell: "SlurmCell") -> str:
    """Train a cell; submitit pickles a function by its name."""
    return cell()


@dataclass
class SlurmCell:
    """One cell; submitit calls `checkpoint` at the time limit."""

    job: Job
    worker: Worker | None = field(default=None, repr=False)
    stopped: bool = False

    def __call__(self) -> str:
        """Train the cell; return its name, for submitit's record."""
        # Slurm sends the signal of the time limit to all processes of a job; the worker inherits
        # that it ignores it.
        before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        self.worker = Worker()
        signal.signal(signal.SIGUSR2, before)
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
        """End with a checkpoint; the next job with this number resumes the cell."""
        self._end()
        return DelayedSubmission(call, SlurmCell(self.job))

    def _forward(self, *_: object) -> None:
        # The signal may come twice. submitit's own handler would ignore it.
        self.stopped = True
        if self.worker is not None:
            self.worker.close()

    def _end(self) -> None:
        """Close the worker and wait, not by `Worker.wait`, which this handler may interrupt."""
        if self.worker is None:
            return
        self.worker.close()
        with suppress(ChildProcessError):
            while os.waitpid(self.worker.process.pid, os.WNOHANG) == (0, 0):
                time.sleep(0.05)
        self.worker = None
