"""The standard streams as every command needs them: talk never fails, results never in silence.

A closed descriptor is opened again before anything else can take its number: what a library says
to the lost stderr would otherwise land in the first file that is opened. Talk (stderr) goes
nowhere where nobody takes it; a result (stdout) that cannot be written is an error of its own.
"""

import codecs
import errno
import io
import locale
import os
import select
import sys

from resdepth.errors import System

STDIN, STDOUT, STDERR = 0, 1, 2
ESCAPE = "resdepth.escape"
"""Encoding errors of results: a path's own bytes, a backslash escape for all else."""


class _Stream(io.RawIOBase):
    """A descriptor that stays open when Python closes its streams."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def fileno(self) -> int:
        return self.descriptor

    def isatty(self) -> bool:
        return os.isatty(self.descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: "memoryview | bytes") -> int:  # type: ignore[override]
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self.descriptor, left) :]
            except BlockingIOError:
                # Its reader made the pipe non-blocking, and is slow.
                select.select([], [self.descriptor], [])
        return len(data)


class Talk(_Stream):
    """Progress, warnings and complaints: what cannot be said is not said."""

    def write(self, data: "memoryview | bytes") -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError:
            return len(data)


class Results(_Stream):
    """What was asked for; after the first failure it is silent, so that the exit is in order."""

    failed = False

    def write(self, data: "memoryview | bytes") -> int:  # type: ignore[override]
        if self.failed:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            self.failed = True
            if isinstance(error, BrokenPipeError):
                raise
            closed = error.errno == errno.EBADF
            reason = "it is closed" if closed else error.strerror
            raise System(
                "standard output",
                f"cannot write: {reason}",
                "the results did not arrive; files that the command wrote are complete",
            ) from None


def open_streams() -> None:
    """Put our streams in the place of Python's."""
    for descriptor, mode in ((STDIN, os.O_RDONLY), (STDOUT, os.O_RDONLY), (STDERR, os.O_WRONLY)):
        _keep(descriptor, mode)
    results = io.BufferedWriter(Results(STDOUT))  # type: ignore[type-var]
    sys.stdout = _text(sys.stdout, results, ESCAPE)
    # Without a buffer: a signal handler may speak while something else is being said.
    sys.stderr = _text(sys.stderr, Talk(STDERR), "backslashreplace", through=True)


def _keep(descriptor: int, mode: int) -> None:
    """Open a closed descriptor on the null device; one opened for reading refuses what is written.

    The lowest free number is given, and descriptors are gone through from the lowest.
    """
    try:
        os.fstat(descriptor)
    except OSError:
        os.set_inheritable(os.open(os.devnull, mode), True)


def _text(
    stream: object, binary: io.IOBase, errors: str, *, through: bool = False
) -> io.TextIOWrapper:
    """Text over `binary`, in the encoding and with the buffering of `stream`."""
    return io.TextIOWrapper(
        binary,  # type: ignore[arg-type]
        encoding=getattr(stream, "encoding", None) or locale.getpreferredencoding(False),
        errors=errors,
        line_buffering=bool(getattr(stream, "line_buffering", False)),
        write_through=through or bool(getattr(stream, "write_through", False)),
    )


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    try:
        # Bytes of a path that are no text stand as lone surrogates: they are given back.
        refused = error.object[error.start : error.end]
        return refused.encode("ascii", "surrogateescape"), error.end
    except UnicodeEncodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error(ESCAPE, _escape)
