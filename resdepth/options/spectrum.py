"""Options of `resdepth spectrum`."""

from pathlib import Path
from typing import ClassVar, Literal

from resdepth.options.base import option
from resdepth.options.fields import Needs, needs
from resdepth.options.landscape import EvaluationOptions


class SpectrumOptions(EvaluationOptions):
    """Which second derivatives of the loss to compute, at which weights."""

    NEEDS: ClassVar[dict[str, Needs]] = {"steps": needs("density", True)}

    sources: tuple[Path, ...] = option(
        (),
        "run folders or checkpoints; one figure shows them all",
        positional=True,
        default_text="the newest checkpoint of a run",
    )
    matrix: Literal["hessian", "gauss-newton"] = option(
        "hessian", "matrix whose eigenvalues, counts, spectra and interaction are computed"
    )
    top: int = option(10, "largest eigenvalues", ge=1)
    smallest: int | None = option(
        None,
        "smallest eigenvalues",
        default_text="1; 0 for gauss-newton, which has none below 0",
        ge=0,
    )
    tolerance: float | None = option(
        None,
        "largest residual of an eigenvector, relative to its eigenvalue",
        default_text="1e-6; 1e-4 in float32",
        gt=0,
        lt=1,
    )
    density: bool = option(False, "count the eigenvalues above each x", flags=("--density",))
    probes: int = option(
        10, "random vectors per estimate (counts, traces that are not exact, interaction)", ge=2
    )
    steps: int = option(60, "Lanczos steps of each probe of --density", ge=2)
    blocks: Literal["traces", "spectra"] | None = option(
        None,
        "compute for each layer the traces, or also all eigenvalues of its diagonal block",
        default_text="traces if they are exact: fully connected, width at most 64",
    )
    interaction: int | None = option(
        None,
        "compute the norms of the blocks of the matrix between this many groups of consecutive "
        "layers",
        unit="groups",
        ge=2,
    )
    seed: int = option(0, "seed of the probes and of --subset", ge=0, lt=2**63)
    dtype: Literal["float32", "float64"] = option("float64", "number format of the products")
    engine: Literal["auto", "cpu", "eager", "reference"] = option(
        "auto", "implementation of the network; auto: the fastest that has second derivatives"
    )
    columns: int = option(2, "width of the figure in columns of a paper", ge=1, le=2)
    out: Path | None = option(
        None, "figure to write (.pdf, .svg or .png)", default_text="RUN/spectrum.pdf"
    )
    show: bool = option(False, "also show the figure in a window", flags=("--show",))

    @property
    def gauss_newton(self) -> bool:
        """Whether the matrix is the Gauss-Newton one."""
        return self.matrix == "gauss-newton"

    @property
    def lowest(self) -> int:
        """How many of the smallest eigenvalues are wanted."""
        return self.smallest if self.smallest is not None else int(not self.gauss_newton)

    @property
    def residual(self) -> float:
        """The tolerance: as given, or what the number format lets converge."""
        return self.tolerance or {"float32": 1e-4, "float64": 1e-6}[self.dtype]
