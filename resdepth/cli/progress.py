"""The progress of work on stderr: a live line on a terminal, plain lines elsewhere."""

import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from resdepth.cli import console, signals
from resdepth.training.observer import Observer, Start

REFRESH = 0.1
"""Seconds between two updates of the live line."""
PLAIN = 10.0
"""Seconds between two plain lines."""


class Progress:
    """Shows how much is done of a total, described by the caller's line."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet, self.shown, self.done, self.total = quiet, 0.0, 0, 0
        self.bar: Any = None

    def start(self, done: int, total: int) -> None:
        """Open a bar if stderr is a terminal."""
        self.began, self.first, self.total = time.perf_counter(), done, total
        if not console.interactive() or self.quiet:
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        text = TextColumn("{task.description}", markup=False)
        columns = (text, BarColumn(bar_width=20), TimeRemainingColumn(compact=True))
        self.bar = Bar(*columns, console=Console(stderr=True), refresh_per_second=5)
        self.task = self.bar.add_task("", total=total, completed=done)
        self.bar.start()

    def update(self, done: int, describe: Callable[[], str]) -> None:
        """Show a line, with the time left, if it is time for another one; always at either end."""
        self.done = done
        now, pause = time.perf_counter(), REFRESH if self.bar else PLAIN
        if self.quiet or (now - self.shown < pause and done not in (self.first, self.total)):
            return
        self.shown = now
        if self.bar:
            self.bar.update(self.task, completed=done, description=describe())
        else:
            speed = self.speed(done)
            left = int((self.total - done) / speed) if speed > 0 and done < self.total else 0
            console.say(f"{describe()}  {left // 60}:{left % 60:02d} left" if left else describe())

    def close(self) -> None:
        """Remove the bar."""
        if self.bar:
            self.bar.stop()
            self.bar = None

    def speed(self, done: int) -> float:
        """Units per second since the start."""
        return (done - self.first) / max(time.perf_counter() - self.began, 1e-9)


class Terminal(Observer):
    """The observer of training; a signal asks the running loop to stop."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.progress = Progress(quiet=quiet)
        self.open = ExitStack()

    def say(self, text: str) -> None:
        """Print a line on stderr."""
        console.say(text, quiet=self.quiet)

    def start(self, what: Start) -> None:
        """Show the title, and a bar if stderr is a terminal."""
        self.what = what
        self.open.enter_context(signals.watched(self._asked))
        self.say(f"{what.title}: {what.steps} steps")
        self.progress.start(what.step, what.steps)

    def step(self, step: int, scalars: Mapping[str, float]) -> None:
        """Refresh the live line, or print a plain one every `PLAIN` seconds."""
        self.progress.update(step, lambda: self._line(step, scalars))

    def end(self) -> None:
        """Remove the bar."""
        self.open.close()
        self.progress.close()

    def stop(self) -> int | None:
        """The first signal received, if any."""
        return signals.received()

    def _asked(self, number: int) -> None:
        self.say(
            f"stopping after this step ({signal.Signals(number).name}); a second signal stops at "
            "once"
        )

    def _line(self, step: int, scalars: Mapping[str, float]) -> str:
        epochs = self.what.steps // self.what.steps_per_epoch
        epoch = step // self.what.steps_per_epoch
        parts = [f"epoch {epoch}/{epochs}", f"loss {scalars['loss']:.4g}"]
        if "accuracy" in scalars:
            parts.append(f"accuracy {scalars['accuracy']:.1%}")
        if "avg_grad_norm" in scalars:
            parts.append(f"Ω {scalars['avg_grad_norm']:.3g}")
        norms = [(tag, value) for tag, value in scalars.items() if tag.startswith("p_var")]
        parts += [f"{tag.rpartition('/')[2]}-var {value:.3g}" for tag, value in norms[:1]]
        if step > self.what.step:
            parts.append(f"{self.progress.speed(step):.3g} steps/s")
        return "  ".join(parts)
