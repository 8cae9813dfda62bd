"""The cells of a study as jobs of Slurm, which continue after this process has ended.

A job that meets its time limit or is preempted writes a checkpoint, is requeued under the same
number, and is resumed.
"""

import math
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import submitit
from submitit.slurm.slurm import _make_sbatch_string

from resdepth.errors import System, executor_failed
from resdepth.options.executor import minutes_of
from resdepth.studies.cell import Job
from resdepth.studies.executor import Executor
from resdepth.studies.slurm_job import SlurmCell, call, python_command

LIMIT, FEWEST = "60", 10
"""Time limit at the deepest network, and the least one in minutes."""
NOTICE = 120
"""Seconds between the signal and the time limit."""
LARGEST_ARRAY = 1001
ENDLESS = 1000
"""How often a cell may reach its time limit."""
PLAIN = ("partition", "account", "qos", "mem", "gres", "constraint")
"""Settings that are options of sbatch."""


Batch = tuple[Sequence[Job], int]
"""Jobs that are submitted together, and their time limit in minutes."""


class Slurm(Executor):
    """Submits, lists and cancels jobs with Slurm's own programs."""

    def __init__(self, settings: Mapping[str, Any], device: str) -> None:
        self.settings, self.device = settings, device

    @cached_property
    def gpus(self) -> int:  # type: ignore[override]
        """GPUs per cell: one for `cuda`, and for `auto` if every node of the partition has some."""
        if self._requests_gpus():
            return 1
        if self.device != "auto":
            return int(self.device in ("cuda", "gpu"))
        partition = self.settings.get("partition")
        words = [f"--partition={partition}"] if partition else []
        rows = _output_of("sinfo", "-h", "-o", "%P %G", *words).splitlines()
        # Without a partition jobs go to the default one, which has a star.
        nodes = [row.split()[-1] for row in rows if partition or row.split()[0].endswith("*")]
        return int(bool(nodes) and all("gpu" in node for node in nodes))

    def submit(
        self, jobs: Sequence[Job], after: Sequence[str] = (), active: Iterable[str] = ()
    ) -> list[str]:
        """Submit the jobs, deepest first; they start when the jobs `after` have ended.

        With `workers` they are one array, whose throttle limits the whole study, and they also wait
        for the `active` jobs. Otherwise each depth is an array with a time limit of its own.
        """
        handles: dict[str, str] = {}
        bounded = "workers" in self.settings
        waited = [*after, *(active if bounded else ())]
        try:
            for batch in self._batches(jobs, _largest_array() if jobs else 1):
                made = self._array(batch, waited)
                handles |= made
                if bounded:
                    waited = list(made.values())
        except System:
            if handles:
                with suppress(System):
                    self.cancel(handles.values())
            raise
        return [handles[job.name] for job in jobs]

    def preview(self, jobs: Sequence[Job]) -> str:
        """The batch scripts that `submit` would pass to sbatch."""
        scripts = []
        for batch in self._batches(jobs, LARGEST_ARRAY):
            command = f"{python_command(self.settings.get('python'))} -u -m submitit.core._submit"
            folder = str(batch[0][0].log.parent / "slurm")
            parameters = self._parameters(batch, ())
            text = _make_sbatch_string(
                command=f"{command} {folder}", folder=folder, map_count=len(batch[0]), **parameters
            )
            cells = "\n".join(f"# cell {n}: {job.name}" for n, job in enumerate(batch[0]))
            scripts.append(f"{text.rstrip()}\n{cells}\n")
        return "\n".join(scripts)

    def active(self, handles: Iterable[str]) -> set[str]:
        return set(handles) & set(_output_of("squeue", "-h", "-r", "-o", "%i").split())

    def cancel(self, handles: Iterable[str]) -> None:
        if known := self.active(handles):
            _output_of("scancel", *sorted(known))

    def _requests_gpus(self) -> bool:
        """Whether the user's own options request GPUs."""
        return "gpu" in self.settings.get("gres", "") or any(
            one.lstrip("-").startswith("gpus") for one in self.settings.get("sbatch", ())
        )

    def _batches(self, jobs: Sequence[Job], most: int) -> Iterator[Batch]:
        limit = minutes_of(str(self.settings.get("time", LIMIT)))
        depths = sorted({job.depth for job in jobs}, reverse=True)
        groups = [[job for job in jobs if job.depth == depth] for depth in depths]
        if "workers" in self.settings:
            groups = [[job for group in groups for job in group]]
        for group in groups:
            share = limit * group[0].depth / depths[0] if group else limit
            for first in range(0, len(group), most):
                minutes = max(min(FEWEST, limit), math.ceil(share))
                yield group[first : first + most], minutes

    def _array(self, batch: Batch, after: Sequence[str]) -> dict[str, str]:
        try:
            executor = submitit.SlurmExecutor(
                folder=str(batch[0][0].log.parent / "slurm"),
                max_num_timeout=ENDLESS,
                python=python_command(self.settings.get("python")),
            )
            executor.update_parameters(**self._parameters(batch, after))
            submitted = executor.map_array(call, [SlurmCell(job) for job in batch[0]])
        except (submitit.core.utils.FailedJobError, RuntimeError, OSError) as error:
            raise executor_failed("slurm", str(error)) from None
        return {job.name: one.job_id for job, one in zip(batch[0], submitted, strict=True)}

    def _parameters(self, batch: Batch, after: Sequence[str]) -> dict[str, Any]:
        """The settings of a batch script, by submitit's names."""
        settings, (jobs, minutes) = self.settings, batch
        further: dict[str, Any] = {"requeue": True}
        for one in settings.get("sbatch", ()):
            name, equals, value = one.lstrip("-").partition("=")
            further[name] = value if equals else True
        if after:
            # Slurm waits for whole arrays.
            arrays = sorted({handle.partition("_")[0] for handle in after})
            further["dependency"] = ":".join(["afterany", *arrays])
        depths = {job.depth for job in jobs}
        given = {name: settings[name] for name in PLAIN if name in settings}
        if settings.get("setup"):
            given["setup"] = list(settings["setup"])
        return given | {
            "job_name": f"resdepth-L{max(depths)}" if len(depths) == 1 else "resdepth",
            "time": minutes,
            "cpus_per_task": max(job.cpus for job in jobs),
            "gpus_per_node": None if self._requests_gpus() else self.gpus or None,
            "array_parallelism": settings.get("workers", len(jobs)),
            "signal_delay_s": NOTICE,
            "additional_parameters": further,
        }


def _largest_array() -> int:
    for line in _output_of("scontrol", "show", "config").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "MaxArraySize" and value.strip().isdigit():
            return max(1, int(value))
    return LARGEST_ARRAY


def _output_of(*words: str) -> str:
    try:
        answer = subprocess.run(words, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        reason = f"the command '{words[0]}' of Slurm is not on the PATH; use a login node"
        raise executor_failed("slurm", reason) from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise executor_failed("slurm", str(getattr(error, "stderr", "") or error)) from None
    return answer.stdout
