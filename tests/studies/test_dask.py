"""Studies on a real Dask cluster: a worker of it killed, a cell called off, the same bits."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.studies.test_local import finish
from tests.support import studies
from tests.support.process import Outcome, Workers, wait_until

distributed = pytest.importorskip("distributed", reason="resdepth[dask] is not installed")
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two processes of one thread each, restarted when they die."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def long(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cells that were trained here and undisturbed."""
    return finish(workers, tmp_path_factory.mktemp("long"), studies.LONG)


def submit(workers: Workers, tmp_path: Path, cluster: Any, args: str = "") -> Outcome:
    words = ["study", "run", "study", "--executor", "dask"]
    words += ["--scheduler", cluster.scheduler_address, *args.split()]
    ended = workers.run(*words, cwd=tmp_path)
    assert ended.code in (0, 1), ended.stderr
    return ended


def over(workers: Workers, study: Path) -> bool:
    return set(studies.states(workers, study).values()) == {"finished"}


def test_the_same_bits_as_here(tmp_path: Path, workers: Workers, cluster: Any) -> None:
    (tmp_path / "here").mkdir()
    here = finish(workers, tmp_path / "here", studies.FOUR)
    submit(workers, tmp_path, cluster, studies.FOUR)
    wait_until(lambda: over(workers, tmp_path / "study"))
    assert studies.files(tmp_path / "study") == studies.files(here)


@pytest.mark.long
def test_a_worker_that_is_killed_is_replaced(
    tmp_path: Path, workers: Workers, cluster: Any, long: Path
) -> None:
    study = tmp_path / "study"
    submit(workers, tmp_path, cluster, studies.LONG)
    wait_until(lambda: studies.training(study, 2))
    # One that has a checkpoint to be resumed from.
    name, number = next(
        (name, number)
        for name, number in studies.trainers(study).items()
        if list((study / "cells" / name / "checkpoints").glob("step_*"))
    )
    theirs = studies.parent_of(studies.parent_of(number))
    os.kill(theirs, signal.SIGKILL)
    # What it trained writes a checkpoint and makes room for the one that takes over.
    wait_until(lambda: not studies.alive(number))
    wait_until(lambda: over(workers, study))
    assert len(list((study / "cells" / name).glob("events.out.tfevents.*"))) == 2
    assert studies.files(study) == studies.files(long)


@pytest.mark.long
def test_called_off(tmp_path: Path, workers: Workers, cluster: Any) -> None:
    study, steps = tmp_path / "study", 0
    for args in (studies.ENDLESS, ""):
        submit(workers, tmp_path, cluster, args)
        wait_until(studies.beyond(study, steps))
        # What waits at the scheduler is at work too.
        assert submit(workers, tmp_path, cluster).stderr.count("is already queued or running") == 4
        assert workers.run("study", "cancel", "study", cwd=tmp_path).code == 0
        wait_until(lambda: not studies.trainers(study))
        assert set(studies.states(workers, study).values()) == {"stopped"}
        steps = studies.newest(study)


@pytest.mark.long
def test_no_scheduler_is_one_line(tmp_path: Path, workers: Workers) -> None:
    words = f"study run study --executor dask --scheduler tcp://127.0.0.1:1 {studies.FOUR}".split()
    ended = workers.run(*words, cwd=tmp_path)
    assert ended.code == 1 and "no scheduler at tcp://127.0.0.1:1" in ended.complaint
