"""What the environment tells matplotlib, and the window that `--show` opens."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from resdepth.data.cache_folder import temporary_folder
from resdepth.options.location import home_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_backend = ""
"""What MPLBACKEND named."""


def settle_environment() -> None:
    """Let matplotlib, which reads the environment when it is imported, come to terms with it.

    MPLBACKEND is taken out for `--show` to try: matplotlib cannot even be imported where it names
    a backend of another environment, as it does in the cells of a notebook. Without a home folder
    its caches get a place of ours, which is found again.
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
