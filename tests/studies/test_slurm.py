"""Studies on a real Slurm, which `make test-slurm` brings up and takes down."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.studies.test_local import finish
from tests.support import studies
from tests.support.process import Outcome, Workers, wait_until

pytestmark = [
    pytest.mark.skipif(
        "SLURM_CONF" not in os.environ or shutil.which("squeue") is None,
        reason="no Slurm here: 'make test-slurm' brings one up",
    ),
    pytest.mark.timeout(600),
]


def asked(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def queued() -> dict[str, str]:
    """The jobs that Slurm has, and why those that wait do."""
    lines = asked("squeue", "-h", "-r", "-o", "%i %T %r").splitlines()
    return {line.split()[0]: line.partition(" ")[2] for line in lines}


def drained() -> bool:
    """Whether Slurm has no job left; one that was queued again need not wait its two minutes."""
    jobs = queued()
    # A node that could not end a job takes no other one: nothing would happen any more.
    assert "drain" not in asked("sinfo", "-h", "-o", "%T %E")
    waiting = [job for job, why in jobs.items() if "BeginTime" in why]
    if waiting:
        # slurmd compares whole seconds: it takes a job that starts in the second in which it was
        # killed for the killed one and refuses it ("Job credential revoked").
        time.sleep(1.5)
        for job in waiting:
            subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], check=False)
    # squeue may say nothing of a job for the moment in which it is queued again.
    time.sleep(0.2 if jobs else 2.0)
    return not jobs and not queued()


def submit(workers: Workers, tmp_path: Path, args: str = "") -> Outcome:
    words = ["study", "run", "study", "--executor", "slurm", *args.split()]
    ended = workers.run(*words, cwd=tmp_path)
    assert ended.code in (0, 1), ended.stderr
    return ended


@pytest.fixture(autouse=True)
def _queue_left_empty() -> Iterator[None]:
    """No test meets the jobs of one that failed."""
    yield
    for job in queued():
        subprocess.run(["scancel", job], check=False)
    wait_until(lambda: not queued())


@pytest.fixture(scope="module")
def long(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cells that were trained here and undisturbed."""
    return finish(workers, tmp_path_factory.mktemp("long"), studies.LONG)


def begin(workers: Workers, tmp_path: Path, args: str = studies.LONG) -> Path:
    """Four cells in the queue, of which some have come to checkpoints."""
    ended = submit(workers, tmp_path, args)
    assert ended.code == 0 and len(queued()) == 4
    wait_until(lambda: studies.training(tmp_path / "study", 2))
    return tmp_path / "study"


def test_the_same_bits_as_here(tmp_path: Path, workers: Workers) -> None:
    (tmp_path / "here").mkdir()
    here = finish(workers, tmp_path / "here", studies.FOUR)
    submit(workers, tmp_path, studies.FOUR)
    # Depth by depth: an array shares its time limit.
    names = asked("squeue", "-h", "-r", "-o", "%j").split()
    assert set(names) <= {"resdepth-L4", "resdepth-L8"}
    wait_until(drained)
    # From another process, from the disk alone.
    assert set(studies.states(workers, tmp_path / "study").values()) == {"finished"}
    assert studies.files(tmp_path / "study") == studies.files(here)
    assert submit(workers, tmp_path).code == 0 and not queued()


def test_a_time_limit_is_met_with_a_checkpoint(
    tmp_path: Path, workers: Workers, long: Path
) -> None:
    study = begin(workers, tmp_path)
    at_work = studies.trainers(study)
    # What Slurm sends two minutes before the limit.
    for job in queued():
        subprocess.run(["scancel", "--signal=USR2", job], check=False)
    wait_until(lambda: not any(map(studies.alive, at_work.values())))
    states = studies.states(workers, study)
    assert {states[name] for name in at_work} <= {"stopped", "finished"}
    assert "stopped" in states.values()
    # For a moment after it was queued again a job has no reason to wait.
    wait_until(lambda: "PENDING BeginTime" in queued().values())
    wait_until(drained)
    assert set(studies.states(workers, study).values()) == {"finished"}
    assert studies.files(study) == studies.files(long)


def test_a_signal_before_a_job_is_ready_loses_no_cell(tmp_path: Path, workers: Workers) -> None:
    submit(workers, tmp_path, studies.FOUR)
    wait_until(lambda: any("RUNNING" in state for state in queued().values()))
    for _ in range(8):
        # Python is starting: it has no handler yet.
        for job, state in queued().items():
            if "RUNNING" in state:
                subprocess.run(["scancel", "--signal=USR2", job], check=False)
        time.sleep(0.05)
    wait_until(drained)
    assert set(studies.states(workers, tmp_path / "study").values()) == {"finished"}


def test_the_number_of_workers_bounds_the_whole_study(tmp_path: Path, workers: Workers) -> None:
    submit(workers, tmp_path, f"{studies.FOUR} --workers 1")
    arrays = {job.partition("_")[0] for job in queued()}
    assert len(arrays) == 1 and len(queued()) == 4
    submit(workers, tmp_path, "--seed 0:3 --workers 1")
    assert len(queued()) == 6
    most = 0
    while not drained():
        most = max(most, sum("RUNNING" in state for state in queued().values()))
    assert most == 1
    assert set(studies.states(workers, tmp_path / "study").values()) == {"finished"}


def test_the_rate_is_found_by_a_job(tmp_path: Path, workers: Workers) -> None:
    (tmp_path / "here").mkdir()
    words = studies.FOUR.replace("--lr 2", "--lr auto")
    here = finish(workers, tmp_path / "here", words)
    ended = submit(workers, tmp_path, words)
    assert "a separate job finds the rate" in ended.stderr
    # A second call does not look for it again.
    assert submit(workers, tmp_path).stderr.count("is already queued or running") == 4
    assert len(queued()) <= 5
    wait_until(drained)
    assert set(studies.states(workers, tmp_path / "study").values()) == {"finished"}
    assert studies.files(tmp_path / "study") == studies.files(here)


def test_preempted_it_goes_on_later(tmp_path: Path, workers: Workers, long: Path) -> None:
    study = begin(workers, tmp_path)
    at_work = studies.trainers(study)
    asked("sbatch", "-p", "high", "-c", "8", "-o", "/dev/null", "--wrap", "sleep 1")
    wait_until(lambda: not any(map(studies.alive, at_work.values())))
    wait_until(drained)
    assert set(studies.states(workers, study).values()) == {"finished"}
    assert studies.files(study) == studies.files(long)


def test_called_off(tmp_path: Path, workers: Workers) -> None:
    study, steps = tmp_path / "study", 0
    for args in (studies.ENDLESS, ""):
        submit(workers, tmp_path, args)
        jobs = set(queued())
        wait_until(studies.beyond(study, steps))
        # What is queued or running is not submitted again.
        assert submit(workers, tmp_path).stderr.count("is already queued or running") == 4
        assert set(queued()) == jobs and len(jobs) == 4
        assert workers.run("study", "cancel", "study", cwd=tmp_path).code == 0
        wait_until(drained)
        assert set(studies.states(workers, study).values()) <= {"stopped", "queued"}
        assert not studies.trainers(study)
        steps = studies.newest(study)


def test_a_failing_cell_stops_no_other(tmp_path: Path, workers: Workers) -> None:
    study = finish(workers, tmp_path, studies.FOUR.replace("4,8", "4"))
    obstacle = study / "cells/depth8-seed0/mine.txt"
    obstacle.parent.mkdir()
    obstacle.touch()
    submit(workers, tmp_path, "--depth 8")
    wait_until(drained)
    states = studies.states(workers, study)
    assert states.pop("depth8-seed0") == "failed" and set(states.values()) == {"finished"}
    obstacle.unlink()
    retried = workers.run("study", "retry", "study", cwd=tmp_path)
    wait_until(drained)
    assert retried.code in (0, 1)
    assert set(studies.states(workers, study).values()) == {"finished"}


def test_a_refusal_is_one_line(tmp_path: Path, workers: Workers) -> None:
    words = f"study run study --executor slurm --partition none {studies.FOUR}".split()
    ended = workers.run(*words, cwd=tmp_path)
    assert ended.code == 1 and ended.complaint.startswith("resdepth: error: --executor=slurm: ")
