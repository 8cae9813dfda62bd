"""Who trains the cells of a study: one interface, an implementation a module."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from resdepth.errors import ExtraMissing
from resdepth.experiment.study.cell import Job

Tell = Callable[[str], None]
"""Takes the name of a cell that has ended."""
HOMES = {"local": "local", "slurm": "slurm", "dask": "dask"}
NEEDS = {"submitit": "submitit", "distributed": "distributed", "dask": "distributed"}
"""Packages that an installation need not have, and what to install for them."""


class Executor(Protocol):
    """Takes jobs, and knows nothing of what they train."""

    @property
    def cpus(self) -> int:
        """Cores a cell, where the plan does not say."""

    @property
    def gpus(self) -> int:
        """GPUs a cell."""

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        """Take jobs; a handle for each."""

    def active(self, handles: Iterable[str]) -> set[str]:
        """The handles of jobs that are queued or running."""

    def cancel(self, handles: Iterable[str]) -> None:
        """End jobs, those that run with a checkpoint."""

    def wait(self, tell: Tell) -> None:
        """Until everything has ended, where jobs end with this process; else nothing."""


def executor_of(settings: Mapping[str, Any], device: str) -> Executor:
    """The executor that `settings` describe, for cells on `device`.

    Raises
    ------
    ExtraMissing
        It needs a package that is not installed.
    """
    name = str(settings["executor"])
    try:
        module = import_module(f"resdepth.experiment.study.{HOMES[name]}")
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in NEEDS:
            raise
        raise ExtraMissing(executor=name, package=package, whole=NEEDS[package]) from None
    executor: Executor = module.create(settings, device)
    return executor
