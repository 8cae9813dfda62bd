"""Where the cells of a study are trained: one interface, one module per implementation."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from resdepth.errors import Usage
from resdepth.studies.cell import Job

NEEDS = {"submitit": "submitit", "distributed": "distributed", "dask": "distributed"}
"""Optional packages, and what to install for them."""


class Executor:
    """Runs jobs; a cell has `cpus` and `gpus` unless the plan says otherwise.

    `probes_here`: the probe of `lr=auto` runs in this process; otherwise it is a job like a cell.
    """

    cpus = 1
    gpus = 0
    probes_here = False

    def submit(
        self, jobs: Sequence[Job], after: Sequence[str] = (), active: Iterable[str] = ()
    ) -> list[str]:
        """Accept jobs that start when the handles `after` have ended; returns their handles.

        `active` are queued or running jobs of the study, which count towards a limit on its jobs.
        """
        raise NotImplementedError

    def active(self, handles: Iterable[str]) -> set[str]:
        """The handles of jobs that are queued or running; none if they end with this process."""
        return set()

    def cancel(self, handles: Iterable[str]) -> None:
        """End jobs, if the files that stop their cells are not enough."""

    def wait(self, tell: Callable[[str], None]) -> None:
        """Wait for all jobs, if they end with this process; `tell` takes each cell's name."""

    def preview(self, jobs: Sequence[Job]) -> str:
        """What `submit` would run, as text: by default one command per line."""
        return "\n".join(shlex.join(("resdepth", *job.arguments)) for job in jobs)


def executor_of(settings: Mapping[str, Any], device: str) -> Executor:
    """The executor that `settings` describe; raises Usage if it needs a package."""
    name = str(settings["executor"])
    try:
        module = import_module(f"resdepth.studies.{name}")
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in NEEDS:
            raise
        reason = f"the package '{package}' is not installed"
        remedy = f"install it with 'pip install {NEEDS[package]}'"
        raise Usage(f"executor={name}", reason, remedy) from None
    executor: Executor = getattr(module, name.capitalize())(settings, device)
    return executor
