"""Workers: several for one start, none of which needs another; what they are told and say."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from resdepth.studies.worker import Worker, WorkerLost, start_worker, start_workers
from tests.support import studies
from tests.support.messages import refused
from tests.support.process import wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc")
TRAIN = "train --depth 4 --width 3 --train-fraction 0.1 --threads 1 --lr 1 --checkpoint-every 5"
WIDTHS = (50, 60, 70)
"""Columns of the help, by a variable of each worker."""


def train(worker: Worker, folder: Path, name: str, epochs: int = 2) -> int:
    words = [*TRAIN.split(), f"--epochs={epochs}", f"--out={folder / name}"]
    return worker.run(words, folder / f"{name}.log", folder / f"{name}.stop")


@pytest.fixture(autouse=True)
def _no_descriptor_stays_open() -> Iterator[None]:
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) == before


NOISY = """
import os, sys

os.write(1, b"1\\ncode 0\\n")
os.write(2, sys.stdin.buffer.readline() or b"nothing to read\\n")
print("still in a buffer")


def note(event, given):
    if event == "import" and given[0] == "torch":
        with open(os.environ["IMPORTS"], "a") as file:
            file.write("torch\\n")


sys.addaudithook(note)
"""
"""A sitecustomize that prints what looks like answers, and counts the imports of torch."""


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Worker]]:
    """Three workers, each with a variable of its own, under a Python that prints at its start."""
    studies.customise(tmp_path / "site", NOISY, monkeypatch)
    monkeypatch.setenv("IMPORTS", str(tmp_path / "imports"))
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
    assert (tmp_path / "imports").read_text() == "torch\n"
    for name in "abc":
        assert "buffer" not in (tmp_path / f"{name}.log").read_text()


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
    with refused(WorkerLost, match=r"lost: was killed by SIGKILL"):
        train(three[dead], tmp_path, "lost")
    assert not Path(f"/proc/{number}").exists(), "a zombie"
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


def fake(monkeypatch: pytest.MonkeyPatch, line: str) -> Worker:
    """A worker that imports nothing and runs a line before it serves."""
    studies.fake_workers(monkeypatch, line)
    return start_worker()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("print('no seat', flush=True); os._exit(3)", "exit code 3 before it had started: no seat"),
        ("raise OSError('no room')", "exit code 1 before it had started: OSError: no room"),
        ("os._exit(0)", "ended with exit code 0 before it had started"),
        ("os.kill(os.getpid(), 9)", "was killed by SIGKILL before it had started"),
        ("worker._run = lambda *_: os._exit(5)", "ended with exit code 5"),
        ("worker._run = lambda *_: 1 / 0", "exit code 1: ZeroDivisionError: division by zero"),
        ("worker._run = lambda *_: os.kill(os.getpid(), 11)", "was killed by SIGSEGV"),
    ],
)
def test_why_a_worker_was_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, reason: str
) -> None:
    worker = fake(monkeypatch, line)
    with pytest.raises(WorkerLost) as raised:
        worker.run(["--version"], tmp_path / "cell.log", tmp_path / "stop")
    assert str(raised.value).startswith("the worker process for cell: ")
    assert str(raised.value).endswith(reason)
    assert reason.partition(": ")[2] in (tmp_path / "cell.log").read_text()
    with pytest.raises(ChildProcessError):
        os.waitpid(worker.first.pid, 0)


def test_one_that_never_starts_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = fake(monkeypatch, "time.sleep(1e6)")
    worker.close()
    worker.wait()
    assert worker.first.returncode == -signal.SIGKILL


def test_workers_are_of_the_installation_of_this_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "elsewhere/resdepth"
    (package / "cli").mkdir(parents=True)
    (package / "__init__.py").touch()
    script = (
        "import os, beside\ndef main(workers):\n os.write(workers[0]['answers'], b'code 7\\n')\n"
    )
    (package / "cli/worker.py").write_text(script)
    (tmp_path / "more").mkdir()
    (tmp_path / "more/beside.py").touch()
    other = SimpleNamespace(__file__=str(package / "__init__.py"), __path__=[str(package)])
    monkeypatch.setitem(sys.modules, "resdepth", other)
    monkeypatch.syspath_prepend(tmp_path / "more")
    worker = start_worker()
    assert worker.run(["--version"], tmp_path / "log", tmp_path / "stop") == 7
    worker.close()
    worker.wait()


def test_the_working_folder_is_no_place_to_import_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "beside.py").touch()
    monkeypatch.chdir(tmp_path)
    # "export PYTHONPATH=x:$PYTHONPATH" leaves an empty entry.
    monkeypatch.setenv("PYTHONPATH", f"x{os.pathsep}")
    for place in ("", str(tmp_path)):
        monkeypatch.syspath_prepend(place)
    worker = fake(monkeypatch, "import beside")
    with refused(WorkerLost, match="ModuleNotFoundError: No module named 'beside'"):
        worker.run(["--version"], tmp_path / "log", tmp_path / "stop")
