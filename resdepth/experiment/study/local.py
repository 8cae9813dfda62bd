"""The cells of a study on this machine: workers side by side, each with its share of the cores."""

import os
import queue
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from resdepth.errors import WorkerLost
from resdepth.experiment.study.cell import Job, train_cell
from resdepth.experiment.study.executor import Tell, command_lines
from resdepth.experiment.study.worker import Worker, start_worker, start_workers
from resdepth.runs.manifest import available_threads

ATTEMPTS = 2
"""Workers that may die with one cell before it is given up."""
VISIBLE = "CUDA_VISIBLE_DEVICES"


def create(settings: Mapping[str, Any], device: str) -> "Local":
    """As many workers as asked for: one a core, or one a GPU."""
    devices = [] if device in ("cpu", "mps") else gpus()
    cores = available_threads()
    return Local(settings.get("workers") or len(devices) or cores, cores, devices)


def gpus() -> list[str]:
    """The GPUs that CUDA may use, asked of nobody who would begin to use them."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name for name in named.split(",") if name.strip() not in ("", "-1")]
    there = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    return [str(number) for number in range(len(there))]


class Local:
    """Threads that wait for workers, the most expensive cell first.

    A worker that dies takes one cell with it, which another one goes on with. When this process
    ends, however it does, the workers end with a checkpoint of what they train.
    """

    probes_here = True

    def __init__(self, workers: int, cores: int, devices: Sequence[str]) -> None:
        self.count, self.devices = workers, devices
        self.cpus = max(1, cores // workers)
        self.gpus = int(bool(devices))
        self._waiting: queue.PriorityQueue[tuple[float, int, int, Job]] = queue.PriorityQueue()
        self._ended: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._workers: dict[int, Worker] = {}
        self._made: list[Worker] = []
        self._slots = 0
        self._lock = threading.Lock()
        self._closed = False
        self._error: Exception | None = None
        self._jobs = 0

    def submit(
        self, jobs: Sequence[Job], after: Sequence[str] = (), active: Iterable[str] = ()
    ) -> list[str]:
        """Begin with the most expensive of them."""
        for number, job in enumerate(jobs, start=self._jobs):
            self._waiting.put((-job.cost, number, 1, job))
        self._jobs += len(jobs)
        slots = range(self._slots, min(self.count, self._jobs))
        self._slots = max(self._slots, slots.stop)
        if slots:
            self._made += start_workers([self._environment(slot) for slot in slots])
            self._workers |= zip(slots, self._made[-len(slots) :], strict=True)
        for slot in slots:
            threading.Thread(target=self._work, args=(slot,), daemon=True).start()
        return [job.name for job in jobs]

    def preview(self, jobs: Sequence[Job]) -> str:
        """The command of each cell."""
        return command_lines(jobs)

    def active(self, handles: Iterable[str]) -> set[str]:
        """None: its jobs end with the process that has submitted them."""
        return set()

    def cancel(self, handles: Iterable[str]) -> None:
        """Nothing: workers look for the files that stop cells."""

    def wait(self, tell: Tell) -> None:
        """Until every cell has ended; an interruption ends them all with checkpoints."""
        try:
            for _ in range(self._jobs):
                tell(self._ended.get().name)
                if self._error is not None:
                    raise self._error
        finally:
            self._close()
            for worker in self._made:
                worker.wait()

    def _work(self, slot: int) -> None:
        while not self._closed:
            try:
                cost, number, attempt, job = self._waiting.get_nowait()
            except queue.Empty:
                break
            try:
                worker = self._worker(slot)
                if worker is not None:
                    train_cell(job, worker)
            except WorkerLost:
                self._workers.pop(slot, None)
                if attempt < ATTEMPTS and not self._closed:
                    self._waiting.put((cost, number, attempt + 1, job))
                    continue
            except Exception as error:  # Whoever waits raises it.
                self._error = error
            self._ended.put(job)
        # Its share of the memory is free for those that still work.
        with self._lock:
            worker = self._workers.pop(slot, None)
        if worker is not None:
            worker.close()

    def _worker(self, slot: int) -> Worker | None:
        """The worker of a slot, begun where there is none; None where all is over."""
        with self._lock:
            if not self._closed and slot not in self._workers:
                self._workers[slot] = start_worker(self._environment(slot))
                self._made.append(self._workers[slot])
            return self._workers.get(slot)

    def _environment(self, slot: int) -> dict[str, str]:
        return {VISIBLE: self.devices[slot % len(self.devices)]} if self.devices else {}

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            workers = list(self._workers.values())
        for worker in workers:
            worker.close()
