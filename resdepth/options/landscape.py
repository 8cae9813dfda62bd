"""Options of `resdepth landscape render` and `resdepth landscape vis`."""

from pathlib import Path
from typing import Literal

from resdepth.options.base import AnalysisInvocation, Options, option
from resdepth.options.train import Device


class RenderOptions(Options):
    """Which losses to evaluate around which weights."""

    sources: tuple[Path, ...] = option(
        (),
        "run folder, its manifest.json or the YAML of 'train --print-config'; a checkpoint to draw "
        "around",
        positional=True,
        default_text="the run's newest",
    )
    steps: int = option(100, "points along each axis", ge=2)
    span: float = option(1.0, "the axes run from -span to span", gt=0)
    dimensions: int = option(2, "random directions", ge=1, le=2)
    normalise: Literal["filter", "layer", "none"] = option(
        "filter", "scale the directions to the rows of A_k, to each A_k, or not"
    )
    subset: int | None = option(
        None, "random part of the training data", unit="samples", default_text="all of it", ge=1
    )
    seed: int = option(0, "seed of the directions and of --subset", ge=0, lt=2**63)
    device: Device = option("auto", "where to compute", hidden=("gpu",))
    engine: Literal["auto", "cpu", "cuda", "eager", "reference"] = option(
        "auto", "implementation of the network; auto: the fastest that can run it"
    )
    threads: int | None = option(None, "CPU threads", default_text="one a core", ge=1)
    out: Path | None = option(None, "file to write (.npy)", default_text="RUN/landscape.npy")
    resume: bool = option(False, "finish an interrupted surface", flags=("--resume",))


class RenderInvocation(AnalysisInvocation):
    """One call of `landscape render`."""


class VisOptions(Options):
    """How to draw a surface."""

    surface: Path = option(
        ..., "surface that 'landscape render' wrote, or any .npy", positional=True
    )
    kind: Literal["surface", "contour", "line"] | None = option(
        None, "picture to draw", default_text="surface, or line for one direction"
    )
    log: bool = option(False, "logarithmic losses", flags=("--log",))
    clip: float | None = option(None, "draw losses above this value as this value")
    columns: int = option(1, "width of the figure in columns of a paper", ge=1, le=2)
    out: Path | None = option(
        None, "figure to write (.pdf, .svg, .png or .html)", default_text="<SURFACE>_<kind>.pdf"
    )
    show: bool = option(False, "open a window", flags=("--show",))


class VisInvocation(AnalysisInvocation):
    """One call of `landscape vis`."""
