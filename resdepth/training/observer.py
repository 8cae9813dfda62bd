"""Who watches a run. The terminal is one observer; the default watches nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Start:
    """What is about to run: engine and device in words, steps done and steps in all."""

    title: str
    step: int
    steps: int
    steps_per_epoch: int


class Observer(Protocol):
    """Told what happens; `stop` is asked after each step and names the signal that ends the run."""

    def say(self, text: str) -> None:
        """One line about what is going on."""

    def start(self, what: Start) -> None:
        """The loop begins."""

    def step(self, step: int, scalars: Mapping[str, float]) -> None:
        """A step was evaluated."""

    def end(self) -> None:
        """The loop is over."""

    def stop(self) -> int | None:
        """The number of the signal that asks to stop, or None."""


class Silent:
    """The observer that watches nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def start(self, what: Start) -> None:
        """Nothing."""

    def step(self, step: int, scalars: Mapping[str, float]) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""

    def stop(self) -> int | None:
        """Never."""
        return None
