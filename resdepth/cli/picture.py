"""How every figure command ends: picture and numbers written, printed, shown."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resdepth.cli import console

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
        style.show(drawn, out)
