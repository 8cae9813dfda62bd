"""Workers: several for one start, none of which needs another; what they are told and say."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from resdepth.studies.worker import Worker, WorkerLost
from tests.support import studies
from tests.support.process import wait_until

Begin = Callable[[Worker, str], int]
pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc")
TRAIN = "train --depth 4 --width 3 --train-fraction 0.1 --threads 1 --lr 1 --checkpoint-every 5"


def train(worker: Worker, folder: Path, name: str, epochs: int = 2) -> int:
    words = [*TRAIN.split(), f"--epochs={epochs}", f"--out={folder / name}"]
    return worker.run(words, folder / f"{name}.log", folder / f"{name}.stop")


@pytest.fixture(autouse=True)
def _no_descriptor_stays_open() -> Iterator[None]:
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


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


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `noisy` counts its imports of torch."""
    return tmp_path_factory.mktemp("noisy") / "imports"


@pytest.fixture(scope="module")
def noisy(imports: Path) -> Iterator[Worker]:
    """A worker under a Python that prints at its start."""
    with pytest.MonkeyPatch.context() as patch:
        studies.customise(imports.parent / "site", NOISY, patch)
        patch.setenv("IMPORTS", str(imports))
        worker = Worker()
    yield worker
    worker.close()
    worker.wait()


@pytest.fixture
def mortal() -> Iterator[Worker]:
    """A worker of one test."""
    worker = Worker()
    yield worker
    worker.close()
    worker.wait()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[Worker, str], int]]:
    """Has a worker train what does not end by itself, in a thread; the process that does."""
    with ThreadPoolExecutor() as pool:

        def begun(worker: Worker, name: str) -> int:
            pool.submit(train, worker, tmp_path, name, 1_000_000)
            lock = tmp_path / name / "lock"
            wait_until(lambda: lock.exists() and lock.read_text().endswith("}"))
            return int(json.loads(lock.read_text())["pid"])

        yield begun


def test_every_command_is_a_fork_of_one_process(
    noisy: Worker, tmp_path: Path, imports: Path
) -> None:
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(partial(train, noisy, tmp_path), "abc")) == [0] * 3
    assert imports.read_text() == "torch\n"
    for name in "abc":
        assert "buffer" not in (tmp_path / f"{name}.log").read_text()


@pytest.mark.parametrize("width", [50, 70])
def test_each_command_has_its_own_variables(noisy: Worker, tmp_path: Path, width: int) -> None:
    log, words = tmp_path / "log", ["study", "status", "--help"]
    assert noisy.run(words, log, tmp_path / "stop", {"COLUMNS": str(width)}) == 0
    assert width - 15 < max(map(len, log.read_text().splitlines())) <= width


def test_a_killed_command_leaves_the_others(noisy: Worker, tmp_path: Path, begin: Begin) -> None:
    first, second = begin(noisy, "a"), begin(noisy, "b")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{first}").exists())
    assert studies.alive(second) and train(noisy, tmp_path, "c") == 0
    (tmp_path / "b.stop").touch()
    wait_until(lambda: not studies.alive(second))
    assert '"interrupted"' in (tmp_path / "b/manifest.json").read_text()


def test_a_killed_worker_takes_its_commands_along(
    mortal: Worker, tmp_path: Path, begin: Begin
) -> None:
    number = begin(mortal, "a")
    os.kill(mortal.process.pid, signal.SIGKILL)
    wait_until(lambda: not studies.alive(number))
    assert '"interrupted"' in (tmp_path / "a/manifest.json").read_text()
    with pytest.raises(WorkerLost, match=r"^the worker process for b: was killed by SIGKILL$"):
        train(mortal, tmp_path, "b")


def test_a_closed_worker_ends_its_commands(mortal: Worker, tmp_path: Path, begin: Begin) -> None:
    number = begin(mortal, "a")
    mortal.close()
    mortal.wait()
    assert not studies.alive(number)
    assert '"interrupted"' in (tmp_path / "a/manifest.json").read_text()


def test_what_fails_is_an_exit_code(tmp_path: Path) -> None:
    worker = Worker()
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
    return Worker()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("print('no seat', flush=True); os._exit(3)", "exit code 3 before it had started: no seat"),
        ("raise OSError('no room')", "exit code 1 before it had started: OSError: no room"),
        ("os._exit(0)", "ended with exit code 0 before it had started"),
        ("os.kill(os.getpid(), 9)", "was killed by SIGKILL before it had started"),
        ("worker._accept = lambda *_: os._exit(5)", "ended with exit code 5"),
        ("worker._accept = lambda *_: 1 / 0", "exit code 1: ZeroDivisionError: division by zero"),
        ("worker._accept = lambda *_: os.kill(os.getpid(), 11)", "was killed by SIGSEGV"),
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
        os.waitpid(worker.process.pid, 0)


def test_one_that_never_starts_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = fake(monkeypatch, "time.sleep(1e6)")
    worker.close()
    worker.wait()
    assert worker.process.returncode == -signal.SIGKILL


SEVEN = """
import os, socket, beside

def main(control):
    answer, = socket.recv_fds(socket.socket(fileno=control), 1, 1)[1]
    os.write(answer, b"7")
"""


def test_workers_are_of_the_installation_of_this_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "elsewhere/resdepth"
    (package / "cli").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli/worker.py").write_text(SEVEN)
    (tmp_path / "more").mkdir()
    (tmp_path / "more/beside.py").touch()
    other = SimpleNamespace(__file__=str(package / "__init__.py"), __path__=[str(package)])
    monkeypatch.setitem(sys.modules, "resdepth", other)
    monkeypatch.syspath_prepend(tmp_path / "more")
    worker = Worker()
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
    with pytest.raises(WorkerLost, match="ModuleNotFoundError: No module named 'beside'"):
        worker.run(["--version"], tmp_path / "log", tmp_path / "stop")
