"""Killed at any moment and resumed, a run ends with the bits of a run in one piece."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import resdepth
from resdepth.errors import Corrupt
from resdepth.training.observer import Observer, Start
from tests.support.messages import refused
from tests.support.process import Workers, wait_until
from tests.support.runs import Whole, assert_same, contents, whole

SMALL = "--depth 6 --width 4 --train-fraction 0.2 --val-every 3 --seed 5 --threads 1 --quiet"
RUNS = {
    # Full batches; a checkpoint at every 20th of 150 steps.
    "full": f"{SMALL} --epochs 150 --checkpoint-every 20",
    # 5 batches an epoch, a checkpoint at every 7th of 150 steps, a rate that follows the weights.
    "minibatch": f"{SMALL} --epochs 30 --batch-size 64 --checkpoint-every 7"
    " --dynamic-lr --lr 3 --lr-constant 0.2 --log-every 2 --p-var-every 3",
}
MOMENTS: dict[str, Callable[[Path], bool]] = {
    "manifest": lambda run: (run / "manifest.json").exists(),
    "first event": lambda run: any(run.glob("events.out.tfevents.*")),
    "first checkpoint": lambda run: any(run.glob("checkpoints/step_*")),
    "fourth checkpoint": lambda run: len(list(run.glob("checkpoints/step_*"))) >= 4,
    "last checkpoint": lambda run: (run / "checkpoints" / "last.safetensors").exists(),
    "exported": lambda run: any(run.glob("exported_models/*.pth")),
}


@pytest.fixture(scope="module")
def unbroken(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Whole]:
    """Each kind of run, never stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    for name, args in RUNS.items():
        ended = workers.run("train", *args.split(), "--out", name, cwd=folder)
        assert ended.code == 0, ended.stderr
    return {name: whole(folder / name) for name in RUNS}


def start(workers: Workers, kind: str, tmp_path: Path) -> Any:
    args = ("train", *RUNS[kind].split(), "--out", "run")
    if (tmp_path / "run" / "manifest.json").exists():
        args = ("train", "--resume", "run", "--quiet")
    return workers.start(*args, cwd=tmp_path)


def finish(workers: Workers, kind: str, tmp_path: Path) -> Whole:
    ended = start(workers, kind, tmp_path)[1]()
    assert (ended.code, ended.stdout, ended.stderr) == (0, "run\n", "")
    return whole(tmp_path / "run")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("kind", RUNS)
def test_killed_and_resumed(
    workers: Workers, tmp_path: Path, unbroken: dict[str, Whole], kind: str, moment: str
) -> None:
    process, wait = start(workers, kind, tmp_path)
    wait_until(lambda: MOMENTS[moment](tmp_path / "run") or not process.is_alive())
    process.kill()
    wait()
    assert_same(finish(workers, kind, tmp_path), unbroken[kind])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", RUNS)
def test_killed_again_and_again(
    workers: Workers, tmp_path: Path, unbroken: dict[str, Whole], kind: str, seed: int
) -> None:
    delays = random.Random(seed)
    for _ in range(4):
        process, wait = start(workers, kind, tmp_path)
        wait_until(lambda: (tmp_path / "run/manifest.json").exists())
        time.sleep(delays.uniform(0.0, 0.4))
        process.kill()
        wait()
    assert_same(finish(workers, kind, tmp_path), unbroken[kind])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", RUNS)
def test_asked_to_stop(
    workers: Workers, tmp_path: Path, unbroken: dict[str, Whole], kind: str, number: int
) -> None:
    process, wait = start(workers, kind, tmp_path)
    wait_until(lambda: MOMENTS["first checkpoint"](tmp_path / "run"))
    os.kill(process.pid, number)
    ended = wait()
    run = resdepth.open_run(tmp_path / "run")
    if run.manifest.outcome != "finished":  # A machine that froze us for the whole run.
        assert ended.code == 128 + number
        assert run.manifest.outcome == "interrupted" and run.manifest.detail == {"signal": number}
        last = run.checkpoint()
        assert last.step == run.manifest.steps > 0
        (exported,) = (tmp_path / "run/exported_models").iterdir()
        layers = torch.load(exported, weights_only=True)
        assert torch.equal(torch.stack(layers), last.blocks)
    assert_same(finish(workers, kind, tmp_path), unbroken[kind])


@pytest.mark.parametrize("junk", [b"\x17", b"\x18\0\0\0\0\0\0\0\xa3\x7f\x4b", b"\xff" * 200])
def test_a_torn_event_file(
    workers: Workers, tmp_path: Path, unbroken: dict[str, Whole], junk: bytes
) -> None:
    process, wait = start(workers, "full", tmp_path)
    wait_until(lambda: MOMENTS["fourth checkpoint"](tmp_path / "run"))
    process.kill()
    wait()
    (events,) = (tmp_path / "run").glob("events*")
    with events.open("ab") as stream:
        stream.write(junk)
    assert_same(finish(workers, "full", tmp_path), unbroken["full"])


@pytest.mark.parametrize("kind", RUNS)
def test_a_full_disk_is_survived(
    workers: Workers, tmp_path: Path, unbroken: dict[str, Whole], kind: str
) -> None:
    args = ("train", *RUNS[kind].split(), "--out", "run")
    ended = workers.run(*args, cwd=tmp_path, file_limit=9000)
    assert ended.code == 1 and "cannot write: File too large" in ended.complaint
    assert resdepth.open_run(tmp_path / "run").manifest.outcome == "failed"
    assert not list((tmp_path / "run").rglob("*.part"))
    assert_same(finish(workers, kind, tmp_path), unbroken[kind])


@pytest.mark.parametrize("kind", RUNS)
def test_twice_is_the_same(
    workers: Workers, tmp_path: Path, unbroken: dict[str, Whole], kind: str
) -> None:
    assert_same(finish(workers, kind, tmp_path), unbroken[kind])
    before = contents(tmp_path)
    ended = workers.run("train", "--resume", "run", cwd=tmp_path)
    assert ended.code == 0 and "nothing to do: 150 of 150 steps" in ended.stderr
    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", RUNS)
def test_more_epochs_equal_a_longer_run(
    workers: Workers, tmp_path: Path, unbroken: dict[str, Whole], kind: str
) -> None:
    args = RUNS[kind].split()
    at = args.index("--epochs") + 1
    epochs, args[at] = args[at], str(int(args[at]) // 3 + 1)
    assert workers.run("train", *args, "--out", "run", cwd=tmp_path).code == 0
    more = workers.run("train", "--resume", "run", "--epochs", epochs, cwd=tmp_path)
    assert more.code == 0
    assert_same(whole(tmp_path / "run"), unbroken[kind])


def test_the_recorded_threads_are_used(tmp_path: Path) -> None:
    titles = []

    class Reader(Observer):
        def start(self, what: Start) -> None:
            titles.append((what.title.rpartition(", ")[2], torch.get_num_threads()))

    options = resdepth.TrainOptions(depth=2, width=2, epochs=2, threads=1, engine="eager")
    resdepth.train(options, tmp_path / "run", observer=Reader())
    more = resdepth.TrainOptions(epochs=3)
    resdepth.train(more, tmp_path / "run", resume=True, observer=Reader())
    assert titles == [("1 threads", 1)] * 2


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"depth": 4}, "not of this run"),
        ({"width": 3}, "not of this run"),
        ({"seed": 1}, "not of this run"),
        ({"dtype": "float64"}, "not of this run"),
    ],
    ids=str,
)
def test_a_checkpoint_of_another_run(tmp_path: Path, other: dict[str, Any], reason: str) -> None:
    base = {"depth": 3, "width": 2, "epochs": 2, "threads": 1}
    resdepth.train(resdepth.TrainOptions(**base), tmp_path / "a")
    resdepth.train(resdepth.TrainOptions(**(base | other)), tmp_path / "b")
    place = "checkpoints/last.safetensors"
    (tmp_path / "b" / place).replace(tmp_path / "a" / place)
    with refused(Corrupt, match=reason):
        resdepth.train(resdepth.TrainOptions(epochs=4), tmp_path / "a", resume=True)


def test_an_interruption_from_python_leaves_a_checkpoint(tmp_path: Path) -> None:
    class Impatient(Observer):
        def step(self, step: int, scalars: object) -> None:
            if step == 5:
                raise KeyboardInterrupt

    options = resdepth.TrainOptions(depth=3, width=2, epochs=9, threads=1)
    with pytest.raises(KeyboardInterrupt):
        resdepth.train(options, tmp_path / "run", observer=Impatient())
    run = resdepth.open_run(tmp_path / "run")
    assert (run.manifest.outcome, run.manifest.steps) == ("interrupted", 5)
    assert (tmp_path / "run/exported_models/resnet_3.pth").is_file()
    resdepth.train(resdepth.TrainOptions(epochs=9), tmp_path / "run", resume=True)
    resdepth.train(options, tmp_path / "other")
    assert_same(whole(tmp_path / "run"), whole(tmp_path / "other"))
