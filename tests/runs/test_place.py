"""Weights that lie where those of another step, seed or depth belong."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resdepth
from resdepth.errors import Corrupt
from resdepth.runs.checkpoint import read_checkpoint
from resdepth.weights.read import read_models
from tests.support.messages import refused

SMALL: dict[str, Any] = {"depth": 3, "width": 2, "epochs": 2, "threads": 1, "train_fraction": 0.05}


def trained(folder: Path, **changed: Any) -> Path:
    """A run that ends at step 2."""
    return resdepth.train(resdepth.TrainOptions(**SMALL | changed), folder).path


def misplaced(run: Path, how: str) -> Path:
    """Weights in the run where others belong."""
    folder = run / "checkpoints"
    if how == "step":
        return Path(shutil.copy(folder / "last.safetensors", folder / "step_00000009.safetensors"))
    other = run.parent / "other"
    trained(other, seed=1)
    return Path(shutil.copy(other / "checkpoints/last.safetensors", folder))


@pytest.mark.parametrize("read", [read_checkpoint, read_models])
@pytest.mark.parametrize(("how", "reason"), [("step", "of step 2"), ("seed", "of seed 1, not 0")])
def test_weights_in_the_place_of_others_are_refused(
    tmp_path: Path, how: str, reason: str, read: Callable[[Path], object]
) -> None:
    trained(tmp_path / "run")
    path = misplaced(tmp_path / "run", how)
    with refused(Corrupt, match=reason):
        read(path)


def test_weights_of_another_depth_are_none_of_the_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained(run)
    exported = trained(tmp_path / "other", depth=4)
    path = Path(shutil.copy(exported / "checkpoints/last.safetensors", run / "checkpoints"))
    with refused(Corrupt, match="depth 4, width 2 in a run of depth 3"):
        read_models(path)


def test_a_checkpoint_that_was_taken_elsewhere_is_read(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    path = Path(shutil.copy(run / "checkpoints/last.safetensors", tmp_path / "best.safetensors"))
    assert read_checkpoint(path).step == 2 and read_models(path)[0].depth == 3
