"""Options of the executors of `resdepth study`: who trains the cells, and how many at once."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from resdepth.errors import OptionConflict
from resdepth.options.base import Invocation, flag_of, option

Executor = Literal["local", "slurm", "dask"]


class ExecutorInvocation(Invocation):
    """Where the cells of a study are trained."""

    executor: Executor | None = option(
        None, "who trains the cells", default_text="as before, else local"
    )
    workers: int | None = option(
        None,
        "cells at once: processes of local, running jobs of slurm",
        default_text="one per core or GPU; slurm: no limit",
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
