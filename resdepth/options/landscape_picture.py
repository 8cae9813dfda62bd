"""Options of `resdepth landscape vis`."""

from pathlib import Path
from typing import ClassVar, Literal

from resdepth.options.base import Options, option
from resdepth.options.effect import Needs, needs
from resdepth.options.location import PICTURES

MOVING = (".gif",)
SURFACES, GRIDS = ".vts", ".vti"
SUFFIXES = (*PICTURES, ".html", *MOVING, SURFACES, GRIDS)
"""Files that a surface can be drawn into."""
DRAWN = tuple(suffix for suffix in SUFFIXES if suffix != GRIDS)
"""Those whose heights or colours depend on how it is drawn; a grid holds the numbers alone."""


def suffix_of(out: Path | None) -> str:
    """The suffix of the file that `out` names, which is the first of them by default."""
    suffix = "" if out is None else out.suffix.lower()
    return suffix if suffix in SUFFIXES else PICTURES[0]


class VisOptions(Options):
    """How to draw a surface."""

    NEEDS: ClassVar[dict[str, Needs]] = {
        "quantity": needs("out", *DRAWN, seen="suffix"),
        "log": needs("out", *DRAWN, seen="suffix"),
        "clip": needs("out", *DRAWN, seen="suffix"),
        "columns": needs("out", *PICTURES, *MOVING, seen="suffix"),
        "show": needs("out", *PICTURES, seen="suffix"),
    }

    surface: Path = option(
        ...,
        "surface that 'landscape' wrote, a run folder that contains one, or any .npy file",
        positional=True,
    )
    kind: Literal["surface", "contour", "line"] | None = option(
        None,
        "kind of figure",
        default_text="surface; line for one direction, contour for a trajectory or several pairs",
    )
    quantity: Literal["loss", "accuracy"] = option("loss", "what to draw")
    log: bool = option(False, "logarithmic scale", flags=("--log",))
    clip: float | None = option(None, "draw larger values as this value")
    columns: int = option(1, "width of the figure in columns of a paper", ge=1, le=2)
    out: Path | None = option(
        None,
        "figure to write: .pdf, .svg, .png; .html (interactive); .vts, .vti (for ParaView); .gif "
        "(of a trajectory)",
        default_text="<SURFACE>_<kind>.pdf",
    )
    show: bool = option(False, "also show the figure in a window", flags=("--show",))

    @property
    def suffix(self) -> str:
        """The kind of file that is written."""
        return suffix_of(self.out)
