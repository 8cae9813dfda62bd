"""Workers: several for one start, none of which needs another; what they are told and say."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from resdepth.errors import WorkerLost
from resdepth.experiment.study.worker import Worker, start_worker, start_workers
from tests.support import studies
from tests.support.process import wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc")
TRAIN = "train --depth 4 --width 3 --train-fraction 0.1 --threads 1 --lr 1 --checkpoint-every 5"
WIDTHS = (50, 60, 70)
"""Columns of the help, by a variable of each worker."""


def train(worker: Worker, folder: Path, name: str, epochs: int = 2) -> int:
    words = [*TRAIN.split(), f"--epochs={epochs}", f"--out={folder / name}"]
    return worker.run(words, folder / f"{name}.log", folder / f"{name}.stop")


@pytest.fixture
def three() -> Iterator[list[Worker]]:
    """Three workers, each with a variable of its own."""
    made = start_workers([{"COLUMNS": str(width)} for width in WIDTHS])
    yield made
    for worker in made:
        worker.close()
    for worker in made:
        worker.wait()


def begin(worker: Worker, folder: Path, name: str) -> int:
    """Have it train what does not end by itself; its own process number."""
    words = [*TRAIN.split(), "--epochs=1000000", f"--out={folder / name}"]
    call = {"arguments": words, "log": f"{folder / name}.log", "stop": f"{folder / name}.stop"}
    worker.pipe.write(json.dumps(call).encode() + b"\n")
    worker.pipe.flush()
    lock = folder / name / "lock"
    wait_until(lambda: lock.exists() and lock.read_text().endswith("}"))
    return studies.parent_of(json.loads(lock.read_text())["pid"])


def test_one_start_makes_several(three: list[Worker], tmp_path: Path) -> None:
    assert [train(worker, tmp_path, name) for worker, name in zip(three, "abc", strict=True)] == [
        0
    ] * 3
    numbers = [begin(worker, tmp_path, name) for worker, name in zip(three, "def", strict=True)]
    assert len(set(numbers)) == 3
    assert [studies.parent_of(number) for number in numbers[1:]] == [numbers[0]] * 2


def test_each_has_its_own_variables(three: list[Worker], tmp_path: Path) -> None:
    for worker, width in zip(three, WIDTHS, strict=True):
        log = tmp_path / f"{width}.log"
        assert worker.run(["study", "status", "--help"], log, tmp_path / "stop") == 0
        assert width - 15 < max(map(len, log.read_text().splitlines())) <= width


@pytest.mark.parametrize("dead", [0, 1])
def test_the_death_of_one_leaves_the_others(three: list[Worker], tmp_path: Path, dead: int) -> None:
    number = begin(three[dead], tmp_path, "endless")
    os.kill(number, signal.SIGKILL)
    wait_until(lambda: not studies.alive(number))
    with pytest.raises(WorkerLost):
        train(three[dead], tmp_path, "lost")
    others = [worker for place, worker in enumerate(three) if place != dead]
    assert [train(worker, tmp_path, name) for worker, name in zip(others, "ab", strict=True)] == [
        0,
        0,
    ]


def test_each_ends_by_itself(three: list[Worker], tmp_path: Path) -> None:
    first, second = begin(three[0], tmp_path, "a"), begin(three[1], tmp_path, "b")
    three[1].close()
    three[1].wait()
    wait_until(lambda: not studies.alive(second))
    assert studies.alive(first)
    assert '"interrupted"' in (tmp_path / "b/manifest.json").read_text()
    assert '"running"' in (tmp_path / "a/manifest.json").read_text()


def test_what_fails_is_an_exit_code(tmp_path: Path) -> None:
    worker = start_worker()
    log = tmp_path / "log"
    assert worker.run(["train", "--depth", "x"], log, tmp_path / "stop") == 2
    assert log.read_text().startswith("resdepth: error: ")
    worker.close()
    with pytest.raises(WorkerLost):
        train(worker, tmp_path, "late")
    worker.wait()
