"""Where the executable begins: streams and signals first, then everything that takes time."""

import codecs
import errno
import gc
import io
import os
import sys

from typing_extensions import Buffer

from resdepth.cli import signals
from resdepth.errors import System

THRESHOLD = 100_000
"""New objects between two searches for cycles: imports make hundreds of thousands, none garbage,
and with Python's own threshold of 700 the searches are a tenth of importing torch."""
REMEDY = "the results could not be printed; files that the command wrote are complete"
ESCAPE = "resdepth.escape"
"""Encoding errors of results: a path's own bytes, a backslash escape for all else."""


def main() -> None:
    """Run the command line; a signal ends it with 128 and its number, whenever it comes."""
    gc.set_threshold(THRESHOLD)
    configure_streams()
    signals.install()
    try:
        from resdepth.cli.app import run

        code = run()
    except KeyboardInterrupt:
        code = signals.exit_code()
    except Exception:
        # What an interrupted import makes of a signal may have any name.
        if signals.received() is None:
            raise
        code = signals.exit_code()
    signals.ignore()
    sys.exit(code)


class _Stderr(io.FileIO):
    """Messages that cannot be written are dropped, so that nothing ends for lack of a reader."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


class _Stdout(io.FileIO):
    """A result that cannot be written is an error, but only once: Python writes again at exit."""

    failed = False

    def write(self, data: Buffer, /) -> int:
        try:
            return memoryview(data).nbytes if self.failed else super().write(data)
        except OSError as error:
            self.failed = True
            if isinstance(error, BrokenPipeError):
                raise
            closed = error.errno == errno.EBADF
            reason = "it is closed" if closed else error.strerror
            raise System("standard output", f"cannot write: {reason}", REMEDY) from None


def configure_streams() -> None:
    """Let stdout take every text in its encoding, and stderr never fail."""
    # A closed descriptor is opened: else a file takes its number, and what libraries print.
    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)
        if os.name == "posix":
            os.set_blocking(descriptor, True)  # A result waits for a slow reader.
    results = io.BufferedWriter(_Stdout(1, "w", closefd=False))
    sys.stdout = io.TextIOWrapper(
        results,
        getattr(sys.stdout, "encoding", None),
        ESCAPE,
        line_buffering=getattr(sys.stdout, "line_buffering", False),
    )
    # Without a buffer: a signal handler may print while something else is printed.
    messages = _Stderr(2, "w", closefd=False)
    encoding = getattr(sys.stderr, "encoding", None)
    sys.stderr = io.TextIOWrapper(messages, encoding, "backslashreplace", write_through=True)


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    try:
        # Bytes of a path that are no text are lone surrogates in a string.
        refused = error.object[error.start : error.end]
        return refused.encode("ascii", "surrogateescape"), error.end
    except UnicodeEncodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error(ESCAPE, _escape)
