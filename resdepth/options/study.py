"""Options of `resdepth study`: those of `train`, most of which take several values, and engines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import create_model, model_validator
from pydantic.fields import FieldInfo

from resdepth.errors import OptionConflict
from resdepth.options.base import (
    AnalysisInvocation,
    Invocation,
    Options,
    flag_of,
    help_text,
    option,
    presentation,
)
from resdepth.options.train import TrainOptions

SINGLE = (
    "model",
    "data",
    "data_dir",
    "num_workers",
    "input_size",
    "classes",
    "dynamic_lr",
    "init_depth",
    "lr_depth",
    "lr_depth_exponent",
    "no_p_var",
    "p_var_every",
    "store_grad",
    "log_every",
    "val_every",
    "checkpoint_every",
    "device",
    "engine",
    "precision",
    "threads",
)
"""Options of `train` that have one value in a study; all others may have several."""
DEFAULTS: dict[str, Any] = {"depth": "16:1024:x2", "seed": "0:5", "lr": "auto"}
"""What a study takes where `train` takes one value."""
TOLD = {
    "depth": "numbers of layers L: 16,32,64 or 16:1024:x2 (geometric) or 16:128:16",
    "seed": "seeds: 0,1,2 or 0:5 (five from 0 on)",
    "lr": "learning rate at depth --lr-depth; auto: half the largest power of two at which the "
    "loss does not rise there",
    "lr_depth_exponent": "exponent e of the rate lr (L/D)^e, D the depth that --lr-depth gives "
    "(default 2 alpha - 1)",
    "lr_depth": "depth D at which the rate is --lr (layers; default the plan's middle one)",
}
"""Help where it is not that of `train`."""
Executor = Literal["local", "slurm", "dask"]


class _Axes(Options):
    @model_validator(mode="before")
    @classmethod
    def _lists(cls, values: Any) -> Any:
        """Lists of a configuration file as the words of the command line; null says nothing."""
        if not isinstance(values, Mapping):
            return values
        return {
            name: ",".join(map(str, value)) if isinstance(value, list) else value
            for name, value in values.items()
            if value is not None
        }


def _field(name: str, info: FieldInfo) -> tuple[Any, Any]:
    shown = presentation(info)
    described = TOLD.get(name) or help_text(info)
    if name in DEFAULTS:
        described += f" (default {DEFAULTS[name]})"
    elif name not in SINGLE:
        described += "; several values: a study of them"
    field = option(None, described, flags=shown.flags, hidden=shown.hidden)
    annotation: Any = info.annotation
    if annotation is bool:
        return bool, field  # None is its default, never a value that is given.
    if name in SINGLE:
        return annotation | None, field
    return (annotation | Literal["auto"] if name == "lr" else annotation) | str | None, field


_FIELDS: Any = {name: _field(name, info) for name, info in TrainOptions.model_fields.items()}
StudyOptions: type[Options] = create_model("StudyOptions", __base__=_Axes, **_FIELDS)
"""A plan: every option of `train`, None where it is not given, axes as they are written."""


class NoOptions(Options):
    """The options of a command that has none."""


class ExecutorInvocation(Invocation):
    """Where the cells of a study are trained."""

    executor: Executor | None = option(
        None, "who trains the cells", default_text="as before, else local"
    )
    workers: int | None = option(
        None,
        "cells at once: processes of local, running jobs of slurm",
        default_text="one a core or GPU; slurm: no limit",
        ge=1,
    )
    partition: str | None = option(None, "partition of slurm")
    account: str | None = option(None, "account of slurm")
    qos: str | None = option(None, "quality of service of slurm")
    mem: str | None = option(None, "memory of a job of slurm, as in 4GB")
    minutes: int | None = option(
        None,
        "time limit of a job of slurm at the deepest network; a job that meets it goes on in the "
        "next one",
        unit="minutes",
        default_text="60",
        ge=1,
    )
    scheduler: str | None = option(None, "address of the scheduler of dask, as in tcp://host:8786")

    BELONGS: ClassVar[dict[str, tuple[str, ...]]] = {
        "workers": ("local", "slurm"),
        "partition": ("slurm",),
        "account": ("slurm",),
        "qos": ("slurm",),
        "mem": ("slurm",),
        "minutes": ("slurm",),
        "scheduler": ("dask",),
    }

    @property
    def settings(self) -> dict[str, Any]:
        """The options of the executor that were given."""
        return {n: v for n in ("executor", *self.BELONGS) if (v := getattr(self, n)) is not None}


class StudyInvocation(ExecutorInvocation):
    """One call of `study run`."""

    study: Path | None = option(None, "the study to begin or to go on with", positional=True)
    out: Path | None = option(None, "the same as STUDY", default_text="study")
    json_: bool = option(False, "print the cells as JSON on stdout", flags=("--json",))

    @model_validator(mode="after")
    def _one_place(self) -> "StudyInvocation":
        if self.study is not None and self.out is not None and self.study != self.out:
            reason = f"the study is {self.study} already"
            raise OptionConflict(flag="--out", reason=reason, remedy="give one of the two")
        return self

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return self.study or self.out or Path("study")


class RetryInvocation(ExecutorInvocation):
    """One call of `study retry`."""

    study: Path = option(..., "the study", positional=True)
    json_: bool = option(False, "print the cells as JSON on stdout", flags=("--json",))


class StatusInvocation(AnalysisInvocation):
    """One call of `study status` or `study cancel`."""

    study: Path = option(..., "the study", positional=True)


class ReportInvocation(StatusInvocation):
    """One call of `study report`."""

    out: Path | None = option(None, "page to write (.html)", default_text="STUDY/report.html")

    @property
    def page(self) -> Path:
        """Where the page lies."""
        out = self.out or self.study / "report.html"
        return out if out.suffix == ".html" else out.with_name(f"{out.name}.html")


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an executor, which is `local` where they name none.

    Raises
    ------
    OptionConflict
        One belongs to another executor, or one that is needed is missing.
    """
    executor = settings.get("executor", "local")
    for name, value in settings.items():
        owners = ExecutorInvocation.BELONGS.get(name, (executor,))
        if value is not None and executor not in owners:
            raise OptionConflict(
                flag=flag_of(ExecutorInvocation, name),
                reason=f"says nothing to --executor={executor}",
                remedy=f"it belongs to {' and '.join(owners)}",
            )
    if executor == "dask" and not settings.get("scheduler"):
        remedy = "give the address of a running scheduler, as in --scheduler=tcp://host:8786"
        raise OptionConflict(flag="--executor=dask", reason="needs --scheduler", remedy=remedy)
    return {"executor": executor, **settings}
