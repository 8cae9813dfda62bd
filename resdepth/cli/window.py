"""The environment that matplotlib reads, and the window that `--show` opens."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from resdepth.data.cache_folder import temporary_folder
from resdepth.options.location import home_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_backend = ""
"""The value of MPLBACKEND."""


def settle_environment() -> None:
    """Prepare the environment that matplotlib reads when it is imported.

    MPLBACKEND is removed and kept for `--show`: it may name a backend of another environment, as in
    the cells of a notebook, with which matplotlib cannot be imported. Without a home folder its
    caches get a permanent folder of ours.
    """
    global _backend
    _backend = os.environ.pop("MPLBACKEND", "")
    home = home_folder()
    if "MPLCONFIGDIR" not in os.environ and (
        home is None or not os.access(home, os.W_OK | os.X_OK)
    ):
        os.environ["MPLCONFIGDIR"] = str(temporary_folder() / "matplotlib")


def open_window(drawn: "Figure", out: Path) -> None:
    """Show a figure that was written to `out`; System if no window can open."""
    from resdepth.figures import style

    style.show(drawn, out, _backend)
