"""What is handed to Slurm, on a machine without it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resdepth.errors import System, executor_failed
from resdepth.studies import slurm
from resdepth.studies.actions import study
from resdepth.studies.cell import PROBE, Job
from resdepth.studies.record import read_jobs
from tests.support.messages import refused
from tests.support.process import Outcome

SINFO = {
    "mixed": "gpu gpu:a100:4(S:0-1)\ngpu (null)\n",
    "gpu": "gpu gpu:a100:4(S:0-1)\n",
    "cpu": "cpu* (null)\n",
    "default": "cpu* gpu:2\nother (null)\n",
    "none": "",
}


def jobs(folder: Path, *depths: int) -> list[Job]:
    log, stop = folder / "logs/a.log", folder / "stop/a"
    return [
        Job(f"depth{depth}", ("train", f"--depth={depth}"), folder, log, stop, depth, depth, cpus=2)
        for depth in depths
    ]


def scripts(folder: Path, settings: dict[str, Any], device: str = "cpu") -> list[str]:
    text = slurm.Slurm(settings, device).preview(jobs(folder, 10, 40, 40))
    return ["#!/bin/bash" + part for part in text.split("#!/bin/bash")[1:]]


def head(script: str) -> set[str]:
    return {line[8:] for line in script.splitlines() if line.startswith("#SBATCH ")}


def test_one_array_per_depth_with_a_limit_in_proportion(tmp_path: Path) -> None:
    deep, shallow = scripts(tmp_path, {"time": "2:00:00", "partition": "long"})
    assert {"--time=120", "--array=0-1%2", "--job-name=resdepth-L40"} <= head(deep)
    assert {"--time=30", "--job-name=resdepth-L10", "--cpus-per-task=2"} <= head(shallow)
    assert "--partition=long" in head(deep) & head(shallow)
    assert not any("gpu" in line for line in head(deep))
    assert "# cell 1: depth40" in deep


def test_a_bound_on_the_study_makes_one_array(tmp_path: Path) -> None:
    (script,) = scripts(tmp_path, {"workers": 2, "time": "30"})
    assert {"--array=0-2%2", "--time=30", "--job-name=resdepth"} <= head(script)


def test_a_limit_below_the_least_one_is_kept(tmp_path: Path) -> None:
    deep, shallow = scripts(tmp_path, {"time": "5"})
    assert "--time=5" in head(deep) & head(shallow)


def test_the_options_of_a_cluster(tmp_path: Path) -> None:
    settings = {
        "gres": "gpu:a100:1",
        "constraint": "a100&nvme",
        "setup": ("module load cuda", "source ~/venv/bin/activate"),
        "sbatch": ("exclude=node7", "--exclusive"),
        "python": "apptainer exec image.sif python3",
    }
    script = scripts(tmp_path, settings, "cuda")[0]
    expected = {"--gres=gpu:a100:1", "--constraint='a100&nvme'", "--exclude=node7", "--exclusive"}
    assert expected <= head(script) and not any("gpus-per-node" in line for line in head(script))
    lines = script.splitlines()
    assert lines.index("module load cuda") + 1 == lines.index("source ~/venv/bin/activate")
    # The current folder is not on the path, and an early signal does no harm.
    (started,) = [line for line in lines if line.startswith("srun")]
    assert (
        """sh -c 'trap "" USR2; exec "$@"' sh apptainer exec image.sif python3 -P -u""" in started
    )


@pytest.mark.parametrize(
    ("device", "settings", "answer", "gpus"),
    [
        ("cuda", {}, "none", 1),
        ("cpu", {"partition": "gpu"}, "gpu", 0),
        ("auto", {"partition": "gpu"}, "gpu", 1),
        ("auto", {"partition": "gpu"}, "mixed", 0),
        ("auto", {}, "cpu", 0),
        ("auto", {}, "default", 1),
        ("auto", {}, "none", 0),
        ("auto", {"gres": "gpu:1"}, "none", 1),
        ("auto", {"sbatch": ("gpus=2",)}, "none", 1),
    ],
)
def test_gpus_per_cell(
    monkeypatch: pytest.MonkeyPatch, device: str, settings: dict[str, Any], answer: str, gpus: int
) -> None:
    monkeypatch.setattr(slurm, "_output_of", lambda *words: SINFO[answer])
    assert slurm.Slurm(settings, device).gpus == gpus


def test_arrays_that_were_submitted_before_a_failure_are_cancelled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, ...]] = []

    def answer(*words: str) -> str:
        asked.append(words)
        return "7_0\n7_1\n" if words[0] == "squeue" else "MaxArraySize = 1000"

    def array(self: slurm.Slurm, batch: slurm.Batch, after: Any) -> dict[str, str]:
        if batch[0][0].depth == 10:
            raise executor_failed("slurm", "full")
        return {job.name + str(n): f"7_{n}" for n, job in enumerate(batch[0])}

    monkeypatch.setattr(slurm, "_output_of", answer)
    monkeypatch.setattr(slurm.Slurm, "_array", array)
    with refused(System, match="full"):
        slurm.Slurm({}, "cpu").submit(jobs(tmp_path, 10, 40, 40))
    assert asked[-1] == ("scancel", "7_0", "7_1")


def test_a_probe_is_known_although_the_cells_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def submit(self: slurm.Slurm, jobs: list[Job], *_: Any) -> list[str]:
        if jobs[0].name != PROBE:
            raise executor_failed("slurm", "too many jobs")
        return ["7"]

    monkeypatch.setattr(slurm.Slurm, "submit", submit)
    with refused(System, match="too many jobs"):
        study(tmp_path / "study", executor="slurm", depth=[4, 8], lr="auto", device="cpu")
    assert read_jobs(tmp_path / "study").handles == {PROBE: "7"}


def test_without_slurm_its_missing_command_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run_worker: Callable[..., Outcome]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with refused(System, match="'scontrol' of Slurm is not on the PATH; use a login"):
        slurm.Slurm({}, "cpu").submit(jobs(tmp_path, 10))


def test_a_dry_run_prints_and_writes_nothing(
    tmp_path: Path, run_worker: Callable[..., Outcome]
) -> None:
    plan = "--depth 4,8 --seed 0 --lr auto --device cpu --dry-run"
    words = ["study", "run", "study", *plan.split()]
    ended = run_worker(*words, "--executor", "slurm", "--time", "1-0", "--setup", "module load x")
    assert ended.code == 0, ended.stderr
    # The rate is found by a job of its own.
    assert ended.stdout.count("#!/bin/bash") == 3 and "# cell 0: lr-auto" in ended.stdout
    assert "--time=1440" in ended.stdout and "\nmodule load x\n" in ended.stdout
    here = run_worker(*words, "--lr", "1")
    assert here.stdout.count("resdepth train ") == 2 and "--depth=8" in here.stdout
    assert not (tmp_path / "study").exists()
