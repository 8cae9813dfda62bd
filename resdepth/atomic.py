"""Files appear whole or not at all: a temporary sibling is written, synchronised and renamed."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from resdepth.errors import write_failed

SUFFIX = ".part"
"""Of the temporary siblings, which begin with a dot."""
LONGEST = 200
"""Bytes of a file's own name that its temporary sibling repeats."""


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a temporary sibling of `path`, then put it in place.

    Raises
    ------
    System
        The operating system refused; what was at `path` before is still there.
    """
    temporary = path.with_name(_temporary_name(path.name))
    try:
        make_folder(path.parent)
        with temporary.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _synchronise_folder(path.parent)
    except OSError as error:
        _discard(temporary)
        raise write_failed(path, error) from None
    except BaseException:
        _discard(temporary)
        raise


def write_text(path: Path, text: str) -> None:
    r"""`write_whole` for UTF-8 text.

    A byte of a path that is no UTF-8 is a lone surrogate in Python (surrogateescape, PEP 383). It
    is written as the escape `\udc80` … `\udcff`, which in JSON stands for that very surrogate.
    """
    write_whole(path, lambda stream: stream.write(text.encode(errors="backslashreplace")))


def sweep(folder: Path) -> None:
    """Remove the temporary files that a killed process left anywhere in `folder`."""
    for path in folder.rglob(f".*{SUFFIX}"):
        _discard(path)


def make_folder(folder: Path) -> list[Path]:
    """Make `folder` with its parents; a failure leaves none of them.

    Returns the folders that were missing, the innermost first.

    Raises
    ------
    OSError
        The operating system refused.
    """
    missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    except OSError:
        _remove_empty(missing)
        raise
    return missing


def check_writable(*paths: Path) -> None:
    """Try whether each of `paths` can be written before its content is computed; leave no trace.

    A temporary file is made beside each, and before it the folders that are missing: permissions
    alone say nothing to the superuser or of a read-only file system.

    Raises
    ------
    System
        One is a folder, has too long a name, or its folder takes no new file.
    """
    for path in paths:
        made: list[Path] = []
        temporary = path.with_name(_temporary_name(path.name))
        try:
            made = make_folder(path.parent)
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISDIR(path.stat().st_mode):
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            temporary.touch()
        except OSError as error:
            raise write_failed(path, error) from None
        finally:
            _discard(temporary)
            _remove_empty(made)


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _temporary_name(name: str) -> str:
    # As long as the system allows is too long with an addition.
    kept = os.fsdecode(os.fsencode(name)[:LONGEST])
    return f".{kept}.{os.getpid()}{SUFFIX}"


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
