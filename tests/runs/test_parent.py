"""The run to start from: which runs are refused, and in which words."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resdepth
from resdepth.errors import Busy, Corrupt, Missing, ResdepthError, Usage
from resdepth.runs.checkpoint import last_path
from resdepth.runs.lock import Lock
from resdepth.runs.manifest import NAME, read_manifest, write_manifest
from tests.support.messages import refused

SMALL: dict[str, Any] = {"width": 2, "train_fraction": 0.05, "threads": 1, "epochs": 2}


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parent") / "a"
    resdepth.train(resdepth.TrainOptions(depth=3, **SMALL), folder)
    return folder


@pytest.fixture
def parent(shallow: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shallow, tmp_path / "a"))


def start(parent: Path, **given: Any) -> resdepth.Run:
    options = {"depth": 6, "start_from": parent, **SMALL, **given}
    return resdepth.train(resdepth.TrainOptions(**options), parent.parent / "b")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"width": 3}, "--width: the run in .*/a has 2, not 3 .give --width=2, or start from ano"),
        ({"alpha": 1}, "--alpha: the run in .*/a has 0.75, not 1.0 .give --alpha=0.75"),
        ({"activation": "relu"}, "--activation: the run in .*/a has tanh, not relu"),
        ({"augmentation": "none"}, "--augmentation: the run in .*/a has skip, not none"),
        ({"data": "sin"}, "--data: the run in .*/a has digits, not sin"),
        ({"depth": 2}, "--depth: 2 is not 2.k times the 3 layers .* fit: 3, 6, …"),
        ({"depth": 9}, "--depth: 9 is not 2.k times the 3 layers .* fit: 3, 6, 12, …"),
        ({"depth": 64}, "--depth: 64 is not 2.k times the 3 layers .* fit: 3, 6, .*, 48, 96, …"),
    ],
    ids=str,
)
def test_another_network_is_refused_by_name(
    shallow: Path, given: dict[str, Any], message: str
) -> None:
    with refused(Usage, match=message):
        start(shallow, **given)
    assert not (shallow.parent / "b").exists()


def test_another_number_of_classes(parent: Path) -> None:
    with refused(Usage, match="--classes: the run in .*/a has 10, not 12 .give --classes=10"):
        start(parent, classes=12)


def changed(**update: Any) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        write_manifest(run, read_manifest(run).model_copy(update=update))

    return change


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


UNFIT: dict[str, tuple[Callable[[Path], Any], type[ResdepthError], str]] = {
    "missing": (shutil.rmtree, Missing, "a: not a run folder: no such folder"),
    "no run": (lambda run: (run / NAME).unlink(), Missing, "it has no manifest.json"),
    "foreign": (changed(program="resnet-cifar"), Missing, "by 'resdepth resnet-cifar'"),
    "diverged": (changed(outcome="diverged"), Usage, "--start-from: the run .* diverged after 2"),
    "running": (Lock, Busy, "a: a process is training in this folder .wait until it has ended"),
    "no weights": (lambda run: shutil.rmtree(run / "checkpoints"), Missing, "no checkpoint to st"),
    "torn manifest": (lambda run: cut(run / NAME), Corrupt, "a/manifest.json: not JSON"),
    "torn weights": (lambda run: cut(last_path(run)), Corrupt, "last.safetensors: not a whole"),
    "other weights": (
        changed(options=resdepth.TrainOptions(depth=2, **SMALL).recorded()),
        Corrupt,
        "the checkpoint is not of this run",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_run_that_cannot_be_continued(parent: Path, case: str) -> None:
    change, kind, message = UNFIT[case]
    held = change(parent)
    try:
        with refused(kind, match=message):
            start(parent, depth=4 if case == "other weights" else 6)
    finally:
        if isinstance(held, Lock):
            held.release()


def test_a_file_is_no_run(parent: Path) -> None:
    with refused(Missing, match="last.safetensors: not a run folder: it is a file"):
        start(last_path(parent))


def test_a_run_cannot_replace_its_parent(parent: Path) -> None:
    options = resdepth.TrainOptions(depth=3, start_from=parent, **SMALL)
    with refused(Usage, match="--start-from: .*/a would be replaced .choose another --out"):
        resdepth.train(options, parent, overwrite=True)
    assert resdepth.open_run(parent).manifest.outcome == "finished"


@pytest.mark.parametrize("outcome", ["interrupted", "failed", "running"])
def test_a_run_that_ended_early_is_continued(parent: Path, outcome: str) -> None:
    changed(outcome=outcome)(parent)
    assert start(parent).manifest.outcome == "finished"
