"""Files appear whole or not at all: a temporary sibling is written, synchronised and renamed."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from resdepth.errors import WriteFailed

SUFFIX = ".part"
"""Of the temporary siblings, which begin with a dot."""


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a temporary sibling of `path`, then put it in place.

    Raises
    ------
    WriteFailed
        The operating system refused; what was at `path` before is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _synchronise_folder(path.parent)
    except OSError as error:
        _discard(temporary)
        raise WriteFailed(path=path, reason=error.strerror or str(error)) from None
    except BaseException:
        _discard(temporary)
        raise


def write_text(path: Path, text: str) -> None:
    """`write_whole` for UTF-8 text."""
    write_whole(path, lambda stream: stream.write(text.encode()))


def sweep(folder: Path) -> None:
    """Remove the temporary files that a killed process left anywhere in `folder`."""
    for path in folder.rglob(f".*{SUFFIX}"):
        _discard(path)


def _discard(temporary: Path) -> None:
    # What could not be written may not be removable either: a path below a file, a name too long.
    with contextlib.suppress(OSError):
        temporary.unlink()


def _synchronise_folder(folder: Path) -> None:
    # The new name must be on disk too, or a power cut could undo the rename.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
