"""How far training is, in a notebook."""

import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from resdepth import html
from resdepth.training.observer import Silent, Start

REFRESH = 0.2
"""Seconds between two updates of the line."""


class NotebookProgress(Silent):
    """The observer for a cell: a bar with the newest scalars, and what is said below it.

    `resdepth.train(options, observer=resdepth.NotebookProgress())`; one for each run.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.handle: Any = None
        # Only a notebook has it.
        self.display: Any = import_module("IPython.display")
        self.shown = 0.0

    def say(self, text: str) -> None:
        """One more line below the bar."""
        self.said.append(text)
        self._show()

    def start(self, what: Start) -> None:
        """Show the bar."""
        self.what, self.done = what, what.step
        self.scalars: Mapping[str, float] = {}
        self.handle = self.display.display(self._page(), display_id=True)

    def step(self, step: int, scalars: Mapping[str, float]) -> None:
        """Move the bar, now and then and at the end."""
        self.done, self.scalars = step, scalars
        if time.perf_counter() - self.shown > REFRESH or step >= self.what.steps:
            self._show()

    def end(self) -> None:
        """Show where it ended."""
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
