"""How every analysis ends: save the numbers, print them, then draw the figure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resdepth.atomic import check_writable, write_text
from resdepth.cli import console
from resdepth.cli.parameters import command_line
from resdepth.cli.spelling import spell
from resdepth.errors import Impossible, ResdepthError, System
from resdepth.options.base import AnalysisInvocation, Options
from resdepth.options.location import PICTURES, written_as

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from resdepth.runs.provenance import Provenance

Draw = Callable[[], "Figure | Sequence[Path]"]
"""Draws a figure, or writes files itself and returns their paths."""


def output(path: Path) -> Path:
    """Add a suffix to `path`, and check that it and its .json can be written.

    Raises Usage for a suffix that is not that of a picture, System if writing there is refused.
    """
    out = written_as(path, PICTURES)
    check_writable(out, out.with_suffix(".json"))
    return out


def finish(
    draw: "Draw | None",
    numbers: Any,
    out: Path,
    origin: "Provenance",
    call: AnalysisInvocation,
    *,
    text: str = "",
    show: bool = False,
    numbers_path: Path | None = None,
    table: str = "",
) -> None:
    """Save the numbers next to `out`, print them, then draw the figure (if any) and write `out`.

    With `--json` the numbers go to stdout and the paths to stderr; otherwise `text` goes to stdout,
    with flags in place of the fields of options. Numbers that cannot be saved are printed as JSON.
    `table` is saved as .csv. Raises System if the numbers cannot be saved, or no window can open
    for `show`; Impossible if the figure cannot be drawn or written.
    """
    from resdepth.records import as_json, with_provenance, write_numbers

    saved = [numbers_path or out.with_suffix(".json")]
    failure = None
    try:
        write_numbers(saved[0], numbers, origin)
        if table:
            saved.append(out.with_suffix(".csv"))
            write_text(saved[1], table)
    except System as error:
        failure = error
    if call.json_ or failure:
        print(as_json(with_provenance(numbers, origin)), flush=True)
    elif text:
        print(spell(text), flush=True)
    if failure:
        raise failure
    illustrate(draw, out, saved, origin, call, show=show)


def origin_of(options: Options | Mapping[str, Any], sources: Iterable[Path] = ()) -> "Provenance":
    """Return the record of this call, with checksums of the files that were read."""
    from resdepth.runs.provenance import provenance

    return provenance(command_line(), options, sources)


def illustrate(
    draw: "Draw | None",
    out: Path,
    saved: Sequence[Path],
    origin: "Provenance",
    call: AnalysisInvocation,
    *,
    show: bool = False,
) -> None:
    """Draw the figure at `out` from numbers that are `saved`, and print all paths.

    Raises Impossible, which says where the numbers are, if it cannot be drawn or written.
    """
    made: Figure | Sequence[Path] = ()
    if draw is not None:
        from resdepth.figures import style

        try:
            made = draw()
            if not isinstance(made, Sequence):
                style.save(made, out, origin)
        except Exception as error:
            console.wrote(saved, aside=call.json_)
            # One line, whatever library failed.
            reason, remedy = f"{type(error).__name__}: {error}".partition("\n")[0], ""
            if isinstance(error, ResdepthError):
                reason, remedy = str(error), f"{error.remedy}; "
            reason = f"the figure could not be made: {reason}"
            raise Impossible(out, reason, f"{remedy}the numbers are in {saved[0]}") from error
    files = made if isinstance(made, Sequence) else [out]
    console.wrote([*files, *saved], aside=call.json_)
    if show and not isinstance(made, Sequence):
        style.show(made, out, *console.BACKEND)
