"""Options of `resdepth curvefit`."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from resdepth.errors import Usage
from resdepth.options.base import Options, option
from resdepth.options.fields import Needs, needs


class CurvefitOptions(Options):
    """Which scalar to fit, and what to leave out of it."""

    OLD_NAMES: ClassVar[dict[str, str]] = {"event_paths": "sources"}
    NEEDS: ClassVar[dict[str, Needs]] = {"shift": needs("infer_shift", False)}

    sources: tuple[Path, ...] = option(
        ..., "event files, runs, or folders of these", positional=True, min_length=1
    )
    tag: str = option("avg_grad_norm", "recorded scalar")
    window_size: int = option(
        0,
        "remove the smallest and the largest of every n points; 0: off, else n of at least 3",
        ge=0,
    )
    filter_period: int = option(
        0, "then remove every n-th point; 0: off, else n of at least 2", ge=0
    )
    time: Literal["index", "step"] = option(
        "index", "time t of a point: its number 1, 2, …, or the step at which it was recorded"
    )
    scaling_x: float = option(
        1.0, "time between two numbered points: the i-th one has t = scaling i", gt=0
    )
    infer_shift: bool = option(False, "fit T0 too")
    shift: float | None = option(None, "T0 if it is not inferred", default_text="1")
    columns: int = option(2, "width of the figure in columns of a paper", ge=1, le=2)
    out: Path = option(Path("curvefit.pdf"), "figure to write (.pdf, .svg or .png)")
    show: bool = option(False, "also show the figure in a window", flags=("--show",))

    @property
    def fixed_shift(self) -> float | None:
        """T0, or None where it is inferred."""
        if self.infer_shift:
            return None
        return 1.0 if self.shift is None else self.shift

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.window_size in (1, 2):
            reason = f"should be 0 or at least 3, not {self.window_size}"
            raise Usage("window_size", reason)
        if self.filter_period == 1:
            reason = "should be 0 or at least 2, not 1, which removes everything"
            raise Usage("filter_period", reason)
        shift = self.fixed_shift
        if self.time == "index" and shift is not None and shift <= -self.scaling_x:
            reason = f"t + T0 should be positive from t = {self.scaling_x:g} on"
            raise Usage("shift", reason)
        return self
