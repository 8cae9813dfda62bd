"""Where data lies when nothing else is said."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder for resdepth: $XDG_CACHE_HOME/resdepth or ~/.cache/resdepth."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "resdepth"
