"""The cells of a study as tasks of a running Dask cluster, which continues without this process."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distributed import Client, Future, fire_and_forget

from resdepth.errors import executor_failed
from resdepth.studies.cell import Job
from resdepth.studies.executor import Executor
from resdepth.studies.local import Trainer

PATIENCE = 10
"""Seconds that a scheduler may take to answer."""
AT_WORK = ("waiting", "queued", "no-worker", "processing")

_trainer = Trainer("dask")
"""Trains the cells in a process of Dask."""


class Dask(Executor):
    """Submits to a scheduler that is already running; one GPU per cell if the device needs one."""

    def __init__(self, settings: Mapping[str, Any], device: str) -> None:
        self.address, self.gpus = str(settings["scheduler"]), int(device in ("cuda", "gpu"))

    def submit(
        self, jobs: Sequence[Job], after: Sequence[str] = (), active: Iterable[str] = ()
    ) -> list[str]:
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

    def active(self, handles: Iterable[str]) -> set[str]:
        wanted = set(handles)

        def states(dask_scheduler: Any) -> dict[str, str]:
            return {str(k): t.state for k, t in dask_scheduler.tasks.items() if k in wanted}

        with self._client() as client:
            found: dict[str, str] = client.run_on_scheduler(states)
        return {key for key, state in found.items() if state in AT_WORK}

    def cancel(self, handles: Iterable[str]) -> None:
        """Remove tasks from the scheduler; running ones watch the file that stops them."""
        known = sorted(self.active(handles))
        with self._client() as client:
            client.cancel([Future(key, client) for key in known], force=True)

    def _client(self) -> Client:
        try:
            return Client(  # type: ignore[no-untyped-call]
                self.address, timeout=PATIENCE, set_as_default=False
            )
        except (OSError, ValueError, TimeoutError) as error:
            raise executor_failed("dask", f"no scheduler at {self.address} ({error})") from None


def train(job: Job, *before: object) -> str:
    """Train a cell in a process of Dask, and return its name; `before` are tasks it waited for."""
    _trainer.train(job)
    return job.name
