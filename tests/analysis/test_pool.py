"""Which runs count as repetitions, and which are named and left out or refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resdepth
from resdepth.analysis.pool import pooled, seed_names
from resdepth.errors import AnalysisImpossible, RunsDiffer
from resdepth.runs.export import write_model
from resdepth.runs.manifest import read_manifest, write_manifest
from resdepth.runs.models import Model, read_models


def trained(folder: Path, **given: Any) -> Path:
    small = {"depth": 3, "width": 2, "epochs": 2, "threads": 1, "train_fraction": 0.05}
    resdepth.train(resdepth.TrainOptions(**{**small, **given}), folder)
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two seeds at each of two depths."""
    for seed in (0, 1):
        for depth in (3, 5):
            trained(tmp_path / f"{seed}-{depth}", seed=seed, depth=depth)
    return tmp_path


def end(run: Path, outcome: str) -> None:
    write_manifest(run, read_manifest(run).model_copy(update={"outcome": outcome}))


def test_seeds_and_depths_are_repetitions(runs: Path) -> None:
    pool = pooled(read_models([runs]))
    assert len(pool.models) == 4 and pool.left_out == ()


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"lr": 7.0}, "--lr is 10.0 and 7.0"),
        ({"activation": "relu"}, "--activation is tanh and relu"),
        ({"epochs": 3}, "--epochs is 2 and 3"),
        ({"train_fraction": 0.1}, "--train-fraction is 0.05 and 0.1"),
        ({"augmentation": "none"}, "--augmentation is skip and none"),
        ({"init": "constant"}, "--init is ntrunc and constant"),
        ({"gamma": 0.5}, "--gamma is 1.0 and 0.5"),
        ({"batch_size": 10}, "--batch-size is None and 10"),
        ({"data": "sin", "num_samples": 20}, "--data is digits and sin"),
        ({"dtype": "float64"}, "--dtype is float32 and float64"),
    ],
    ids=str,
)
def test_other_options_are_refused_by_name(runs: Path, other: dict[str, Any], what: str) -> None:
    trained(runs / "other", seed=9, **other)
    models = read_models([runs])
    with pytest.raises(RunsDiffer, match=what):
        pooled(models)
    assert len(pooled(models, allow_mixed=True).models) == 5


def test_an_option_without_effect_does_not_part_runs_of_earlier_versions(runs: Path) -> None:
    run = runs / "1-3"
    manifest = read_manifest(run)
    idle = {"separation": 2.0, "lr_max": 7.0, "loss_p": 3.0, "p_var": 4.0, "no_p_var": True}
    old = manifest.model_copy(update={"options": manifest.options | idle})
    write_manifest(run, old)
    assert len(pooled(read_models([runs])).models) == 4
    assert resdepth.open_run(run).options.separation is None
    write_manifest(run, manifest.model_copy(update={"options": manifest.options | {"gamma": 2.0}}))
    with pytest.raises(RunsDiffer, match="--gamma"):
        pooled(read_models([runs]))


@pytest.mark.parametrize(
    "other", [{"checkpoint_every": 1}, {"log_every": 2}, {"engine": "eager"}, {"val_every": 1}]
)
def test_what_does_not_change_the_weights_does_not_part_them(
    runs: Path, other: dict[str, Any]
) -> None:
    trained(runs / "other", seed=9, **other)
    assert len(pooled(read_models([runs])).models) == 5


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        ("diverged", "the run diverged after 2 steps"),
        ("interrupted", "the run interrupted after 2 steps"),
        ("running", "the run has not ended"),
        ("failed", "the run failed after 2 steps"),
    ],
)
def test_what_did_not_finish_is_named_and_left_out(runs: Path, outcome: str, word: str) -> None:
    end(runs / "1-5", outcome)
    pool = pooled(read_models([runs]))
    assert len(pool.models) == 3
    (line,) = pool.left_out
    assert "1-5" in line and f"left out: {word}" in line


def test_the_same_seed_twice_counts_once(runs: Path) -> None:
    trained(runs / "copy", seed=1, depth=5)
    pool = pooled(read_models([runs]))
    assert len(pool.models) == 4
    (line,) = pool.left_out
    assert "repeats" in line and "1-5" in line and "copy" in line


def test_one_run_alone_is_looked_at_however_it_ended(runs: Path) -> None:
    end(runs / "1-5", "interrupted")
    pool = pooled(read_models([runs / "1-5"]))
    assert len(pool.models) == 1 and "interrupted" in pool.left_out[0]


def test_nothing_left_is_said(runs: Path) -> None:
    for run in runs.iterdir():
        end(run, "running")
    with pytest.raises(AnalysisImpossible, match="of 4 runs none finished"):
        pooled(read_models([runs]))


def test_files_of_nobody_are_taken(runs: Path, tmp_path: Path) -> None:
    weights = resdepth.open_run(runs / "0-3").checkpoint().blocks
    write_model(tmp_path / "files/a", weights)
    write_model(tmp_path / "files/b", weights)
    assert len(pooled(read_models([tmp_path / "files"])).models) == 2


def files(*paths: str) -> list[Model]:
    """Models of no run; the depth is the number in the file's name."""
    models = [Model(Path(path), np.ones((int(Path(path).stem), 1, 1)), None) for path in paths]
    return sorted(models, key=lambda model: (model.depth, str(model.path)))


def test_the_seed_of_a_run_is_its_own(runs: Path) -> None:
    assert seed_names(read_models([runs])) == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("a/4", "b/4", "a/8", "b/8"), ["a", "b", "a", "b"]),
        (("4/a/4", "4/b/4", "8/a/8", "8/b/8"), ["file", "file (2)", "file", "file (2)"]),
        (("a/4", "a/8", "b/8"), ["a", "a", "b"]),
    ],
    ids=["a folder a seed", "a folder a file", "one is missing"],
)
def test_files_of_one_folder_are_one_seed(paths: tuple[str, ...], names: list[str]) -> None:
    assert seed_names(files(*paths)) == names


def test_repetitions_that_were_asked_for_are_numbered(runs: Path) -> None:
    trained(runs / "again", seed=1, depth=5)
    pool = pooled(read_models([runs]), allow_mixed=True)
    assert seed_names(pool.models) == [0, 1, 0, 1, "1 (2)"]
