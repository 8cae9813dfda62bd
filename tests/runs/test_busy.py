"""Whether a process trains in a run folder, asked of the lock that lies there."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resdepth.runs.lock import SILENCE, Lock, busy

HERE = socket.gethostname()


def left_behind(run: Path, number: object, host: str = HERE, age: float = 0.0) -> Path:
    """A run whose lock was touched so many seconds ago by such an owner."""
    (run / "lock").write_text(json.dumps({"host": host, "pid": number}))
    touched = time.time() - age
    os.utime(run / "lock", (touched, touched))
    return run


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that has ended and that its parent has not asked after."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.communicate()


def test_a_lock_that_is_held(tmp_path: Path) -> None:
    assert not busy(tmp_path)
    lock = Lock(tmp_path)
    assert busy(tmp_path)
    lock.release()
    assert not busy(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc")
def test_a_zombie_trains_nothing(tmp_path: Path, zombie: int) -> None:
    assert not busy(left_behind(tmp_path, zombie))


def test_a_number_that_another_process_has_now(tmp_path: Path) -> None:
    assert busy(left_behind(tmp_path, os.getpid()))
    assert not busy(left_behind(tmp_path, os.getpid(), age=2 * SILENCE))


@pytest.mark.parametrize(("age", "expected"), [(0.0, True), (2 * SILENCE, False)])
def test_another_host_is_heard_for_a_while(tmp_path: Path, age: float, expected: bool) -> None:
    assert busy(left_behind(tmp_path, 1, host="another", age=age)) is expected


@pytest.mark.parametrize("number", [None, "x", -1 << 70, 1 << 70])
def test_what_is_no_number_of_a_process(tmp_path: Path, number: object) -> None:
    assert not busy(left_behind(tmp_path, number))


@pytest.mark.parametrize("text", ["", "[", "[]", "{}"])
def test_what_is_no_lock(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    assert not busy(tmp_path)
