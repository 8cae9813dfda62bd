"""Options of the executors of `resdepth study`: where the cells train, and how many at once."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from resdepth.errors import Usage
from resdepth.options.base import Invocation, option
from resdepth.options.fields import Need, no_effect

Executor = Literal["local", "slurm", "dask"]
SLURM = (
    "partition", "account", "qos", "mem", "time", "gres", "constraint", "setup", "python", "sbatch",
)  # fmt: skip
EXECUTORS: dict[str, tuple[Executor, ...]] = {
    "workers": ("local", "slurm"), "scheduler": ("dask",), **dict.fromkeys(SLURM, ("slurm",)),
}  # fmt: skip
"""The executors with which an option has an effect. It is checked by `checked`, since the executor
may be that of an earlier call."""
OURS = (
    "array", "dependency", "error", "job-name", "no-requeue", "open-mode", "output", "requeue",
    "signal", "wrap",
)  # fmt: skip
"""Options of sbatch that a study needs for itself."""


class ExecutorInvocation(Invocation):
    """Where the cells of a study are trained."""

    OLD_NAMES: ClassVar[dict[str, str]] = {"minutes": "time"}

    executor: Executor | None = option(
        None, "where to train the cells", default_text="the one used before, else local"
    )
    workers: int | None = option(
        None,
        "maximum number of cells of the study that train at once (local: processes, slurm: jobs)",
        default_text="one per core or GPU; slurm: no limit",
        ge=1,
    )
    partition: str | None = option(None, "slurm: partition")
    account: str | None = option(None, "slurm: account")
    qos: str | None = option(None, "slurm: quality of service")
    mem: str | None = option(None, "slurm: memory per job, as in 4GB")
    time: str | None = option(
        None,
        "slurm: time limit of a cell of the deepest network, in minutes or as in 2:30:00 or "
        "1-12:00; less for shallower ones, unless --workers is given. A cell that reaches it is "
        "requeued and resumed",
        default_text="60",
    )
    gres: str | None = option(
        None,
        "slurm: generic resources per job, as in gpu:a100:1",
        default_text="one GPU with --device cuda, and with --device auto if the partition has GPUs",
    )
    constraint: str | None = option(None, "slurm: features that a node must have")
    setup: tuple[str, ...] = option(
        (), "slurm: shell line that a job runs first, as in 'module load cuda'; may be repeated"
    )
    python: str | None = option(
        None,
        "slurm: command that starts Python in a job, as in 'apptainer exec --nv image.sif python3'",
        default_text="this Python",
    )
    sbatch: tuple[str, ...] = option(
        (), "slurm: further option of sbatch, as in exclude=node7 or exclusive; may be repeated"
    )
    scheduler: str | None = option(None, "dask: address of the scheduler, as in tcp://host:8786")

    @field_validator("time", mode="before")
    @classmethod
    def _time(cls, value: Any) -> Any:
        if value is None:
            return None
        text = str(value)
        if not minutes_of(text):
            reason = "should be minutes or a time as Slurm writes it (2:30:00, 1-12:00)"
            raise PydanticCustomError("time", reason)
        return text

    @field_validator("sbatch")
    @classmethod
    def _sbatch(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            name = value.lstrip("-").partition("=")[0]
            if not re.fullmatch("[a-z][a-z0-9-]*", name):
                raise PydanticCustomError("sbatch", "should be NAME=VALUE or NAME")
            if name in OURS or name in EXECUTORS:
                reason = f"'{name}' is set by the study itself or by an option of its own"
                raise PydanticCustomError("sbatch", reason)
        return values

    @property
    def settings(self) -> dict[str, Any]:
        """The options of the executor that were given."""
        given = {name: getattr(self, name) for name in ("executor", *EXECUTORS)}
        return {name: value for name, value in given.items() if value not in (None, ())}


def minutes_of(text: str) -> int:
    """A time M, M:S, H:M:S, D-H, D-H:M or D-H:M:S in minutes rounded up; 0 if it is none."""
    found = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text.strip())
    if found is None:
        return 0
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    if found[1] is None and found[4] is None:
        hours, minutes, seconds = 0, hours, minutes
    return (days * 24 + hours) * 60 + minutes + -(-seconds // 60)


def checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an executor, by default `local`; Usage if an option is for another one."""
    executor = settings.get("executor", "local")
    for name, known in EXECUTORS.items():
        if name in settings and executor not in known:
            raise no_effect(name, [(Need("executor", known), executor)])
    if executor == "dask" and not settings.get("scheduler"):
        remedy = "give the address of a running scheduler, as in --scheduler=tcp://host:8786"
        raise Usage("executor=dask", "needs `scheduler`", remedy)
    return {"executor": executor, **settings}
