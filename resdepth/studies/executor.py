"""Where the cells of a study are trained: one interface, one module per implementation."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from resdepth.errors import Usage
from resdepth.studies.cell import Job

Tell = Callable[[str], None]
"""Takes the name of a cell that has ended."""
NEEDS = {"submitit": "submitit", "distributed": "distributed", "dask": "distributed"}
"""Optional packages, and what to install for them."""


class Executor(Protocol):
    """Runs jobs; `cpus` and `gpus` are those of a cell unless the plan says otherwise.

    `probes_here`: the probe of `lr=auto` runs in this process; otherwise it is a job like a cell.
    """

    @property
    def cpus(self) -> int: ...

    @property
    def gpus(self) -> int: ...

    @property
    def probes_here(self) -> bool: ...

    def submit(
        self, jobs: Sequence[Job], after: Sequence[str] = (), active: Iterable[str] = ()
    ) -> list[str]:
        """Accept jobs, and return a handle for each.

        They start when the jobs with the handles `after` have ended. `active` are queued or running
        jobs of the same study, which count towards a limit on their number.
        """

    def preview(self, jobs: Sequence[Job]) -> str:
        """What `submit` would run, as text."""

    def active(self, handles: Iterable[str]) -> set[str]:
        """The handles of jobs that are queued or running."""

    def cancel(self, handles: Iterable[str]) -> None:
        """End jobs, running ones with a checkpoint."""

    def wait(self, tell: Tell) -> None:
        """Wait until all has ended, if the jobs end with this process; otherwise return at once."""


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
        module = import_module(f"resdepth.studies.{name}")
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
