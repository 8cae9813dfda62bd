"""Where data is kept by default."""

import os
import tempfile
import warnings
from pathlib import Path

from resdepth.options.location import home_folder


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/resdepth, ~/.cache/resdepth, or with a warning a temporary folder."""
    named, home = os.environ.get("XDG_CACHE_HOME"), home_folder()
    parent = Path(named) if named else home and home / ".cache"
    reason = "there is no home folder"
    if parent is not None:
        folder = parent / "resdepth"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        except OSError as error:
            reason = f"{folder}: {error.strerror}"
    folder = temporary_folder()
    warnings.warn(f"data is kept in {folder} ({reason})", stacklevel=2)
    return folder


def temporary_folder() -> Path:
    """A folder that only this user can read, in the system's folder for temporary files."""
    folder = Path(tempfile.gettempdir()) / f"resdepth-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # Anybody may have made it; what is read from it must be our own.
        ours = folder.lstat().st_uid == os.getuid()
    except OSError:
        ours = False
    return folder if ours else Path(tempfile.mkdtemp(prefix="resdepth-"))
