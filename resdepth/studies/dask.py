"""The cells of a study as tasks of a running Dask cluster, which goes on without us."""

import queue
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distributed import Client, Future, fire_and_forget

from resdepth.errors import executor_failed
from resdepth.studies.cell import Job, train_cell
from resdepth.studies.executor import Tell, command_lines
from resdepth.studies.worker import Worker, WorkerLost, start_worker

PATIENCE = 10
"""Seconds that a scheduler may take to answer."""
ATTEMPTS = 2
AT_WORK = ("waiting", "queued", "no-worker", "processing")

_idle: "queue.SimpleQueue[Worker]" = queue.SimpleQueue()
"""Our workers in a process of Dask's: each trains one cell after another."""


def create(settings: Mapping[str, Any], device: str) -> "Dask":
    """The cluster at the address of the settings; a GPU a cell where the device asks for one."""
    return Dask(str(settings["scheduler"]), int(device in ("cuda", "gpu")))


class Dask:
    """Submits to a scheduler that is not ours."""

    cpus = 1
    probes_here = False

    def __init__(self, address: str, gpus: int) -> None:
        self.address, self.gpus = address, gpus

    def submit(
        self, jobs: Sequence[Job], after: Sequence[str] = (), active: Iterable[str] = ()
    ) -> list[str]:
        """Submit one task per cell, the most expensive first; keys are the handles."""
        keys = [f"{job.name}-{uuid.uuid4().hex}" for job in jobs]
        with self._client() as client:
            before: list[Any] = [Future(key, client) for key in after]
            for key, job in zip(keys, jobs, strict=True):
                needs = {"resources": {"GPU": self.gpus}} if self.gpus else {}
                future = client.submit(
                    train, job, *before, key=key, pure=False, priority=job.cost, **needs
                )
                fire_and_forget(future)  # type: ignore[no-untyped-call]
        return keys

    def preview(self, jobs: Sequence[Job]) -> str:
        """The command of each cell."""
        return command_lines(jobs)

    def active(self, handles: Iterable[str]) -> set[str]:
        """What the scheduler still has to do."""
        wanted = set(handles)

        def states(dask_scheduler: Any) -> dict[str, str]:
            return {str(k): t.state for k, t in dask_scheduler.tasks.items() if k in wanted}

        with self._client() as client:
            found: dict[str, str] = client.run_on_scheduler(states)
        return {key for key, state in found.items() if state in AT_WORK}

    def cancel(self, handles: Iterable[str]) -> None:
        """Take tasks from the scheduler; those that run look for the file that stops them."""
        known = sorted(self.active(handles))
        with self._client() as client:
            client.cancel([Future(key, client) for key in known], force=True)

    def wait(self, tell: Tell) -> None:
        """Nothing: the cluster goes on without us."""

    def _client(self) -> Client:
        try:
            return Client(  # type: ignore[no-untyped-call]
                self.address, timeout=PATIENCE, set_as_default=False
            )
        except (OSError, ValueError, TimeoutError) as error:
            reason = f"no scheduler at {self.address} ({' '.join(str(error).split())})"
            raise executor_failed("dask", reason) from None


def train(job: Job, *before: object) -> str:
    """Train a cell in a worker of Dask, and return its name; `before` are the tasks it waits for.

    Raises
    ------
    WorkerLost
        Its process has died with two workers.
    """
    for attempt in range(ATTEMPTS):
        try:
            worker = _idle.get_nowait()
        except queue.Empty:
            worker = start_worker()
        try:
            train_cell(job, worker)
        except WorkerLost:
            if attempt + 1 == ATTEMPTS:
                raise
            continue
        _idle.put(worker)
        break
    return job.name
