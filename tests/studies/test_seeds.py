"""Studies of `resnet-cifar`, and the spelling `--seeds` of one."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resdepth
from resdepth.errors import Corrupt, Exists, Missing, Usage
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.runs.folder import create_run
from resdepth.runs.manifest import read_manifest, write_manifest
from resdepth.studies.extension import extended
from resdepth.studies.record import read_plan, write_plan
from resdepth.studies.seeds import summarise, train_seeds
from resdepth.studies.state import table
from resdepth.training.convolutional import prepare
from resdepth.training.session import conduct
from tests.support.pictures import picture_folder

SMALL = {"depth": 8, "data": "folder", "epochs": 1, "batch_size": 20, "lr": 0.05, "threads": 1}


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    images = picture_folder(tmp_path_factory.mktemp("images"))
    return SMALL | {"data_dir": images, "device": "cpu"}


@pytest.fixture(scope="module")
def series(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds. Never written to."""
    folder = tmp_path_factory.mktemp("series") / "both"
    train_seeds(folder, ResnetCifarOptions(seeds=2, seed=5, **options), ["test"])
    return folder


@pytest.fixture
def copy(series: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(series, tmp_path / "copy"))


def summary(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "summary.json").read_text()))


def weights(run: Path) -> bytes:
    return (run / "checkpoints/last.safetensors").read_bytes()


def test_seeds_are_runs_of_their_own(series: Path, options: dict[str, Any], tmp_path: Path) -> None:
    found = summary(series)
    assert list(found["seeds"]) == ["5", "6"] and found["finished"] == 2
    assert (found["options"]["seed"], found["options"]["seeds"]) == (5, 2)
    alone = ResnetCifarOptions(seed=6, **options)
    conduct(create_run(tmp_path, "resnet-cifar", alone.recorded(), ["test"]), prepare)
    assert weights(series / "seed_6") == weights(tmp_path)
    finals = [record["final"]["val/accuracy"] for record in found["seeds"].values()]
    assert found["mean"]["val/accuracy"] == pytest.approx(np.mean(finals))
    assert found["std"]["val/accuracy"] == pytest.approx(np.std(finals, ddof=1))
    with pytest.raises(Exists):
        train_seeds(series, ResnetCifarOptions(seeds=2, seed=5, **options), ["test"])


def test_they_are_a_study(series: Path) -> None:
    rows = table(read_plan(series))
    assert [(row.state, row.path.name) for row in rows] == [
        ("finished", "seed_5"),
        ("finished", "seed_6"),
    ]
    assert rows[0].loss == read_manifest(series / "seed_5").final["val/loss"]


@pytest.mark.long
@pytest.mark.parametrize("earlier", [True, False])
def test_interrupted_seeds_are_resumed(copy: Path, series: Path, earlier: bool) -> None:
    shutil.rmtree(copy / "seed_6")
    if earlier:
        for name in ("study.yaml", "jobs.json"):
            (copy / name).unlink()
    resumed = train_seeds(copy, ResnetCifarOptions(), ["test"], given={"epochs": 1})
    assert resumed["mean"] == summary(series)["mean"]
    assert weights(copy / "seed_6") == weights(series / "seed_6")
    with pytest.raises(Usage, match=r"^alpha: the study in .* has 0.75, not 0.5"):
        train_seeds(copy, ResnetCifarOptions(), ["test"], given={"alpha": 0.5})


def test_an_overwritten_series_is_trained_again(
    copy: Path, series: Path, options: dict[str, Any]
) -> None:
    shorter = ResnetCifarOptions(seeds=2, seed=5, **options | {"lr": 0.01})
    found = train_seeds(copy, shorter, ["test"], overwrite=True)
    assert found["options"]["lr"] == 0.01 and found["finished"] == 2
    assert weights(copy / "seed_5") != weights(series / "seed_5")


def test_seeds_with_other_data_have_no_mean(copy: Path) -> None:
    run = copy / "seed_6"
    write_manifest(run, read_manifest(run).model_copy(update={"data": "another"}))
    with pytest.raises(Usage, match="that of seed 5"):
        train_seeds(copy, ResnetCifarOptions(), ["test"], given={})


def test_only_a_series_is_resumed(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        train_seeds(tmp_path, ResnetCifarOptions(), ["test"], given={})
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(Corrupt):
        train_seeds(tmp_path, ResnetCifarOptions(), ["test"], given={})


def test_a_series_that_became_a_larger_study_is_resumed_as_such(copy: Path) -> None:
    write_plan(extended(read_plan(copy), {"depth": "14"}, {}))
    assert [row.state for row in table(read_plan(copy))] == ["finished"] * 2 + ["queued"] * 2
    with pytest.raises(Usage, match="a study of more than seeds"):
        train_seeds(copy, ResnetCifarOptions(), ["test"], given={})


def test_a_single_run_has_no_deviation() -> None:
    assert summarise([{"a": 1.0}]) == ({"a": 1.0}, {})
    assert summarise([]) == ({}, {})
    assert summarise([{"a": 1.0}, {"a": 3.0}]) == ({"a": 2.0}, {"a": math.sqrt(2.0)})


@pytest.mark.long
def test_a_study_of_depths_and_rates(options: dict[str, Any], tmp_path: Path) -> None:
    given = options | {"depth": [8, 14], "lr": [0.05, 1e30], "seed": 0}
    given |= {"weight_decay": 1.0, "amp": "off", "data_dir": str(options["data_dir"])}
    rows = resdepth.study(tmp_path / "study", program="resnet-cifar", workers=1, **given)
    assert [row.state for row in rows] == ["finished", "diverged"] * 2
    assert rows[0].path == tmp_path / "study/cells/depth8-lr0.05-seed0"
    again = resdepth.study(tmp_path / "study", workers=1, program="resnet-cifar")
    assert [row.state for row in again] == ["finished", "diverged"] * 2
    with pytest.raises(Usage, match=r"^program: .* trains resnet-cifar, not train"):
        resdepth.study(tmp_path / "study", program="train")
