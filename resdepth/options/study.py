"""Options of `resdepth study`: those of `train`, most of which take several values."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import create_model, model_validator
from pydantic.fields import FieldInfo

from resdepth.options.base import AnalysisInvocation, Options, option
from resdepth.options.executor import ExecutorInvocation
from resdepth.options.fields import help_text, presentation
from resdepth.options.location import written_as
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.options.train import TrainOptions

SINGLE = (
    "model", "data", "data_dir", "num_workers", "input_size", "classes", "dynamic_lr", "init_depth",
    "lr_depth", "lr_depth_exponent", "p_var_every", "store_grad", "log_every", "val_every",
    "checkpoint_every", "device", "engine", "precision", "threads", "flip", "skip", "amp", "layout",
    "start_from", "start_rule",
)  # fmt: skip
"""Options of a program that have one value in a study; all others may have several."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "train": {"depth": "16:1024:x2", "seed": "0:5", "lr": "auto"},
    "resnet-cifar": {"depth": "56", "seed": "0:5"},
}
"""Defaults of a study that are not those of its program."""
HELP = {
    "depth": "numbers of layers L: 16,32,64 or 16:1024:x2 (geometric) or 16:128:16",
    "seed": "seeds: 0,1,2 or 0:5 (0 to 4)",
    "lr": "learning rate at depth --lr-depth; auto: half of the largest power of two with which "
    "the loss never rises at that depth",
    "lr_depth_exponent": "exponent e of the rate lr (L/D)^e at depth L, where D is --lr-depth "
    "(default 2 alpha - 1)",
    "start_from": "not available in a study, all seeds of which would start from the same weights",
    "start_rule": "has no effect in a study",
    "lr_depth": "depth D at which the rate is --lr (layers; default the middle depth of the plan)",
}
"""Help that differs from that of `train`."""


class _Axes(Options):
    @classmethod
    def renamed(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """As `train` reads options of earlier versions."""
        return TrainOptions.renamed(values)

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, values: Any) -> Any:
        """Lists as the words of the command line, without null."""
        if not isinstance(values, Mapping):
            return values
        return {
            name: ",".join(map(str, value)) if isinstance(value, (list, tuple, range)) else value
            for name, value in values.items()
            if value is not None
        }


def _field(name: str, info: FieldInfo, start: str = "") -> tuple[Any, Any]:
    shown = presentation(info)
    described = HELP.get(name) or f"{start}{help_text(info)}"
    if name in DEFAULTS["train"]:
        described += f" (default {DEFAULTS['train'][name]})"
    elif name not in SINGLE:
        described += "; may have several values"
    field = option(None, described, flags=shown.flags, hidden=shown.hidden)
    kind: Any = info.annotation
    if kind is bool:
        return bool, field  # None is its default, never a value that is given.
    if name == "lr":
        kind = kind | Literal["auto"]
    return kind | (None if name in SINGLE else str | None), field


def _fields() -> Iterator[tuple[str, Any]]:
    program = option(
        None,
        "program that trains each cell; resnet-cifar has the default depth 56 and its own default "
        "learning rate (default train)",
    )
    yield "program", (Literal["train", "resnet-cifar"] | None, program)
    for name, info in TrainOptions.fields().items():
        yield name, _field(name, info)
    for name, info in ResnetCifarOptions.fields().items():
        if name not in TrainOptions.fields() and name != "seeds":
            yield name, _field(name, info, "resnet-cifar: ")


StudyOptions: type[Options] = create_model(
    "StudyOptions", __base__=_Axes, **dict[str, Any](_fields())
)
"""A plan: every option of every program, None if it is not given, axes as they are written."""


class RetryInvocation(ExecutorInvocation):
    """One call of `study retry`."""

    study: Path = option(..., "the study", positional=True)
    json_: bool = option(False, "print the cells as JSON on stdout", flags=("--json",))


class StudyInvocation(RetryInvocation):
    """One call of `study run`."""

    study: Path = option(
        Path("study"), "folder of the study to create, resume or extend", positional=True
    )
    dry_run: bool = option(
        False,
        "print the commands of the cells (for slurm the batch scripts), and train nothing",
        flags=("--dry-run",),
    )


class StatusInvocation(AnalysisInvocation):
    """One call of `study status` or `study cancel`."""

    study: Path = option(..., "the study", positional=True)


class ReportInvocation(StatusInvocation):
    """One call of `study report`."""

    out: Path | None = option(None, "page to write (.html)", default_text="STUDY/report.html")
    spectrum: bool = option(
        False,
        "add the curvature: largest eigenvalue of the Hessian and traces against L",
        flags=("--spectrum",),
    )
    interventions: bool = option(
        True, "evaluate the networks with smoothed, resampled and shuffled layers"
    )

    @property
    def page(self) -> Path:
        """The page to write."""
        return written_as(self.out or self.study / "report.html", (".html",))

    @property
    def curvature(self) -> SpectrumOptions | None:
        """What to compute around the weights of each run, None if it was not requested."""
        return SpectrumOptions(top=1, smallest=0, tolerance=1e-4) if self.spectrum else None
