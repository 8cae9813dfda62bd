"""The one way through folders: for event files, weights and images alike."""

import errno
import os
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path


def walk(
    folder: Path, enter: Callable[[Path], bool] | None = None, *, once: bool = False
) -> Iterator[Path]:
    """Every file in or under `folder`, in the order of `sorted(folder.rglob("*"))`.

    Links are followed, and a folder that is met again on the way down from itself is not entered
    again, so that loops end. What cannot be looked at (a link that leads nowhere, a folder that may
    not be read) is left out with a warning.

    Parameters
    ----------
    enter:
        Asked before each folder below the first whether to look into it; None looks into all.
    once:
        A folder that two links lead to is entered once in all, by the first of them. Without it
        its files come under both names.
    """
    start = os.path.realpath(folder)
    seen = {start}
    above = [start]
    waiting = [iter(_entries(folder))]
    while waiting:
        path = next(waiting[-1], None)
        if path is None:
            waiting.pop()
            above.pop()
            continue
        mode = _mode(path)
        if stat.S_ISREG(mode):
            yield path
        elif stat.S_ISDIR(mode):
            real = os.path.realpath(path)
            if real not in (seen if once else above) and (enter is None or enter(path)):
                seen.add(real)
                above.append(real)
                waiting.append(iter(_entries(path)))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        _warn(folder, error)
        return []


def _mode(path: Path) -> int:
    """What `path` is, links followed; 0 where that cannot be found out."""
    try:
        return path.stat().st_mode
    except OSError as error:
        _warn(path, error)
        return 0


def _warn(path: Path, error: OSError) -> None:
    nowhere = error.errno in (errno.ENOENT, errno.ELOOP)
    what = "a link that leads nowhere" if nowhere else "cannot be looked into"
    warnings.warn(f"{path}: {what} ({error.strerror or error}), left out", stacklevel=3)
