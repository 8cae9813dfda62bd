"""Search folders for files; used for event files, weights and images alike."""

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

    `enter` decides for each subfolder whether to search it. A folder with several names is searched
    under each, or `once`. Links are followed, except to a folder on the way down to the link, so
    that loops end. Dangling links and folders that cannot be read are skipped with a warning.
    """
    start = os.path.realpath(folder)
    known = {start}
    pending: list[tuple[Path, tuple[str, ...]]] = [
        (path, (start,)) for path in reversed(_entries(folder))
    ]
    while pending:
        path, above = pending.pop()
        try:
            mode = path.stat().st_mode  # Of the file that a link leads to.
        except OSError as error:
            _warn(path, error)
            continue
        if stat.S_ISREG(mode):
            yield path
        elif stat.S_ISDIR(mode):
            real = os.path.realpath(path)
            if real not in (known if once else above) and (enter is None or enter(path)):
                known.add(real)
                inside = (*above, real)
                pending += [(inner, inside) for inner in reversed(_entries(path))]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        _warn(folder, error)
        return []


def _warn(path: Path, error: OSError) -> None:
    dangling = error.errno in (errno.ENOENT, errno.ELOOP)
    what = "a link to nothing" if dangling else "cannot be read"
    warnings.warn(f"{path}: {what} ({error.strerror or error}); left out", stacklevel=3)
