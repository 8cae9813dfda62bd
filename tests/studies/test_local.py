"""Studies on this machine: killed, failing, called off, extended; always to the same bits."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

import resdepth
from resdepth.errors import System
from resdepth.options.train import TrainOptions
from resdepth.studies.cell import Job
from resdepth.studies.local import Local
from tests.support import studies
from tests.support.process import Workers, wait_until
from tests.support.runs import assert_same, whole

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc")


def start(workers: Workers, tmp_path: Path, args: str = "") -> Any:
    """Begin `study run` in the folder `study`, two cells at a time."""
    words = ["study", "run", "study", "--workers", "2", *args.split()]
    return workers.start(*words, cwd=tmp_path)


def finish(workers: Workers, tmp_path: Path, args: str = "") -> Path:
    ended = start(workers, tmp_path, args)[1]()
    assert (ended.code, ended.stdout) == (0, "study\n"), ended.stderr
    return tmp_path / "study"


@pytest.fixture(scope="module")
def four(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four finished cells. Never written to."""
    return finish(workers, tmp_path_factory.mktemp("four"), studies.FOUR)


@pytest.fixture(scope="module")
def long(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four finished cells that take longer. Never written to."""
    return finish(workers, tmp_path_factory.mktemp("long"), studies.LONG)


def test_a_cell_is_what_train_makes(tmp_path: Path, workers: Workers, four: Path) -> None:
    args = studies.FOUR.replace("--depth 4,8 --seed 0:2", "--depth 8 --seed 1")
    args += " --lr-depth-exponent 1"
    assert workers.run("train", *args.split(), "--out", "one", cwd=tmp_path).code == 0
    assert_same(whole(tmp_path / "one"), whole(four / "cells/depth8-seed1"))
    ours = {p.name: p.read_bytes() for p in (tmp_path / "one").rglob("*.safetensors")}
    theirs = four / "cells/depth8-seed1"
    assert ours == {p.name: p.read_bytes() for p in theirs.rglob("*.safetensors")}


def test_start_up_is_paid_once_a_worker(four: Path) -> None:
    """All cells of a worker are forks of it: a cell takes no longer than its own training."""
    for name, path in studies.cells(four).items():
        log = (four / "logs" / f"{name}.log").read_text()
        assert "40 steps" in log and str(path.absolute()) in log


def test_from_python(tmp_path: Path, four: Path) -> None:
    said: list[str] = []
    options = {"width": 4, "train_fraction": 0.2, "alpha": 1, "activation": "relu", "threads": 1}
    rows = resdepth.study(
        tmp_path / "study",
        workers=2,
        say=said.append,
        depth=[4, 8],
        seed=range(2),
        lr=2,
        lr_depth=4,
        epochs=40,
        checkpoint_every=10,
        **options,
    )
    assert [row.state for row in rows] == ["finished"] * 4 and len(said) == 6
    assert [row.values for row in rows[:2]] == [{"depth": 4, "seed": s} for s in (0, 1)]
    runs = [resdepth.open_run(row.path) for row in rows]
    assert all(run.manifest.steps == row.steps == 40 for run, row in zip(runs, rows, strict=True))
    assert studies.files(tmp_path / "study") == studies.files(four)


def test_killed_with_all_it_began(tmp_path: Path, workers: Workers, long: Path) -> None:
    process, wait = start(workers, tmp_path, studies.LONG)
    study = tmp_path / "study"
    wait_until(lambda: studies.training(study, 2))
    trainers = studies.trainers(study)
    os.kill(process.pid, signal.SIGKILL)
    wait()
    # What it had begun writes a checkpoint and ends by itself.
    wait_until(lambda: not any(map(studies.alive, trainers.values())))
    assert not studies.trainers(study)
    for name in trainers:
        manifest = resdepth.open_run(study / "cells" / name).manifest
        assert manifest.outcome == "finished" or manifest.detail == {"signal": signal.SIGTERM}
    done = {n: p for n, p in studies.cells(study).items() if _outcome(p) == "finished"}
    before = {name: (path / "manifest.json").read_bytes() for name, path in done.items()}
    finish(workers, tmp_path)
    assert before == {n: (p / "manifest.json").read_bytes() for n, p in done.items()}
    assert studies.files(study) == studies.files(long)
    for name, found in studies.contents(study).items():
        assert_same(found, whole(long / "cells" / name))


def _outcome(run: Path) -> str:
    return str(json.loads((run / "manifest.json").read_text())["outcome"])


def test_interrupted_it_ends_with_checkpoints(tmp_path: Path, workers: Workers, long: Path) -> None:
    process, wait = start(workers, tmp_path, studies.LONG)
    study = tmp_path / "study"
    wait_until(lambda: studies.training(study, 2))
    os.kill(process.pid, signal.SIGINT)
    ended = wait()
    assert ended.code == 130 and "Traceback" not in ended.stderr, ended.stderr
    assert "interrupted; 'resdepth study run study' resumes it" in ended.stderr
    assert not studies.trainers(study)
    assert set(studies.states(workers, study).values()) <= {"stopped", "queued", "finished"}
    finish(workers, tmp_path)
    assert studies.files(study) == studies.files(long)


@pytest.mark.long
@pytest.mark.parametrize("what", ["cell", "worker"])
def test_a_death_takes_one_cell(tmp_path: Path, workers: Workers, long: Path, what: str) -> None:
    _, wait = start(workers, tmp_path, studies.LONG)
    study = tmp_path / "study"
    wait_until(lambda: studies.training(study, 2))
    name, number = next(iter(studies.trainers(study).items()))
    studies.kill(number if what == "cell" else studies.parent_of(number))
    ended = wait()
    states = studies.states(workers, study)
    others = {state for cell, state in states.items() if cell != name}
    assert others == {"finished"}
    # A worker's cell goes on in the next one; a cell that is killed may be too large to try again.
    assert states[name] == ("stopped" if what == "cell" else "finished")
    assert ended.code == (what == "cell")
    if what == "cell":
        assert f"{name}  stopped" in ended.stderr and "its process was killed" in ended.stderr
    finish(workers, tmp_path)
    assert studies.files(study) == studies.files(long)


def test_a_failing_cell_stops_no_other(tmp_path: Path, workers: Workers, four: Path) -> None:
    study = tmp_path / "study"
    obstacle = study / "cells/depth8-seed0/mine.txt"
    # The plan first: a folder with something else in it is no place for a study.
    finish(workers, tmp_path, studies.FOUR.replace("4,8", "4"))
    obstacle.parent.mkdir()
    obstacle.touch()
    ended = start(workers, tmp_path, "--depth 8")[1]()
    assert ended.code == 1
    why = "the folder exists and is not empty"
    assert "depth8-seed0  failed" in ended.stderr and why in ended.stderr
    assert studies.states(workers, study)["depth8-seed1"] == "finished"
    # It stays as it is until somebody says otherwise.
    obstacle.unlink()
    again = start(workers, tmp_path)[1]()
    assert again.code == 1 and "study retry study" in again.stderr
    retried = workers.run("study", "retry", "study", cwd=tmp_path)
    assert retried.code == 0, retried.stderr
    assert studies.files(study) == studies.files(four)


def test_called_off_and_gone_on_with(tmp_path: Path, workers: Workers) -> None:
    study, steps = tmp_path / "study", 0
    for args in (studies.ENDLESS, ""):
        _, wait = start(workers, tmp_path, args)
        wait_until(studies.beyond(study, steps))
        called = workers.run("study", "cancel", "study", cwd=tmp_path)
        assert called.code == 0, called.stderr
        assert wait().code == 1
        assert set(studies.states(workers, study).values()) == {"stopped"}
        assert not studies.trainers(study)
        steps = studies.newest(study)


@pytest.mark.long
def test_more_depths_and_seeds(tmp_path: Path, workers: Workers, four: Path) -> None:
    study = finish(workers, tmp_path, studies.FOUR.replace("4,8 --seed 0:2", "4 --seed 0"))
    first = (study / "cells/depth4-seed0/manifest.json").read_bytes()
    finish(workers, tmp_path, "--depth 8 --seed 0:2")
    assert (study / "cells/depth4-seed0/manifest.json").read_bytes() == first
    assert studies.files(study) == studies.files(four)


def test_a_diverging_cell_is_told(tmp_path: Path, workers: Workers) -> None:
    args = studies.FOUR.replace("--lr 2", "--lr 2,1e30").replace("0:2", "0")
    ended = start(workers, tmp_path, args)[1]()
    states = studies.states(workers, tmp_path / "study")
    assert ended.code == 1 and "diverged" in ended.stderr
    assert sorted(states.values()) == ["diverged"] * 2 + ["finished"] * 2
    again = workers.run("study", "retry", "study", cwd=tmp_path)
    assert again.code == 1 and "would diverge again" in again.stderr


def test_a_rate_is_found_and_written_down(tmp_path: Path, workers: Workers) -> None:
    args = studies.FOUR.replace("--lr 2 --lr-depth 4", "--lr auto")
    study = finish(workers, tmp_path, args)
    manifest = resdepth.open_run(study / "cells/depth8-seed0").manifest
    options = TrainOptions(**manifest.options)
    assert options.lr_depth == 8 and options.lr_depth_exponent == 1
    losses = resdepth.open_run(study / "cells/depth8-seed0").scalars("loss")[1]
    assert (losses[1:] <= losses[:-1] * (1 + 1e-6)).all()
    # Four times as much is too much: the probe went up to the last rate that was good.
    plain = options.model_copy(update={"lr": 4 * options.lr})
    rising = resdepth.train(plain, tmp_path / "rising")
    losses = rising.scalars("loss")[1]
    assert rising.manifest.outcome != "finished" or (losses[1:] > losses[:-1] * (1 + 1e-6)).any()
    assert f"lr: {options.lr}" in (study / "study.yaml").read_text()


@pytest.mark.long
def test_two_at_once_train_nothing_twice(tmp_path: Path, workers: Workers, long: Path) -> None:
    _, first = start(workers, tmp_path, studies.LONG)
    wait_until(lambda: studies.training(tmp_path / "study"))
    _, second = start(workers, tmp_path)
    assert first().code == 0
    assert second().code in (0, 1)
    assert studies.files(tmp_path / "study") == studies.files(long)
    for path in studies.cells(tmp_path / "study").values():
        assert len(list(path.glob("events.out.tfevents.*"))) == 1


HOSTILE = ("random", "types", "statistics", "json", "torch", "numpy", "submitit", "sitecustomize")


def test_among_modules_of_the_users_own(tmp_path: Path, workers: Workers, four: Path) -> None:
    for name in HOSTILE:
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('this is the user's own')")
    # This project as it was cloned: without its compiled module.
    compiled = shutil.ignore_patterns("*.so", "*.pyd")
    shutil.copytree(Path(resdepth.__file__).parent, tmp_path / "resdepth", ignore=compiled)
    study = finish(workers, tmp_path, studies.FOUR)
    assert studies.files(study) == studies.files(four)
    for name, path in studies.cells(study).items():
        ours, theirs = (resdepth.open_run(p).manifest for p in (path, four / "cells" / name))
        assert (ours.engine, ours.versions) == (theirs.engine, theirs.versions)


KILLED_ONCE = """
import os

try:
    os.close(os.open(os.environ["ONCE"], os.O_CREAT | os.O_EXCL))
except FileExistsError:
    pass
else:
    os.kill(os.getpid(), 9)
"""


def test_killed_before_they_had_started(tmp_path: Path, workers: Workers, four: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(KILLED_ONCE)
    words = ["study", "run", "study", "--workers", "2", *studies.FOUR.split()]
    env = {"PYTHONPATH": str(tmp_path), "ONCE": str(tmp_path / "once")}
    ended = workers.start(*words, cwd=tmp_path, **env)[1]()
    assert ended.code == 0 and (tmp_path / "once").exists(), ended.stderr
    assert studies.files(tmp_path / "study") == studies.files(four)


def test_none_can_be_started(tmp_path: Path, workers: Workers) -> None:
    text = "import os\nos.write(2, b'no seat is free\\n')\nos._exit(3)\n"
    (tmp_path / "sitecustomize.py").write_text(text)
    words = ["study", "run", "study", "--workers", "2", *studies.FOUR.split()]
    ended = workers.start(*words, cwd=tmp_path, PYTHONPATH=str(tmp_path))[1]()
    assert ended.code == 1 and "no worker can be started" in ended.complaint
    assert "ended with exit code 3 before it had started: no seat is free" in ended.complaint
    assert ended.stderr.count("  stopped  no worker can be started") == 4
    shown = workers.run("study", "status", "study", "--json", cwd=tmp_path)
    for cell in json.loads(shown.stdout)["cells"]:
        assert cell["state"] == "stopped" and "ended with exit code 3" in cell["why"]
    # Nothing is wrong with the cells: they are trained as soon as workers can be started.
    (tmp_path / "sitecustomize.py").unlink()
    finish(workers, tmp_path)


def jobs(tmp_path: Path, count: int) -> list[Job]:
    """Jobs that fake workers train."""
    names = [f"cell{number}" for number in range(count)]
    return [
        Job(n, ("--version",), tmp_path / n, tmp_path / f"{n}.log", tmp_path / "stop", 1, 1.0, 1)
        for n in names
    ]


def conducted(local: Local, given: list[Job]) -> tuple[list[str], Exception | None]:
    """The cells that have ended, and the error that ended the study."""
    ended: list[str] = []
    local.submit(given)
    try:
        local.wait(ended.append)
    except System as error:
        return ended, error
    return ended, None


def why(job: Job) -> str:
    return job.log.read_text().splitlines()[-1].removeprefix("resdepth: lost: ")


def test_a_cell_whose_workers_die_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies.fake_workers(monkeypatch, "worker._accept = lambda *_: os.kill(os.getpid(), 9)")
    given = jobs(tmp_path, 3)
    ended, error = conducted(Local({"workers": 1}, "cpu"), given)
    assert sorted(ended) == ["cell0", "cell1", "cell2"] and error is None
    assert {why(job) for job in given} == {"its worker was killed by SIGKILL"}


def test_a_study_ends_if_no_worker_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies.fake_workers(monkeypatch, "os._exit(4)")
    given = jobs(tmp_path, 3)
    _, error = conducted(Local({"workers": 2}, "cpu"), given)
    assert "the last one ended with exit code 4 before it had started" in str(error)
    assert all("ended with exit code 4 before it had started" in why(job) for job in given)


def test_cells_take_turns_on_the_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = (
        "worker.start.main = lambda: time.sleep(0.1) or print(os.environ['CUDA_VISIBLE_DEVICES'])"
    )
    studies.fake_workers(monkeypatch, line)
    given = jobs(tmp_path, 5)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,7")
    ended, error = conducted(Local({"workers": 2}, "auto"), given)
    assert sorted(ended) == sorted(job.name for job in given) and error is None
    assert {job.log.read_text().splitlines()[0] for job in given} == {"3", "7"}
