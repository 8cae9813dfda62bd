"""Run folders of earlier versions are opened, read and resumed like new ones."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import resdepth
from resdepth.errors import Missing
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.runs.checkpoint import read_checkpoint, write_checkpoint
from tests.support.messages import refused
from tests.support.pictures import picture_folder
from tests.support.runs import assert_same, whole

OLD = Path(__file__).with_name("old")


def command(out: str) -> list[str]:
    """The command line of the old run with its rate (the default then) and another folder."""
    record = json.loads((OLD / "train/manifest.json").read_text())
    *words, _ = record["command"][1:]
    return [*words, out, "--lr", str(record["options"]["lr"])]


def weights(run: resdepth.Run, step: int) -> list[np.ndarray]:
    checkpoint = run.checkpoint(step)
    return [w.numpy() for w in (checkpoint.blocks, checkpoint.readin, checkpoint.readout)]


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


def test_old_option_names_are_understood(tmp_path: Path) -> None:
    shutil.copytree(OLD / "resnet-cifar", tmp_path / "run")
    options = resdepth.open_run(tmp_path / "run").recorded_options
    assert isinstance(options, ResnetCifarOptions)
    assert (options.val_every, options.train_fraction) == (1, 1.0)
    with refused(Missing, match="resnet-cifar"):
        _ = resdepth.open_run(tmp_path / "run").options


def test_an_old_run_starts_like_a_new_one(workers, tmp_path: Path) -> None:
    assert workers.run(*command("new"), cwd=tmp_path).code == 0
    old, new = resdepth.open_run(OLD / "train"), resdepth.open_run(tmp_path / "new")
    for found, expected in zip(weights(old, 2), weights(new, 2), strict=True):
        # Processors round differently, and each step multiplies the difference by about ten.
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    for tag in ("loss", "avg_grad_norm", "p_variation_norm/2"):
        found, expected = (run.scalars(tag)[1][0] for run in (old, new))
        assert found == pytest.approx(expected, rel=1e-5)


def test_a_resumed_old_run_equals_a_new_one(workers, tmp_path: Path) -> None:
    shutil.copytree(OLD / "train", tmp_path / "run")
    assert workers.run(*command("new"), cwd=tmp_path).code == 0
    # Both go on from the same bits, written in the old format and in the new one.
    for path in (tmp_path / "new/checkpoints").iterdir():
        ours, theirs = (read_checkpoint(p) for p in (path, OLD / "train/checkpoints" / path.name))
        assert theirs.step == ours.step and theirs.generator == ours.generator
        write_checkpoint(path, theirs)
    for name in ("run", "new"):
        ended = workers.run("train", "--resume", name, "--epochs", 9, cwd=tmp_path)
        assert ended.code == 0, ended.stderr
    found, expected = whole(tmp_path / "run"), whole(tmp_path / "new")
    assert found.steps == 9 and found.scalars.keys() == expected.scalars.keys()
    # The first records are those of the machine that began the run.
    later = [
        replace(run, scalars={at: v for at, v in run.scalars.items() if at[1] > 4})
        for run in (found, expected)
    ]
    assert_same(*later)


def test_an_old_convolutional_run_is_resumed_with_its_layout(workers, tmp_path: Path) -> None:
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
