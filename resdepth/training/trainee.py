"""What a session trains: a network of any family, as a sequence of records."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from resdepth.runs.checkpoint import Checkpoint
from resdepth.runs.manifest import Detail

Say = Callable[[str], None]
"""Takes one line about what is going on."""


class Stage(Protocol):
    """Where training stands: whatever a family needs to go on with update `step`."""

    @property
    def step(self) -> int:
        """Updates done."""


S = TypeVar("S", bound=Stage)


@dataclass(frozen=True)
class Record(Generic[S]):
    """What was measured at `step`, before its update.

    `state` is the newest one that can be kept (its own step may be the next), None where a device
    that runs ahead kept none. `finite` is False where loss or weights are not all finite.
    """

    step: int
    scalars: dict[str, float]
    finite: bool
    state: S | None


class Clock:
    """Time of the steps, without what is done beside them."""

    def __init__(self) -> None:
        self.durations: list[float] = []
        self._since = time.perf_counter()

    def lap(self, steps: int = 1) -> None:
        """So many steps have ended since the last lap."""
        now = time.perf_counter()
        self.durations += [(now - self._since) / steps] * steps
        self._since = now

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside is no time of a step."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._since += time.perf_counter() - began

    def seconds_per_step(self, *, overlapped: bool) -> float | None:
        """Median over the steps but the first; the mean where they arrive in bursts."""
        durations = self.durations[1:] or self.durations
        if not durations:
            return None
        return statistics.fmean(durations) if overlapped else statistics.median(durations)


@dataclass(frozen=True)
class Description:
    """What a manifest says of a trainee, and the title that a terminal shows."""

    title: str
    device: str
    engine: str
    steps: int
    steps_per_epoch: int
    data: str
    """Fingerprint of the data set."""
    overlapped: bool
    """Whether the device runs ahead of what is recorded."""


class Trainee(Protocol[S]):
    """A network with its data and descent, ready to be trained.

    `Session` asks for a state to start from, draws records, and does with them what `logs`,
    `validates` and `keeps` say.
    """

    @property
    def described(self) -> Description:
        """What it is."""

    def start(self) -> S:
        """The untrained state."""

    def restored(self, checkpoint: Checkpoint, path: Path) -> S:
        """The state of a checkpoint; Corrupt where it is another network's."""

    def records(self, start: S, clock: Clock) -> Iterator[Record[S]]:
        """Train from `start` to the end; every step's record in order, `clock.lap` at each."""

    def logs(self, step: int) -> bool:
        """Whether the scalars of `step` are written."""

    def validates(self, step: int) -> bool:
        """Whether the state of `step` is evaluated on the validation set."""

    def keeps(self, step: int) -> bool:
        """Whether the state of `step` becomes a checkpoint."""

    def validate(self, state: S) -> dict[str, float]:
        """Scalars on the validation set by tag."""

    def checkpoint(self, state: S) -> Checkpoint:
        """The state as it is stored."""

    def final(self, state: S) -> tuple[dict[str, float], Detail]:
        """The last metrics for the manifest, and what has to be said of them."""

    def blame(self, record: Record[S]) -> Detail:
        """More about where a record that is not finite went wrong."""

    def export(self, folder: Path, state: S) -> None:
        """Write the weights for other programs into the run folder."""
