"""How training shows on a terminal: a live line where there is one, plain lines elsewhere."""

import signal
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from resdepth.cli import console
from resdepth.experiment.observer import Start

REFRESH = 0.1
"""Seconds between two updates of the live line."""
PLAIN = 10.0
"""Seconds between two plain lines."""


class Terminal:
    """The observer of `train`; it also turns Ctrl-C and SIGTERM into a polite request to stop."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.signal: int | None = None
        self.running = False
        self.progress: Progress | None = None
        self.shown = 0.0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked)

    def say(self, text: str) -> None:
        """One line on stderr."""
        console.say(text, quiet=self.quiet)

    def start(self, what: Start) -> None:
        """Show the title, and a bar where stderr is a terminal."""
        self.what, self.began, self.running = what, time.perf_counter(), True
        self.say(f"{what.title}: {what.steps} steps")
        if console.interactive() and not self.quiet:
            self.progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TimeRemainingColumn(compact=True),
                console=Console(stderr=True),
                refresh_per_second=5,
            )
            self.task = self.progress.add_task("", total=what.steps, completed=what.step)
            self.progress.start()

    def step(self, step: int, scalars: Mapping[str, float]) -> None:
        """Refresh the live line, or print a plain one now and then."""
        if self.quiet:
            return
        now = time.perf_counter()
        pause = REFRESH if self.progress else PLAIN
        last = step == self.what.steps
        if now - self.shown < pause and not (last or step == self.what.step):
            return
        self.shown = now
        line = self._line(step, scalars, now)
        if self.progress:
            self.progress.update(self.task, completed=step, description=line)
        else:
            left = self._left(step, now)
            console.say(f"{line}{left}")

    def end(self) -> None:
        """Take the bar away."""
        self.running = False
        if self.progress:
            self.progress.stop()
            self.progress = None

    def stop(self) -> int | None:
        """The signal that came, if one did."""
        return self.signal

    def _asked(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None or not self.running:
            self.signal = number
            raise KeyboardInterrupt
        self.signal = number
        self.say(
            f"stopping after this step ({signal.Signals(number).name}); once more stops at once"
        )

    def _speed(self, step: int, now: float) -> float:
        return (step - self.what.step) / max(now - self.began, 1e-9)

    def _left(self, step: int, now: float) -> str:
        speed = self._speed(step, now)
        if speed <= 0 or step >= self.what.steps:
            return ""
        seconds = int((self.what.steps - step) / speed)
        return f"  {seconds // 60}:{seconds % 60:02d} left"

    def _line(self, step: int, scalars: Mapping[str, float], now: float) -> str:
        epochs, epoch = (
            self.what.steps // self.what.steps_per_epoch,
            step // self.what.steps_per_epoch,
        )
        parts = [f"epoch {epoch}/{epochs}", f"loss {scalars['loss']:.4g}"]
        if "accuracy" in scalars:
            parts.append(f"accuracy {scalars['accuracy']:.1%}")
        if "avg_grad_norm" in scalars:
            parts.append(f"Ω {scalars['avg_grad_norm']:.3g}")
        norms: list[Any] = [
            (tag, value) for tag, value in scalars.items() if tag.startswith("p_var")
        ]
        parts += [f"{tag.rpartition('/')[2]}-var {value:.3g}" for tag, value in norms[:1]]
        if step > self.what.step:
            parts.append(f"{self._speed(step, now):.3g} steps/s")
        return "  ".join(parts)
