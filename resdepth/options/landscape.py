"""Options of `resdepth landscape render`, `landscape trajectory` and `landscape vis`."""

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from resdepth.errors import Usage
from resdepth.options.base import PER_CORE, Options, option
from resdepth.options.fields import Needs, needs
from resdepth.options.location import PICTURES, place
from resdepth.options.train import Device

Kind = Literal["random", "pca", "hessian", "runs"]
"""Where directions come from."""
SURFACE = "landscape.npy"
"""What `landscape render` writes into a run by default."""
MOVING = (".gif",)
SURFACES, GRIDS = ".vts", ".vti"
SUFFIXES = (*PICTURES, ".html", *MOVING, SURFACES, GRIDS)
"""Files that a surface can be drawn into."""
DRAWN = tuple(suffix for suffix in SUFFIXES if suffix != GRIDS)
"""Those whose heights or colours depend on how it is drawn; a grid holds the numbers alone."""


RESUME: Any = option(False, "resume an interrupted surface", flags=("--resume",))
STEPS_B: Any = option(None, "points along the second axis", default_text="as --steps", ge=2)


class EvaluationOptions(Options):
    """On what, and by what, a loss is evaluated."""

    subset: int | None = option(
        None, "random part of the training data", unit="samples", default_text="all of it", ge=1
    )
    seed: int = option(0, "seed of the directions and of --subset", ge=0, lt=2**63)
    device: Device = option("auto", "where to compute", hidden=("gpu",))
    engine: Literal["auto", "cpu", "cuda", "eager", "reference"] = option(
        "auto", "implementation of a fully connected network; auto: the fastest that can run it"
    )
    threads: int | None = option(None, "CPU threads", default_text=PER_CORE, ge=1)


class RenderOptions(EvaluationOptions):
    """Which losses to evaluate around which weights."""

    NEEDS: ClassVar[dict[str, Needs]] = {
        "pairs": needs("directions", "random", seen="towards_what"),
        "norms": needs("directions", "random", seen="towards_what"),
        "steps_b": needs("dimensions", 2, seen="axes"),
        "span_b": needs("dimensions", 2, seen="axes"),
        "rise": needs("span", "auto", seen="used_span"),
        "seed": needs("directions", "random", "hessian", seen="towards_what") + needs("subset"),
    }

    sources: tuple[Path, ...] = option(
        (),
        "run folder, its manifest.json or a YAML file of 'train --print-config'; then a checkpoint",
        positional=True,
        default_text="the newest checkpoint of the run",
    )
    directions: tuple[str, ...] = option(
        (),
        "random; pca: principal directions of the run's checkpoints; hessian: eigenvectors of the "
        "largest eigenvalues; PATH: towards the weights of another run or checkpoint (two of them "
        "span a plane)",
        words=("random", "pca", "hessian"),
        default_text="random",
    )
    dimensions: int | None = option(
        None, "directions", default_text="2; towards other runs, their number", ge=1, le=2
    )
    pairs: int = option(1, "number of independent sets of random directions", ge=1)
    steps: int = option(100, "points along each axis", ge=2)
    steps_b: int | None = STEPS_B
    span: float | Literal["auto"] | None = option(
        None,
        "the axes run from -span to span, or towards another run (at 1) from 1/2 - span to 1/2 + "
        "span; auto: doubled until the mean loss at the ends is --rise times the loss at the "
        "centre, or halfway to its highest value",
        default_text="1; auto for pca and hessian",
    )
    span_b: float | None = option(None, "span of the second axis", default_text="as --span", gt=0)
    rise: float = option(10.0, "multiple of the loss at the centre at which --span auto ends", gt=1)
    normalise: Literal["filter", "layer", "none"] | None = option(
        None,
        "scale the directions to the norm of each filter (row of A_k) or of each layer, or not",
        default_text="filter for random, else none",
    )
    norms: bool = option(
        False,
        "let random directions also change the biases and normalisations of a convolutional "
        "network",
    )
    statistics: Literal["centre", "recalibrated"] | None = option(
        None,
        "batch statistics of a convolutional network: those of the centre, or recomputed in each "
        "cell",
        default_text="centre; recalibrated towards another run",
    )
    out: Path | None = option(None, "file to write (.npy)", default_text="RUN/landscape.npy")
    resume: bool = RESUME

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if isinstance(self.span, float) and self.span <= 0:
            reason = f"should be above 0 or auto, not {self.span:g}"
            raise Usage("span", reason, "the axes run from -span to span")
        words = [word for word in self.directions if word in ("random", "pca", "hessian")]
        if (words and len(self.directions) > 1) or len(self.directions) > 2:
            raise Usage("directions", "is one word, or one or two runs", "leave the others out")
        if self.kind == "runs" and self.dimensions not in (None, len(self.directions)):
            raise Usage("dimensions", f"is {len(self.directions)} for as many runs", "leave it out")
        if self.kind == "runs" and (self.span == "auto" or self.statistics == "centre"):
            name = "span=auto" if self.span == "auto" else "statistics=centre"
            reason = "does not fit directions towards another run, whose loss it would not show"
            raise Usage(name, reason, "leave it out")
        return self

    @property
    def kind(self) -> Kind:
        """Where the directions come from."""
        words: tuple[Kind, ...] = ("random", "pca", "hessian")
        first = (*self.directions, "random")[0]
        return next((word for word in words if word == first), "runs")

    @property
    def towards(self) -> tuple[Path, ...]:
        """The other runs or checkpoints."""
        return tuple(map(place, self.directions)) if self.kind == "runs" else ()

    @property
    def towards_what(self) -> str:
        """Where the directions come from, as the help of --directions has it."""
        return "RUN" if self.kind == "runs" else self.kind

    @property
    def axes(self) -> int:
        """How many directions there are."""
        return len(self.towards) or self.dimensions or 2

    @property
    def counts(self) -> tuple[int, ...]:
        """Points along each axis."""
        return (self.steps, self.steps_b or self.steps)[: self.axes]

    @property
    def spans(self) -> tuple[float | None, ...]:
        """Half the length of each axis, None where it is to be found."""
        found = self.kind in ("pca", "hessian") if self.span is None else self.span == "auto"
        given = None if found else float(self.span or 1.0)
        return (given, self.span_b or given)[: self.axes]

    @property
    def used_span(self) -> float | str:
        """The span of the first axis, auto if that of any axis is to be found."""
        return "auto" if None in self.spans else float(self.spans[0] or 1.0)

    @property
    def normalisation(self) -> Literal["filter", "layer", "none"]:
        """What the directions are scaled to."""
        return self.normalise or ("filter" if self.kind == "random" else "none")


class DrawingOptions(Options):
    """How a surface is drawn."""

    NEEDS: ClassVar[dict[str, Needs]] = {
        "log": needs("out", *DRAWN, seen="suffix"),
        "columns": needs("out", *PICTURES, *MOVING, seen="suffix"),
        "show": needs("out", *PICTURES, seen="suffix"),
    }

    out: Path | None = None
    log: bool = option(False, "draw on a logarithmic scale", flags=("--log",))
    columns: int = option(1, "width of the figure in columns of a paper", ge=1, le=2)
    show: bool = option(False, "also show the figure in a window", flags=("--show",))

    @property
    def suffix(self) -> str:
        """The suffix of the file that is written; `out` may have none."""
        suffix = "" if self.out is None else self.out.suffix.lower()
        return suffix if suffix in SUFFIXES else PICTURES[0]


class TrajectoryOptions(EvaluationOptions, DrawingOptions):
    """Which plane of a run's checkpoints to look at, and how."""

    NEEDS: ClassVar[dict[str, Needs]] = DrawingOptions.NEEDS | {"seed": needs("subset")}

    sources: tuple[Path, ...] = option((), "run folder", positional=True)
    steps: int = option(41, "points along each axis", ge=2)
    steps_b: int | None = STEPS_B
    margin: float = option(
        0.3,
        "how far each axis extends beyond the path, relative to the extent of the path along it",
        ge=0,
    )
    centred: bool = option(
        True, "subtract the mean of the checkpoints before their principal directions are computed"
    )
    out: Path | None = option(
        None,
        "figure to write (.pdf, .svg, .png, .html or .gif); the surface is written next to it",
        default_text="RUN/trajectory.pdf",
    )
    resume: bool = RESUME

    @property
    def counts(self) -> tuple[int, int]:
        """Points along each axis."""
        return self.steps, self.steps_b or self.steps


class VisOptions(DrawingOptions):
    """Which values of a surface to draw, and how."""

    NEEDS: ClassVar[dict[str, Needs]] = DrawingOptions.NEEDS | dict.fromkeys(
        ("quantity", "clip"), DrawingOptions.NEEDS["log"]
    )

    surface: Path = option(
        ...,
        "surface that 'landscape' wrote, a run folder that contains one, or any .npy file",
        positional=True,
    )
    kind: Literal["surface", "contour", "line"] | None = option(
        None,
        "picture to draw",
        default_text="surface; line for one direction, contour for a trajectory or several pairs",
    )
    quantity: Literal["loss", "accuracy"] = option("loss", "what to draw")
    clip: float | None = option(None, "draw larger values as this value")
    out: Path | None = option(
        None,
        "figure to write: .pdf, .svg, .png; .html (interactive); .vts, .vti (for ParaView); .gif "
        "(of a trajectory)",
        default_text="<SURFACE>_<kind>.pdf",
    )
