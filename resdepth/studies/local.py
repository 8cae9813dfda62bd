"""The cells of a study on this machine: several at a time, each with its share of the cores."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from resdepth.cores import available_cores, available_threads
from resdepth.errors import System, executor_failed
from resdepth.studies.cell import Job, note, train_cell
from resdepth.studies.executor import Executor
from resdepth.studies.worker import Worker, WorkerLost

ATTEMPTS = 2
"""Workers that may die with a cell before it is given up, or in a row at their start."""
VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> list[str]:
    """The GPUs that CUDA may use, found without initialising CUDA."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name for name in named.split(",") if name.strip() not in ("", "-1")]
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


class Trainer:
    """Trains cells in a worker, and starts another one if it dies; several threads may use it."""

    def __init__(self, executor: str) -> None:
        self._executor = executor
        self._worker: Worker | None = None
        self._closed = False
        self.reason = ""  # Why no worker can be started.
        self._lock = threading.Lock()

    def train(self, job: Job, environment: Mapping[str, str] | None = None) -> None:
        """Train a cell to its end; raises System if no worker can, WorkerLost if two died."""
        for attempt in range(1, ATTEMPTS + 1):
            worker = self._started()
            try:
                if worker is not None:
                    train_cell(job, worker, environment)
                return
            except WorkerLost:
                if attempt == ATTEMPTS:
                    raise

    def close(self) -> None:
        """End the worker, and with a checkpoint what it trains."""
        self._closed = True
        if self._worker is not None:
            self._worker.close()
            self._worker.wait()

    def _started(self) -> Worker | None:
        """A worker whose imports have ended; None after `close`."""
        with self._lock:
            for _ in range(ATTEMPTS):
                if self._closed:
                    return None
                if self._worker is not None and self._worker.alive:
                    return self._worker
                self._worker = Worker()
                if self._closed:
                    self._worker.close()
                if self._worker.started():
                    return self._worker
                lost = self._worker.lost()
        if self._closed:
            return None
        self.reason = f"no worker can be started: the last one {lost.reason}"
        raise executor_failed(self._executor, f"{self.reason}{lost.printed}")


class Local(Executor):
    """Threads that take one cell after another, the most expensive first.

    As many cells as `workers` says train at once; by default one per GPU, or one per core. When
    this process ends, for whatever reason, the cells in training end with a checkpoint.
    """

    probes_here = True

    def __init__(self, settings: Mapping[str, Any], device: str) -> None:
        self.devices = [] if device in ("cpu", "mps") else visible_gpus()
        self.gpus, cores = int(bool(self.devices)), available_cores()
        self.count = int(settings.get("workers") or len(self.devices) or cores)
        self.cpus = min(available_threads(), max(1, cores // self.count))
        self._waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._left: dict[str, Job] = {}
        self._trainer = Trainer("local")
        self._error: Exception | None = None

    def submit(
        self, jobs: Sequence[Job], after: Sequence[str] = (), active: Iterable[str] = ()
    ) -> list[str]:
        self._left = {job.name: job for job in jobs}
        for job in sorted(jobs, key=lambda job: -job.cost):
            self._waiting.put(job)
        for slot in range(min(self.count, len(jobs))):
            threading.Thread(target=self._work, args=(slot,), daemon=True).start()
        return list(self._left)

    def wait(self, tell: Callable[[str], None]) -> None:
        try:
            while self._left:
                name = self._ended.get().name
                if self._error is not None:
                    raise self._error
                del self._left[name]
                tell(name)
        except System as error:
            for job in self._left.values():
                note(job, self._trainer.reason or error.what)
                tell(job.name)
            raise
        finally:
            self._trainer.close()

    def _work(self, slot: int) -> None:
        devices = self.devices
        environment = {VISIBLE: devices[slot % len(devices)]} if devices else {}
        with suppress(queue.Empty):
            while self._error is None:
                job = self._waiting.get_nowait()
                try:
                    self._trainer.train(job, environment)
                except WorkerLost:
                    pass  # `train_cell` has written the reason into the log.
                except Exception as error:
                    self._error = error
                self._ended.put(job)
