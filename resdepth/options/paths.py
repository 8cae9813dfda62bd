"""Options of `resdepth paths norm`, `paths weights`, `paths profile` and `paths scaling`."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from resdepth.errors import Usage
from resdepth.options.base import Options, option
from resdepth.options.fields import Needs, needs

LONGEST = 4096
"""Rows or columns of the input of a convolution."""


class PathOptions(Options):
    """Which models to look at, how to scale them, where to draw them."""

    OLD_NAMES: ClassVar[dict[str, str]] = {"dir_path": "sources"}

    sources: tuple[Path, ...] = option(
        ...,
        "runs, folders of runs or of weight files, weight files, or index files",
        positional=True,
        min_length=1,
    )
    ext: str | None = option(None, "read only files with this extension", default_text="any")
    beta: float | None = option(
        None,
        "exponent of the scaling L^beta",
        default_text="1 - alpha of the runs, 0 for a pattern",
    )
    pattern: str | None = option(
        None,
        "names of tensors in other people's checkpoints: {k} is the number of the layer; * is any "
        "text, and each text is a family of its own",
    )
    layers: str | None = option(None, "layers k of the pattern, as in 1-7", default_text="all")
    allow_mixed: bool = option(
        False,
        "use also runs that differ in more than seed and depth, did not finish, or repeat another",
        flags=("--allow-mixed",),
    )
    columns: int = option(1, "width of the figure in columns of a paper", ge=1, le=2)
    show: bool = option(False, "also show the figure in a window", flags=("--show",))

    @property
    def layer_range(self) -> tuple[int, int] | None:
        """The first and the last layer of `--layers`; None stands for all."""
        if self.layers is None:
            return None
        first, _, last = self.layers.partition("-")
        if not (first.isdecimal() and last.isdecimal()) or int(first) > int(last):
            reason = f"should be the first and the last layer as in 1-7, not '{self.layers}'"
            raise Usage("layers", reason)
        return int(first), int(last)

    @model_validator(mode="after")
    def _one_layer_number(self) -> Self:
        if self.pattern is not None and self.pattern.count("{k}") != 1:
            raise Usage("pattern", f"should have one {{k}}, the layer, not '{self.pattern}'")
        _ = self.layer_range
        return self


class CurveOptions(PathOptions):
    """Curves that can be compared with those of layers in random order."""

    null: bool = option(
        False,
        "compare with the layers in random order: a table, grey bands, and for runs of train the "
        "initial weights",
        flags=("--null",),
    )


class NormOptions(CurveOptions):
    """`paths norm`."""

    NEEDS: ClassVar[dict[str, Needs]] = {
        "norm": needs("pvar_only", False),
        "input_size": needs("norm", "operator"),
        "columns": needs("pvar_only", False),
        "show": needs("pvar_only", False),
    }

    norm: Literal["frobenius", "spectral", "operator"] = option(
        "frobenius",
        "norm of a layer; spectral: largest singular value as a matrix, operator: as a convolution",
    )
    input_size: str | None = option(
        None,
        "rows and columns of a convolution's input, for the operator norm, as in 32,32; for a run "
        "of resnet-cifar, those of its images",
        default_text="32 for resnet-cifar on CIFAR-10",
    )
    pvar: tuple[float, ...] = option(
        (), "print p-variation norms for this p (at least 1); may be repeated"
    )
    pvar_only: bool = option(
        False, "print the p-variation norms and draw nothing", flags=("--pvar-only",)
    )
    out: Path = option(Path("paths-norm.pdf"), "figure to write (.pdf, .svg or .png)")

    @property
    def size(self) -> tuple[int, ...]:
        """Lengths of the axes of a convolution's input, one for all; none: the known ones."""
        if self.input_size is None:
            return ()
        parts = [part.strip() for part in self.input_size.split(",")]
        if not all(part.isdecimal() and 0 < int(part) <= LONGEST for part in parts):
            reason = f"should be rows and columns as in 32,32, not '{self.input_size}'"
            raise Usage("input_size", reason)
        return tuple(map(int, parts))

    @model_validator(mode="after")
    def _exponents(self) -> Self:
        _ = self.size
        for p in self.pvar:
            if p < 1:
                raise Usage("pvar", f"should be at least 1, not {p:g}")
        if self.pvar_only and not self.pvar:
            raise Usage("pvar_only", "needs an exponent", "give `pvar`, for example 2")
        return self


class WeightsOptions(PathOptions):
    """`paths weights`."""

    OLD_NAMES: ClassVar[dict[str, str]] = PathOptions.OLD_NAMES | {"pos_x": "", "pos_y": ""}

    pos: tuple[str, ...] = option(
        (),
        "entry i,j of A_k, counted from 0; may be repeated",
        default_text="four spread over the matrix",
    )
    columns: int = option(2, "width of the figure in columns of a paper", ge=1, le=2)
    out: Path = option(Path("paths-weights.pdf"), "figure to write (.pdf, .svg or .png)")

    @property
    def entries(self) -> tuple[tuple[int, int], ...]:
        """The requested entries; none stands for the default ones."""
        found = []
        for word in self.pos:
            parts = word.split(",")
            if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
                raise Usage("pos", f"should be a row and a column as in 0,3, not '{word}'")
            found.append((int(parts[0]), int(parts[1])))
        return tuple(dict.fromkeys(found))

    @model_validator(mode="after")
    def _positions(self) -> Self:
        _ = self.entries
        return self


class ProfileOptions(CurveOptions):
    """`paths profile`."""

    p_min: float = option(1.0, "smallest exponent p", ge=1)
    p_max: float = option(4.0, "largest exponent p", ge=1)
    points: int = option(61, "number of exponents, both ends included", ge=2)
    out: Path = option(Path("paths-profile.pdf"), "figure to write (.pdf, .svg or .png)")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.p_max <= self.p_min:
            raise Usage("p_max", f"should be above `p_min={self.p_min:g}`, not {self.p_max:g}")
        return self


class ScalingOptions(PathOptions):
    """`paths scaling`."""

    beta: float | None = option(
        None,
        "exponent of the scaling L^beta of the 2-variation norm",
        default_text="1 - alpha of the runs, 0 for a pattern and for files of no run",
    )
    statistic: Literal["RMS", "M", "R", "I", "V1", "P2", "PR", "NOISE", "H"] | None = option(
        None,
        "draw this statistic alone, one line per seed, and say whether it is bounded or grows",
        default_text="eight panels",
    )
    columns: int = option(2, "width of the figure in columns of a paper", ge=1, le=2)
    out: Path = option(Path("paths-scaling.pdf"), "figure to write (.pdf, .svg or .png)")
