"""Run folders of earlier versions are opened, read and continued like today's."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import resdepth
from resdepth.errors import NotARun
from resdepth.options.resnet_cifar import ResnetCifarOptions
from tests.support.events import points
from tests.support.pictures import picture_folder
from tests.support.runs import whole

OLD = Path(__file__).with_name("old")


@pytest.fixture(params=["train", "resnet-cifar"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return shutil.copytree(OLD / request.param, tmp_path / "run")


def test_both_are_runs(old: Path) -> None:
    run = resdepth.open_run(old)
    assert run.manifest.outcome == "finished" and run.manifest.data == ""
    steps, losses = run.scalars("loss")
    assert len(steps) == len(losses) > 1 and np.isfinite(losses).all()
    assert run.checkpoint().step == run.manifest.steps == run.checkpoint().step
    assert run.program == run.manifest.program


def test_old_names_of_options_mean_the_new_ones(tmp_path: Path) -> None:
    shutil.copytree(OLD / "resnet-cifar", tmp_path / "run")
    options = resdepth.open_run(tmp_path / "run").recorded_options
    assert isinstance(options, ResnetCifarOptions)
    assert (options.val_every, options.train_fraction) == (1, 1.0)
    with pytest.raises(NotARun, match="resnet-cifar"):
        _ = resdepth.open_run(tmp_path / "run").options


def test_an_old_run_trained_further_is_a_new_one(workers, tmp_path: Path) -> None:
    shutil.copytree(OLD / "train", tmp_path / "run")
    record = json.loads((OLD / "train/manifest.json").read_text())
    args = [word for word in record["command"][1:] if word not in ("--quiet",)]
    at = args.index("--epochs") + 1
    args[at], args[args.index("--out") + 1] = "9", "new"
    assert workers.run(*args, cwd=tmp_path).code == 0
    ended = workers.run("train", "--resume", "run", "--epochs", 9, cwd=tmp_path)
    assert ended.code == 0, ended.stderr
    found, wanted = whole(tmp_path / "run"), whole(tmp_path / "new")
    assert found.steps == wanted.steps == 9
    np.testing.assert_allclose(
        found.weights[0].numpy(), wanted.weights[0].numpy(), rtol=0, atol=1e-6
    )
    assert points(tmp_path / "run").keys() == points(tmp_path / "new").keys()


def test_an_old_convolutional_run_goes_on_in_its_place(workers, tmp_path: Path) -> None:
    run = shutil.copytree(OLD / "resnet-cifar", tmp_path / "run")
    record = json.loads((run / "manifest.json").read_text())
    record["options"]["data_dir"] = str(picture_folder(tmp_path / "images"))
    (run / "manifest.json").write_text(json.dumps(record))
    ended = workers.run("resnet-cifar", "--resume", "run", "--epochs", 2, cwd=tmp_path)
    assert ended.code == 0, ended.stderr
    opened = resdepth.open_run(run)
    assert opened.manifest.steps == 4 and opened.events.name == "resnet_events"
    assert not list(run.glob("events*"))
    steps, _ = opened.scalars("loss")
    assert steps.tolist() == [0, 1, 2, 3]
    assert opened.manifest.data and opened.manifest.sha256
