"""One handler for every signal that ends a command, from its start to its end.

A signal raises KeyboardInterrupt. While torch is imported, which this would break, the signal is
only remembered. A training loop watches for the first signal and stops by itself; a second one
raises.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
ENDING = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))

TWICE = 10.0
"""Seconds in which a second SIGTERM is ignored: batch systems send it twice."""

_number: int | None = None
_since = 0.0
_polite: Callable[[int], None] | None = None
_deferred = False


def install() -> None:
    """Handle the signals, but not a hangup that the caller ignores (nohup)."""
    for number in ENDING:
        hangup = number == getattr(signal, "SIGHUP", None)
        if not (hangup and signal.getsignal(number) == signal.SIG_IGN):
            signal.signal(number, _asked)


def ignore() -> None:
    """Ignore the signals from now on: the work is done."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def received() -> int | None:
    """The first signal that arrived, if any."""
    return _number


def exit_code() -> int:
    """128 and the number of the signal that ended the command."""
    return 128 + (_number or signal.SIGINT)


@contextmanager
def deferred() -> Iterator[None]:
    """Delay the effect of a signal that arrives inside."""
    global _deferred
    _deferred = True
    try:
        yield
    finally:
        _deferred = False
    if _number is not None:
        raise KeyboardInterrupt


@contextmanager
def watched(tell: Callable[[int], None]) -> Iterator[None]:
    """Inside, the first signal only calls `tell`, and the caller looks at `received`."""
    global _polite
    _polite = tell
    try:
        yield
    finally:
        _polite = None


def _asked(number: int, frame: FrameType | None) -> None:
    global _number, _since
    now = time.monotonic()
    if number == _number == signal.SIGTERM and now < _since + TWICE:
        return
    first, _number, _since = _number is None, _number or number, now
    if _deferred:
        return
    if first and _polite is not None:
        _polite(number)
        return
    raise KeyboardInterrupt
