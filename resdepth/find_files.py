"""Find the files below a folder; event files, weights and images are all found this way."""

import errno
import os
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path


def walk(
    folder: Path, enter: Callable[[Path], bool] | None = None, *, once: bool = False
) -> Iterator[Path]:
    """Yield every file in or below `folder`, in the order of `sorted(folder.rglob("*"))`.

    Follows links, except back into a folder that contains the link, so that loops end. Leaves out,
    with a warning, links to nothing and folders that cannot be read.

    Parameters
    ----------
    enter:
        Whether to search a subfolder; by default all are searched.
    once:
        Search a folder that several links lead to under the first name only, not under each.
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
    """The type of file that `path` or its link leads to; 0 if that cannot be found out."""
    try:
        return path.stat().st_mode
    except OSError as error:
        _warn(path, error)
        return 0


def _warn(path: Path, error: OSError) -> None:
    nowhere = error.errno in (errno.ENOENT, errno.ELOOP)
    what = "a link to nothing" if nowhere else "cannot be read"
    warnings.warn(f"{path}: {what} ({error.strerror or error}); left out", stacklevel=3)
