"""The cells of a study on this machine: workers side by side, each with its share of the cores."""

import contextlib
import os
import queue
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from resdepth.cores import available_cores, available_threads
from resdepth.errors import executor_failed
from resdepth.studies.cell import Job, note, train_cell
from resdepth.studies.executor import Tell, command_lines
from resdepth.studies.worker import Worker, WorkerLost, start_worker, start_workers

ATTEMPTS = 2
"""Workers that may die with one cell before it is given up, and at their start before no more is
started in their place."""
VISIBLE = "CUDA_VISIBLE_DEVICES"
Waiting = tuple[float, int, int, Job]
"""A cell that waits: what it costs (negative), its number, the attempt, its job."""


def create(settings: Mapping[str, Any], device: str) -> "Local":
    """As many workers as asked for; by default one per GPU, or one per core."""
    devices = [] if device in ("cpu", "mps") else gpus()
    cores = available_cores()
    workers = settings.get("workers") or len(devices) or cores
    return Local(workers, min(available_threads(), max(1, cores // workers)), devices)


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
    ends, however it does, the workers end with a checkpoint of what they train. Each slot has one
    worker at a time; a slot whose workers die at their start is given up, and with the last slot
    the study.
    """

    probes_here = True

    def __init__(self, workers: int, cpus: int, devices: Sequence[str]) -> None:
        self.count, self.cpus, self.devices = workers, cpus, devices
        self.gpus = int(bool(devices))
        self._waiting: queue.PriorityQueue[Waiting] = queue.PriorityQueue()
        self._ended: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._workers: dict[int, Worker] = {}
        self._done: list[Worker] = []
        self._idle: list[int] = []
        self._slots = self._open = 0
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
            made = start_workers([self._environment(slot) for slot in slots])
            self._workers |= zip(slots, made, strict=True)
            self._open += len(slots)
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
            for worker in self._close():
                worker.wait()

    def _work(self, slot: int) -> None:
        failures = 0
        while (taken := self._take(slot)) is not None:
            cost, number, attempt, job = taken
            try:
                worker = self._worker(slot)
                if worker is not None:
                    train_cell(job, worker)
                failures = 0
            except WorkerLost as lost:
                with self._lock:
                    self._workers.pop(slot, None)
                # Only a cell that was being trained may be why its worker died.
                started = lost.started
                failures = 0 if started else failures + 1
                if failures == ATTEMPTS and not self._closed:
                    other = self._give_up(taken, lost)
                    if other is None:
                        return
                    slot, failures = other, 0
                    continue
                if attempt + started <= ATTEMPTS and not self._closed:
                    self._waiting.put((cost, number, attempt + started, job))
                    continue
            except Exception as error:  # Whoever waits raises it.
                self._error = error
            self._ended.put(job)
        # Its share of the memory is free for those that still work.
        with self._lock:
            if worker := self._workers.pop(slot, None):
                self._done.append(worker)
                worker.close()

    def _take(self, slot: int) -> Waiting | None:
        """What a slot is to train next; None ends it."""
        with self._lock:
            if not self._closed:
                with contextlib.suppress(queue.Empty):
                    return self._waiting.get_nowait()
            self._open -= 1
            self._idle.append(slot)
            return None

    def _give_up(self, taken: Waiting, lost: WorkerLost) -> int | None:
        """End a slot that can start no worker; another slot that has nothing to do, if needed.

        If there is no other slot, the study ends.
        """
        with self._lock:
            self._open -= 1
            self._waiting.put(taken)
            if self._open:
                return None
            if self._idle:
                self._open += 1
                return self._idle.pop()
            left = [self._waiting.get_nowait()[-1] for _ in range(self._waiting.qsize())]
        why = f"no worker can be started: the last one {lost.reason}"
        for job in left:
            note(job, why)
        self._error = executor_failed("local", f"{why}{lost.printed}")
        for job in left:
            self._ended.put(job)
        return None

    def _worker(self, slot: int) -> Worker | None:
        """The worker of a slot, started if there is none; None when all is over."""
        with self._lock:
            if not self._closed and slot not in self._workers:
                self._workers[slot] = start_worker(self._environment(slot))
            return self._workers.get(slot)

    def _environment(self, slot: int) -> dict[str, str]:
        return {VISIBLE: self.devices[slot % len(self.devices)]} if self.devices else {}

    def _close(self) -> list[Worker]:
        """Let all workers end."""
        with self._lock:
            self._closed = True
            workers = [*self._workers.values(), *self._done]
        for worker in workers:
            worker.close()
        return workers
