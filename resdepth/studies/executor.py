"""Who trains the cells of a study: one interface, an implementation a module."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from resdepth.errors import Usage
from resdepth.studies.cell import Job

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

    @property
    def probes_here(self) -> bool:
        """Whether the probe of --lr auto runs in this process; if not, it is a job like a cell."""

    def submit(
        self, jobs: Sequence[Job], after: Sequence[str] = (), active: Iterable[str] = ()
    ) -> list[str]:
        """Take jobs, and return a handle for each.

        They start when the jobs with the handles `after` have ended. `active` are the jobs of the
        same study that are at work, which count towards a limit on their number.
        """

    def preview(self, jobs: Sequence[Job]) -> str:
        """What `submit` would run, as text."""

    def active(self, handles: Iterable[str]) -> set[str]:
        """The handles of jobs that are queued or running."""

    def cancel(self, handles: Iterable[str]) -> None:
        """End jobs, those that run with a checkpoint."""

    def wait(self, tell: Tell) -> None:
        """Until everything has ended, where jobs end with this process; else nothing."""


def command_lines(jobs: Sequence[Job]) -> str:
    """The commands that train the cells, one per line, for a shell."""
    return "\n".join(shlex.join(("resdepth", *job.arguments)) for job in jobs)


def executor_of(settings: Mapping[str, Any], device: str) -> Executor:
    """The executor that `settings` describe, for cells on `device`.

    Raises
    ------
    Usage
        It needs a package that is not installed.
    """
    name = str(settings["executor"])
    try:
        module = import_module(f"resdepth.studies.{HOMES[name]}")
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in NEEDS:
            raise
        raise Usage(
            f"executor={name}",
            f"the package '{package}' is not installed",
            f"install it with 'pip install {NEEDS[package]}'",
        ) from None
    executor: Executor = module.create(settings, device)
    return executor
