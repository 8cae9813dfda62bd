"""Options of `resdepth landscape vis`."""

from pathlib import Path
from typing import Literal

from resdepth.options.base import AnalysisInvocation, Options, option


class VisOptions(Options):
    """How to draw a surface."""

    surface: Path = option(
        ...,
        "surface that 'landscape' wrote, a run that it was written into, or any .npy",
        positional=True,
    )
    kind: Literal["surface", "contour", "line"] | None = option(
        None,
        "picture to draw",
        default_text="surface; line for one direction, contour for a trajectory or several pairs",
    )
    quantity: Literal["loss", "accuracy"] = option("loss", "what to draw")
    log: bool = option(False, "logarithmic values", flags=("--log",))
    clip: float | None = option(None, "draw values above this one as this one")
    columns: int = option(1, "width of the figure in columns of a paper", ge=1, le=2)
    out: Path | None = option(
        None,
        "figure to write: .pdf, .svg, .png; .html to turn it; .vts, .vti for ParaView; .gif, .mp4 "
        "of a trajectory",
        default_text="<SURFACE>_<kind>.pdf",
    )
    show: bool = option(False, "open a window", flags=("--show",))


class VisInvocation(AnalysisInvocation):
    """One call of `landscape vis`."""
