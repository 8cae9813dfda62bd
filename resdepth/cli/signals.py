"""One handler for every signal that asks a command to end, from its first moment to its last.

A signal ends the work by a KeyboardInterrupt; while torch is imported, which could not stand that,
it is remembered, and while something watches for it (a training loop), it is a polite request, of
which the second one is none.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
ENDING = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))

TWICE = 10.0
"""Seconds in which a second SIGTERM says no more than the first: batch systems send it twice."""

_number: int | None = None
_since = 0.0
_polite: Callable[[int], None] | None = None
_deferred = False


def install() -> None:
    """Take the signals over; one that the caller has switched off (nohup) stays off."""
    for number in ENDING:
        hangup = number == getattr(signal, "SIGHUP", None)
        if not (hangup and signal.getsignal(number) == signal.SIG_IGN):
            signal.signal(number, _asked)


def ignore() -> None:
    """From now on the signals change nothing: the work is done."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def received() -> int | None:
    """The first signal that came, if one did."""
    return _number


def exit_code() -> int:
    """128 and the number of the signal that ended the command."""
    return 128 + (_number or signal.SIGINT)


@contextmanager
def deferred() -> Iterator[None]:
    """Remember a signal that comes inside; it ends the work after that."""
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
    """Inside, the first signal is a request: `tell` says so, and who looks at `received` stops."""
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
