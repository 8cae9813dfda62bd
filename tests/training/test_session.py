"""What a session does with a folder: nothing is lost, nothing stale is shown, bytes are equal."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resdepth
from resdepth.errors import Corrupt, Missing, ResdepthError, Usage
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.runs.checkpoint import last_path
from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.folder import create_run, reopen_run
from resdepth.runs.manifest import read_manifest
from resdepth.training import convolutional, dense
from resdepth.training.observer import Observer
from resdepth.training.session import conduct
from resdepth.weights.read import read_models
from tests.support.messages import refused
from tests.support.pictures import picture_folder
from tests.support.runs import contents

SMALL = {"depth": 3, "width": 2, "epochs": 6, "threads": 1, "train_fraction": 0.05}


def options(**given: Any) -> resdepth.TrainOptions:
    return resdepth.TrainOptions(**{**SMALL, "checkpoint_every": 2, **given})


class StopAt(Observer):
    """Asks to stop at a step."""

    def __init__(self, step: int) -> None:
        self.limit, self.at = step, -1

    def step(self, step: int, scalars: object) -> None:
        self.at = step

    def stop(self) -> int | None:
        return int(signal.SIGTERM) if self.at >= self.limit else None


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ({"data": "folder", "data_dir": "nowhere"}, Missing),
        ({"classes": 3}, Usage),
        ({"input_size": 7}, Usage),
        ({"engine": "cuda"}, ResdepthError),
    ],
    ids=str,
)
def test_a_failed_start_leaves_the_old_run_whole(
    tmp_path: Path, broken: dict[str, Any], error: type[ResdepthError]
) -> None:
    resdepth.train(options(), tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(error):
        resdepth.train(options(**broken), tmp_path / "run", overwrite=True)
    assert contents(tmp_path / "run") == before


def test_a_failed_first_start_leaves_a_folder_that_is_taken(tmp_path: Path) -> None:
    with pytest.raises(Usage):
        resdepth.train(options(classes=3), tmp_path / "run")
    assert read_manifest(tmp_path / "run").outcome == "failed"
    run = resdepth.train(options(), tmp_path / "run")
    assert run.manifest.outcome == "finished"


def test_overwriting_leaves_nothing_of_the_old_run(tmp_path: Path) -> None:
    resdepth.train(options(depth=5, epochs=9), tmp_path / "run")
    run = resdepth.train(options(seed=4), tmp_path / "run", overwrite=True)
    alone = resdepth.train(options(seed=4), tmp_path / "alone")
    names = [
        sorted(p.relative_to(r.path).as_posix() for p in r.path.rglob("*") if "tfe" not in p.name)
        for r in (run, alone)
    ]
    assert names[0] == names[1]
    assert run.manifest.final == alone.manifest.final and run.options.seed == 4


def test_equal_runs_write_equal_checkpoints(tmp_path: Path) -> None:
    one, two = (resdepth.train(options(), tmp_path / name) for name in ("a", "b"))
    for path in sorted((one.path / "checkpoints").iterdir()):
        other = two.path / "checkpoints" / path.name
        assert path.read_bytes() == other.read_bytes(), path.name


def continued_and_killed(run: Path) -> None:
    """A finished run of 6 steps that was continued to 12 and killed after its checkpoint of 10."""
    longer = resdepth.train(options(epochs=12), run.with_name("longer"))
    for step in (8, 10):
        name = f"checkpoints/step_{step:08d}.safetensors"
        shutil.copy(longer.path / name, run / name)


@pytest.mark.parametrize(
    "read",
    [
        lambda run: resdepth.open_run(run).checkpoint().blocks.double().numpy(),
        lambda run: read_models([run])[0].blocks,
        lambda run: read_models([run.parent / "run"])[0].blocks,
        lambda run: read_models([run / "checkpoints"])[0].blocks,
    ],
    ids=["open_run", "read_models", "folder", "checkpoints"],
)
def test_the_newest_weights_are_those_of_the_highest_step(
    tmp_path: Path, read: Callable[[Path], Any]
) -> None:
    run = resdepth.train(options(), tmp_path / "run").path
    continued_and_killed(run)
    wanted = resdepth.open_run(tmp_path / "longer").checkpoint(10).blocks.double().numpy()
    assert (read(run) == wanted).all()
    assert (read_models([run / EXPORTED])[0].blocks != wanted).any()


def test_stale_exports_stand_for_nothing(tmp_path: Path) -> None:
    run = resdepth.train(options(), tmp_path / "run").path
    assert read_models([run], "pth")[0].path.parent.name == EXPORTED
    continued_and_killed(run)
    with refused(ResdepthError, match="no trained weights found with extension pth"):
        read_models([run], "pth")


def pictures(folder: Path, **given: Any) -> Path:
    return picture_folder(folder, classes=3, train=4, test=2, **given)


def test_the_same_data_elsewhere_is_the_same_run(tmp_path: Path) -> None:
    pictures(tmp_path / "here")
    given = {"data": "folder", "data_dir": tmp_path / "here", "train_fraction": 1.0}
    resdepth.train(options(**given), tmp_path / "run", observer=StopAt(3))
    shutil.move(tmp_path / "here", tmp_path / "there")
    moved = resdepth.TrainOptions(data="folder", data_dir=tmp_path / "there")
    run = resdepth.train(moved, tmp_path / "run", resume=True)
    assert run.manifest.outcome == "finished"
    assert run.options.data_dir == tmp_path / "there"


def test_other_data_is_refused(tmp_path: Path) -> None:
    pictures(tmp_path / "here")
    given = {"data": "folder", "data_dir": tmp_path / "here", "train_fraction": 1.0}
    resdepth.train(options(**given), tmp_path / "run", observer=StopAt(3))
    shutil.rmtree(tmp_path / "here")
    pictures(tmp_path / "here", seed=1)
    with refused(Usage, match=r"the data: the run in .* has checksum"):
        resdepth.train(resdepth.TrainOptions(), tmp_path / "run", resume=True)


FAMILIES = {
    "dense": (dense.prepare, "train", lambda data: options()),
    "convolutional": (
        convolutional.prepare,
        "resnet-cifar",
        lambda data: ResnetCifarOptions(
            depth=8, data="folder", data_dir=data, epochs=3, batch_size=6, threads=1, device="cpu"
        ),
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_both_families_live_the_same_life(tmp_path: Path, family: str) -> None:
    prepare, program, given = FAMILIES[family]
    recorded = given(pictures(tmp_path / "data")).recorded()

    class Impatient(Observer):
        def step(self, step: int, scalars: object) -> None:
            if step == 3:
                raise KeyboardInterrupt

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        conduct(create_run(run, program, recorded, []), prepare, Impatient())
    manifest = read_manifest(run)
    assert (manifest.outcome, manifest.steps) == ("interrupted", 3)
    assert manifest.detail.get("signal") == signal.SIGINT and not (run / "lock").exists()
    assert resdepth.open_run(run).checkpoint().step == 3 and last_path(run).is_file()
    assert conduct(reopen_run(run, program, {}), prepare).outcome == "finished"
    steps, losses = resdepth.open_run(run).scalars("loss")
    assert len(steps) == len(set(steps.tolist())) and (losses > 0).all()
    assert not (run / "lock").exists()


def test_an_error_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises((Corrupt, Missing)):
        resdepth.train(options(data="folder", data_dir=tmp_path / "x"), tmp_path / "run")
    assert not (tmp_path / "run/lock").exists()


def test_a_dynamic_rate_that_stalls_at_once_names_the_remedy(tmp_path: Path) -> None:
    said = []

    class Listener(Observer):
        def say(self, text: str) -> None:
            said.append(text)

    given = {"dynamic_lr": True, "lr_constant": 1e-9, "alpha": 0.0, "init": "ntrunc", "gamma": 9.0}
    resdepth.train(options(**given), tmp_path / "run", observer=Listener())
    stalled = [line for line in said if "stalled" in line]
    assert len(stalled) == 1 and "`lr_constant`" in stalled[0]
