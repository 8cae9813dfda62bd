"""Who watches a run: nobody by default, a notebook, or the terminal of `cli/progress.py`."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from resdepth import html

REFRESH = 0.2
"""Seconds between two updates of a notebook."""


@dataclass(frozen=True)
class Start:
    """What is about to run: engine and device in words, steps done and steps in all."""

    title: str
    step: int
    steps: int
    steps_per_epoch: int


class Observer:
    """Watches a run; this one ignores it.

    `start` is called before the first step, `step` after each one, `say` with messages, and `end`
    after the last step, even after an error.
    """

    def say(self, text: str) -> None: ...

    def start(self, what: Start) -> None: ...

    def step(self, step: int, scalars: Mapping[str, float]) -> None: ...

    def end(self) -> None: ...

    def stop(self) -> int | None:
        """Return the number of a signal to end the run after this step; None: continue."""
        return None


class NotebookProgress(Observer):
    """Shows a bar with the newest scalars in a notebook, and messages below it.

    `resdepth.train(options, observer=resdepth.NotebookProgress())`; one for each run.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.handle: Any = None
        # Only a notebook has it.
        self.display: Any = import_module("IPython.display")
        self.shown = 0.0

    def say(self, text: str) -> None:
        self.said.append(text)
        self._show()

    def start(self, what: Start) -> None:
        self.what, self.done = what, what.step
        self.scalars: Mapping[str, float] = {}
        self.handle = self.display.display(self._page(), display_id=True)

    def step(self, step: int, scalars: Mapping[str, float]) -> None:
        self.done, self.scalars = step, scalars
        if time.perf_counter() - self.shown > REFRESH or step >= self.what.steps:
            self._show()

    def end(self) -> None:
        self._show()

    def _show(self) -> None:
        self.shown = time.perf_counter()
        if self.handle is not None:
            self.handle.update(self._page())

    def _page(self) -> Any:
        what = self.what
        bar = f'<progress max="{what.steps}" value="{self.done}"></progress>'
        title = html.cell(f"{what.title}: step {self.done} of {what.steps}")
        lines = "".join(f"<br>{html.cell(line)}" for line in self.said)
        return self.display.HTML(f"{bar} {title}{html.facts(self.scalars)}{lines}")
