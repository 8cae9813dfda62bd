"""How every figure command ends: picture and numbers written, printed, shown."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resdepth.cli import console
from resdepth.data.place import temporary_folder
from resdepth.options.place import home_folder

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


def finish(
    drawn: "Figure | None",
    numbers: Any,
    out: Path,
    *,
    json: bool,
    show: bool = False,
    numbers_path: Path | None = None,
    written: Iterable[Path] = (),
) -> None:
    """Write the figure to `out` (None: there is none) and the numbers beside it, and say so.

    With `json` the numbers go to stdout, and the paths to stderr. `written` were written before.

    Raises
    ------
    NoDisplay
        `show` was asked for where no window can open; the files are written all the same.
    """
    from resdepth.figures import style
    from resdepth.records import as_json, write_numbers

    paths = list(written)
    if drawn is not None:
        style.save(drawn, out)
        paths.append(out)
    paths.append(write_numbers(numbers_path or out.with_suffix(".json"), numbers))
    if json:
        print(as_json(numbers))
    console.wrote(paths, aside=json)
    if show and drawn is not None:
        open_window(drawn, out)


def open_window(drawn: "Figure", out: Path) -> None:
    """Show a figure that was written to `out`; NoDisplay where no window can open."""
    from resdepth.figures import style

    style.show(drawn, out, _backend)
