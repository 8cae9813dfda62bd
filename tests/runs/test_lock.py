"""One process trains in a folder: which are refused, and which locks may be taken."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resdepth.errors import Busy, Exists
from resdepth.options.train import TrainOptions
from resdepth.runs import lock
from resdepth.runs.folder import create_run, reopen_run
from resdepth.runs.lock import NAME, SILENCE, Lock
from tests.support.messages import refused

HOLDER = """
import sys, time
from pathlib import Path
from resdepth.runs.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(100)
"""


def held_elsewhere(folder: Path) -> subprocess.Popen[str]:
    args = [sys.executable, "-c", HOLDER, str(folder)]
    process = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def foreign(folder: Path, age: float) -> None:
    """The lock of a process on another host that last touched it `age` seconds ago."""
    path = folder / NAME
    path.write_text(json.dumps({"host": "elsewhere", "pid": 7}))
    then = time.time() - age
    os.utime(path, (then, then))


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    first = Lock(tmp_path)
    with refused(Busy, match=f"process {os.getpid()} on "):
        Lock(tmp_path)
    first.release()
    assert not (tmp_path / NAME).exists()
    Lock(tmp_path).release()


def test_releasing_twice_is_allowed(tmp_path: Path) -> None:
    held = Lock(tmp_path)
    held.release()
    held.release()


def test_another_process_is_named_and_its_death_frees_the_folder(tmp_path: Path) -> None:
    process = held_elsewhere(tmp_path)
    with refused(Busy, match=f"process {process.pid} on .* is training"):
        Lock(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / NAME).exists()
    taken = Lock(tmp_path)
    assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    taken.release()


@pytest.mark.parametrize("age", [0.0, SILENCE / 2])
def test_a_living_owner_on_another_host_is_respected(tmp_path: Path, age: float) -> None:
    foreign(tmp_path, age)
    with refused(Busy, match="process 7 on elsewhere"):
        Lock(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_silent_owner_on_another_host_counts_as_dead(tmp_path: Path) -> None:
    foreign(tmp_path, 2 * SILENCE)
    Lock(tmp_path).release()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"host": null}'])
def test_a_torn_lock_may_be_taken(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content)
    os.utime(tmp_path / NAME, (0, 0))
    Lock(tmp_path).release()


def test_a_held_lock_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT", 0.01)
    held = Lock(tmp_path)
    os.utime(tmp_path / NAME, (0, 0))
    limit = time.monotonic() + 30
    while (tmp_path / NAME).stat().st_mtime == 0:
        assert time.monotonic() < limit
        time.sleep(0.01)
    held.release()


OPTIONS = TrainOptions(depth=2, width=2).recorded()


def test_a_second_trainer_is_refused(tmp_path: Path) -> None:
    first = create_run(tmp_path / "run", "train", OPTIONS, [])
    for other in (
        lambda: create_run(tmp_path / "run", "train", OPTIONS, []),
        lambda: create_run(tmp_path / "run", "train", OPTIONS, [], overwrite=True),
        lambda: reopen_run(tmp_path / "run", "train", {}),
    ):
        with pytest.raises((Busy, Exists)):
            other()
    first.release()
    reopen_run(tmp_path / "run", "train", {}).release()


@pytest.mark.parametrize("leftover", [".manifest.json.77.part", NAME, ".lock.host.3.part"])
def test_leftovers_of_an_early_kill_do_not_count(tmp_path: Path, leftover: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / leftover).write_text("")
    os.utime(run / leftover, (0, 0))
    create_run(run, "train", OPTIONS, []).release()
    assert [path.name for path in run.iterdir()] == ["manifest.json"]


def test_a_run_that_never_trained_is_replaced(tmp_path: Path) -> None:
    create_run(tmp_path / "run", "train", OPTIONS, ["first"]).release()
    again = create_run(tmp_path / "run", "train", OPTIONS, ["second"])
    again.release()
    assert again.manifest.command == ["second"] and not again.replaces
