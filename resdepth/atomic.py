"""Write files whole or not at all: fill a temporary sibling, synchronise it, rename it."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from resdepth.errors import System

SUFFIX = ".part"  # Suffix of temporary siblings; their names begin with a dot.
LONGEST = 200
"""Bytes of a file's name that its temporary sibling repeats; the sibling's may not be too long."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError into the System error of a `path` that cannot be written."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "free some space, or " * full + "choose another `out`; no file is incomplete"
        raise System(path, f"cannot write: {error.strerror or error}", remedy) from None


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a temporary sibling of `path`, then rename it; a failure changes nothing."""
    temporary = _temporary(path)
    with writing(path):
        try:
            make_folder(path.parent)
            with temporary.open("wb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
            # The new name must be on disk too, or a power cut could undo the rename.
            descriptor = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            _discard(temporary)
            raise


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """`write_whole` for content that is in memory."""
    write_whole(path, lambda stream: stream.write(content))


def write_text(path: Path, text: str) -> None:
    """`write_whole` for UTF-8 text; a lone surrogate (PEP 383) becomes an escape, as in JSON."""
    write_bytes(path, text.encode(errors="backslashreplace"))


def sweep(folder: Path) -> None:
    """Remove the temporary files that a killed process left anywhere in `folder`."""
    for path in folder.rglob(f".*{SUFFIX}"):
        _discard(path)


def make_folder(folder: Path) -> list[Path]:
    """Make `folder` with parents, or none if that fails; returns those made, innermost first."""
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
    """Check, before a long computation, that each of `paths` can be written; leave no trace.

    Makes and removes a temporary sibling of each, with missing folders, since permissions do not
    bind the superuser and ignore read-only file systems. Raises System.
    """
    for path in paths:
        temporary = _temporary(path)
        with writing(path):
            made = make_folder(path.parent)
            try:
                with contextlib.suppress(FileNotFoundError):
                    if stat.S_ISDIR(path.stat().st_mode):
                        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                temporary.touch()
            finally:
                _discard(temporary)
                _remove_empty(made)


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _temporary(path: Path) -> Path:
    kept = os.fsdecode(os.fsencode(path.name)[:LONGEST])
    return path.with_name(f".{kept}.{os.getpid()}{SUFFIX}")


def _discard(temporary: Path) -> None:
    # A path that cannot be written may not be removable either: below a file, or too long.
    with contextlib.suppress(OSError):
        temporary.unlink()
