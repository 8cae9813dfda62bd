"""Which runs count as repetitions, and which are named and left out or refused."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import resdepth
from resdepth.analysis.doubling import doubling_table
from resdepth.analysis.entries import entry_table
from resdepth.analysis.path_tables import norm_table, profile_table, variation_table
from resdepth.analysis.pool import pooled, seed_names
from resdepth.analysis.scaling import model_scaling
from resdepth.errors import Impossible, Usage
from resdepth.runs.checkpoint import last_path, step_path
from resdepth.runs.export import write_model
from resdepth.runs.manifest import read_manifest, write_manifest
from resdepth.weights.read import read_models, stored_models
from resdepth.weights.weight_path import WeightPath
from tests.support.messages import refused


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
    assert len(pool) == 4 and pool.left_out == ()


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
    with refused(Usage, match=what):
        pooled(models)
    assert len(pooled(models, allow_mixed=True)) == 5


def test_an_option_without_effect_does_not_part_runs_of_earlier_versions(runs: Path) -> None:
    run = runs / "1-3"
    manifest = read_manifest(run)
    idle = {"separation": 2.0, "lr_max": 7.0, "loss_p": 3.0, "p_var": 4.0, "no_p_var": True}
    old = manifest.model_dump(mode="json", exclude={"sha256"})
    old |= {"format": 1, "options": manifest.options | idle}
    (run / "manifest.json").write_text(json.dumps(old))
    assert len(pooled(read_models([runs]))) == 4
    assert resdepth.open_run(run).options.separation is None
    write_manifest(run, manifest.model_copy(update={"options": manifest.options | {"gamma": 2.0}}))
    with refused(Usage, match="gamma"):
        pooled(read_models([runs]))


@pytest.mark.parametrize(
    "other", [{"checkpoint_every": 1}, {"log_every": 2}, {"engine": "eager"}, {"val_every": 1}]
)
def test_what_does_not_change_the_weights_does_not_part_them(
    runs: Path, other: dict[str, Any]
) -> None:
    trained(runs / "other", seed=9, **other)
    assert len(pooled(read_models([runs]))) == 5


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
    assert len(pool) == 3
    (line,) = pool.left_out
    assert "1-5" in line and f"left out: {word}" in line


def test_the_same_seed_twice_counts_once(runs: Path) -> None:
    trained(runs / "copy", seed=1, depth=5)
    pool = pooled(read_models([runs]))
    assert len(pool) == 4
    (line,) = pool.left_out
    assert "repeats" in line and "1-5" in line and "copy" in line


def test_one_run_alone_is_looked_at_however_it_ended(runs: Path) -> None:
    end(runs / "1-5", "interrupted")
    pool = pooled(read_models([runs / "1-5"]))
    assert len(pool) == 1 and "interrupted" in pool.left_out[0]


def test_nothing_left_is_said(runs: Path) -> None:
    for run in runs.iterdir():
        end(run, "running")
    with refused(Impossible, match="of 4 runs none finished"):
        pooled(read_models([runs]))


def test_files_of_nobody_are_taken(runs: Path, tmp_path: Path) -> None:
    weights = resdepth.open_run(runs / "0-3").checkpoint().blocks
    write_model(tmp_path / "files/a", weights)
    write_model(tmp_path / "files/b", 2 * weights)
    assert len(pooled(read_models([tmp_path / "files"]))) == 2


def files(*paths: str) -> list[WeightPath]:
    """Models of no run; the depth is the number in the file's name."""
    models = [WeightPath(Path(path), np.ones((int(Path(path).stem), 1, 1)), None) for path in paths]
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
    assert seed_names(pool) == [0, 1, 0, 1, "1 (2)"]


TABLES: dict[str, Callable[[Sequence[WeightPath]], Any]] = {
    "norms": lambda models: norm_table(models, 0.25),
    "variation": lambda models: variation_table(models, 0.25, [2.0]),
    "profile": lambda models: profile_table(models, 0.25, [1.0, 2.0]),
    "entries": lambda models: entry_table(models, 0.25),
    "scaling": model_scaling,
    "doubling": lambda models: doubling_table(models, 0.25),
}
"""What averages over models or pairs them by seed."""


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_table_averages_over_learning_rates(table: Callable[..., Any], runs: Path) -> None:
    for rate in (1.0, 2.0):
        trained(runs / f"lr{rate}", depth=6, lr=rate)
    models = read_models([runs])
    with refused(Usage, match="lr"):
        table(models)
    table(pooled(models, allow_mixed=True))


def test_tables_leave_out_what_the_commands_leave_out(runs: Path) -> None:
    end(runs / "1-5", "diverged")
    with pytest.warns(UserWarning, match="1-5.* left out: the run diverged"):
        table = variation_table(read_models([runs]), 0.25, [2.0])
    assert [row.norm.repetitions for row in table.rows] == [2, 1]


def test_two_runs_that_differ_are_found_behind_one_that_does_not_know_the_option(
    runs: Path,
) -> None:
    trained(runs / "2-3", seed=2, init="constant")
    for run in (runs / "0-3", runs / "0-5", runs / "1-5"):
        old = read_manifest(run)
        known = {name: value for name, value in old.options.items() if name != "init"}
        write_manifest(run, old.model_copy(update={"options": known}))
    with refused(Usage, match="init is ntrunc and constant"):
        pooled(read_models([runs]))


def placed(path: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True)
    return Path(shutil.copy(path, target))


@pytest.fixture
def kept(tmp_path: Path) -> list[Path]:
    """Two seeds with a checkpoint after each of two steps."""
    return [trained(tmp_path / str(seed), seed=seed, checkpoint_every=1) for seed in (0, 1)]


def test_two_steps_of_one_run_are_no_repetitions(kept: list[Path]) -> None:
    models = read_models([step_path(kept[0], 1), kept[0]])
    with refused(Usage, match="the step is 2 of 2 and 1 of 2"):
        norm_table(models, 0.25)
    (curve,) = norm_table(pooled(models, allow_mixed=True), 0.25).curves
    assert curve.norm.repetitions == 2


def test_an_early_checkpoint_is_no_repetition_of_the_end_of_another_seed(
    kept: list[Path],
) -> None:
    with refused(Usage, match="the step is"):
        pooled(read_models([step_path(kept[0], 1), kept[1]]))
    models = read_models([step_path(run, 1) for run in kept])
    assert len(pooled(models)) == 2


def test_copies_of_checkpoints_say_their_step(kept: list[Path], tmp_path: Path) -> None:
    paths = [
        placed(step_path(kept[0], 1), tmp_path / "a/first.safetensors"),
        placed(last_path(kept[0]), tmp_path / "b/other.safetensors"),
    ]
    with refused(Usage, match="the step is 1 and 2"):
        pooled(read_models(paths))
    with refused(Usage, match="the step is 2 and 1"):
        pooled(read_models([paths[0], kept[1]]))


def test_a_run_and_its_exported_file_count_once(kept: list[Path], tmp_path: Path) -> None:
    write_model(tmp_path / "files", resdepth.open_run(kept[0]).checkpoint().blocks, "npz")
    with pytest.warns(UserWarning, match="it holds the same weights as"):
        (curve,) = norm_table(read_models([kept[0], tmp_path / "files"]), 0.25).curves
    assert curve.norm.repetitions == 1
    inside = read_models(kept[0]) + read_models(kept[0] / "exported_models")
    assert len(pooled(inside)) == 1


def test_a_seed_that_missed_the_loss_to_stop_at_is_left_out(tmp_path: Path) -> None:
    given = {"stop_loss": 50.0, "epochs": 4}
    for seed in (0, 1):
        trained(tmp_path / str(seed), seed=seed, **given)
    models = read_models([tmp_path])
    assert len(pooled(models)) == 2
    missed = read_manifest(tmp_path / "1").model_copy(update={"detail": {}})
    write_manifest(tmp_path / "1", missed)
    pool = pooled(models)
    assert len(pool) == 1 and "did not reach `stop_loss=50.0`" in pool.left_out[0]


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("checkpoint-500/model.pt", "checkpoint-1000/model.pt", "500 and 1000"),
        ("epoch=1-step=20.ckpt", "epoch=3-step=80.ckpt", "1, 20 and 3, 80"),
        ("a/iter_0001/model.pt", "a/iter_0002/model.pt", "0001 and 0002"),
    ],
)
def test_names_of_others_that_differ_in_the_step_alone(
    first: str, second: str, shown: str, tmp_path: Path
) -> None:
    paths = [tmp_path / first, tmp_path / second]
    for seed, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        random = torch.Generator().manual_seed(seed)
        torch.save({f"h.{k}.w": torch.randn(3, 3, generator=random) for k in range(4)}, path)
    models = stored_models(paths, "h.{k}.w")
    with refused(Usage, match=f"the step is {shown}"):
        norm_table(models, 0.0)
    other = placed(paths[1], tmp_path / "elsewhere" / second)
    assert len(pooled(stored_models([paths[0], other], "h.{k}.w"))) == 2
    with pytest.warns(UserWarning, match="it holds the same weights as"):
        assert (
            len(norm_table(stored_models([paths[1], other], "h.{k}.w"), 0.0).curves[0].files) == 1
        )


def test_runs_of_other_parents_are_other_experiments(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        trained(tmp_path / name, seed=seed)
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    children = [
        trained(
            tmp_path / f"of-{name}", start_from=tmp_path / name, depth=6, seed=seed, batch_size=9
        )
        for seed, name in enumerate(("a", "copy", "b"))
    ]
    assert len(pooled(read_models(children[:2]))) == 2
    with refused(Usage, match="the parent checksum is [0-9a-f]{12} and [0-9a-f]{12} "):
        pooled(read_models(children))
    assert len(pooled(read_models(children), allow_mixed=True)) == 3
