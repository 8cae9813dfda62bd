"""What a session trains: a network of any family, as a sequence of records."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch

from resdepth.runs.checkpoint import Checkpoint
from resdepth.runs.manifest import Detail, Parent

Say = Callable[[str], None]
"""Takes a line about what happens."""


class Stage(Protocol):
    """A state of training, from which it continues with update `step`."""

    @property
    def step(self) -> int: ...


S = TypeVar("S", bound=Stage)


@dataclass(frozen=True)
class Record(Generic[S]):
    """What was measured at `step`, before its update.

    `state` is the newest one that can be kept, of this step or the next, None if a device that runs
    ahead kept none. `finite`: loss and weights are finite. `last`: training ends here, early.
    """

    step: int
    scalars: dict[str, float]
    finite: bool
    state: S | None
    last: bool = False


class Clock:
    """The time that steps take, without what is done between them."""

    def __init__(self) -> None:
        self.durations: list[float] = []
        self._since = time.perf_counter()

    def lap(self, steps: int = 1) -> None:
        """Note that `steps` have ended since the last lap."""
        now = time.perf_counter()
        self.durations += [(now - self._since) / steps] * steps
        self._since = now

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time spent inside."""
        began = time.perf_counter()
        yield
        self._since += time.perf_counter() - began

    def seconds_per_step(self, *, overlapped: bool) -> float | None:
        """Median over all steps but the first; the mean if they arrive in bursts."""
        durations = self.durations[1:] or self.durations
        if not durations:
            return None
        return statistics.fmean(durations) if overlapped else statistics.median(durations)


class Trainee(Protocol[S]):
    """A network with its data and descent, ready to be trained.

    `fingerprint` is the checksum of the data; `overlapped`: the device runs ahead of the records;
    `parent` is the checkpoint of another run that it started from.
    `log_every`, `validate_every` and `keep_every` are steps; 0 means: only at the end.
    """

    title: str
    engine_name: str
    device: torch.device
    fingerprint: str
    steps: int
    steps_per_epoch: int
    overlapped: bool
    log_every: int
    validate_every: int
    keep_every: tuple[int, ...]
    parent: Parent | None = None

    def logs(self, step: int) -> bool:
        """Whether the scalars of `step` are written."""
        return step == self.steps or step % self.log_every == 0

    def validates(self, step: int) -> bool:
        """Whether the state of `step` is evaluated on the validation set."""
        every = self.validate_every
        return step == self.steps or (every > 0 and step % every == 0)

    def keeps(self, step: int) -> bool:
        """Whether the state of `step` becomes a checkpoint."""
        return step > 0 and any(every and step % every == 0 for every in self.keep_every)

    def start(self) -> S: ...

    def restored(self, checkpoint: Checkpoint, path: Path) -> S:
        """The state of a checkpoint; raises Corrupt if it is another network's."""

    def records(self, start: S, clock: Clock) -> Iterator[Record[S]]:
        """Train from `start` to the end; every step's record in order, `clock.lap` at each."""

    def validate(self, state: S) -> dict[str, float]:
        """Scalars on the validation set by tag."""

    def checkpoint(self, state: S) -> Checkpoint: ...

    def final(self, state: S) -> tuple[dict[str, float], Detail]:
        """The last metrics for the manifest, and its details."""

    def blame(self, record: Record[S]) -> Detail:
        """More about where a record that is not finite went wrong."""
        return {}

    def export(self, folder: Path, state: S) -> None:
        """Write the weights for other programs, if the checkpoint does not hold them by name."""
        return
