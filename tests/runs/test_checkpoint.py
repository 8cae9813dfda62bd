"""Checkpoints are read bit for bit; damaged and misplaced ones are refused with the reason."""

import json
import math
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors
import torch

import resdepth
from resdepth.cli.console import line
from resdepth.errors import Corrupt, Missing
from resdepth.runs.checkpoint import (
    FORMAT,
    Checkpoint,
    check_like,
    checkpoints,
    last_path,
    read_checkpoint,
    step_path,
    write_checkpoint,
)
from resdepth.runs.sealed import sealed
from resdepth.weights.read import read_models
from tests.support.messages import refused


def checkpoint(step: int = 7, dtype: torch.dtype = torch.float32) -> Checkpoint:
    generator = torch.Generator().manual_seed(step)
    blocks, readin, readout = (
        torch.randn(*shape, generator=generator).to(dtype) for shape in ((5, 3, 3), (3, 8), (2, 3))
    )
    tensors = {"blocks": blocks, "readin": readin, "readout": readout}
    return Checkpoint(step, 0.1 + step, tensors, {"seed": 1, "epoch": step})


def write_raw(path: Path, changes: dict[str, object]) -> None:
    """Write a checkpoint with `changes` of tensors or metadata."""
    good = checkpoint()
    tensors = {"blocks": good.blocks, "readin": good.readin, "readout": good.readout}
    metadata = {"format": FORMAT, "step": "7", "lr": (7.1).hex(), "generator": '{"seed": 1}'}
    for key, value in changes.items():
        if isinstance(value, torch.Tensor):
            tensors[key] = value
        elif value is None:
            tensors.pop(key, None)
            metadata.pop(key, None)
        else:
            metadata[key] = str(value)
    path.write_bytes(sealed(tensors, metadata))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_round_trip(tmp_path: Path, dtype: torch.dtype) -> None:
    written = checkpoint(dtype=dtype)
    path = step_path(tmp_path, 7)
    write_checkpoint(path, written)
    read = read_checkpoint(path)
    for name in ("blocks", "readin", "readout"):
        assert torch.equal(getattr(read, name), getattr(written, name))
        assert getattr(read, name).dtype == dtype
    assert (read.step, read.lr, read.generator) == (7, 7.1, {"seed": 1, "epoch": 7})
    assert path.name == "step_00000007.safetensors"


@pytest.mark.parametrize("lr", [0.1, 1e-300, 1 / 3, 5e-324, 0.0])
def test_the_rate_is_exact(tmp_path: Path, lr: float) -> None:
    write_checkpoint(tmp_path / "c", replace(checkpoint(), lr=lr))
    assert read_checkpoint(tmp_path / "c").lr == lr


def test_a_view_is_stored_without_its_base(tmp_path: Path) -> None:
    whole = torch.randn(100, 5, 3, 3)
    good = checkpoint()
    write_checkpoint(tmp_path / "c", replace(good, tensors={**good.tensors, "blocks": whole[3].mT}))
    assert torch.equal(read_checkpoint(tmp_path / "c").blocks, whole[3].mT)
    assert (tmp_path / "c").stat().st_size < 2000


def test_the_undamaged_file_is_read(tmp_path: Path) -> None:
    write_raw(tmp_path / "c", {})
    assert read_checkpoint(tmp_path / "c").step == 7


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "resdepth-checkpoint-99"}, "not a resdepth checkpoint"),
        ({"format": None}, "not a resdepth checkpoint"),
        ({"readin": None}, "not a resdepth checkpoint"),
        ({"extra": torch.zeros(1)}, "not a resdepth checkpoint"),
        ({"step": None}, "not a whole checkpoint"),
        ({"step": "seven"}, "not a whole checkpoint"),
        ({"step": -1}, "step -1"),
        ({"lr": "fast"}, "not a whole checkpoint"),
        ({"lr": "nan"}, "rate nan"),
        ({"lr": "inf"}, "rate inf"),
        ({"generator": "[1]"}, "not a whole checkpoint"),
        ({"generator": "{"}, "not a whole checkpoint"),
        ({"blocks": torch.zeros(5, 3, 4)}, r"blocks of shape \(5, 3, 4\)"),
        ({"blocks": torch.zeros(3, 3)}, r"blocks of shape \(3, 3\)"),
        ({"blocks": torch.zeros(0, 3, 3)}, "blocks of shape"),
        ({"readin": torch.zeros(4, 8)}, "does not fit width 3"),
        ({"readout": torch.zeros(3)}, "does not fit width 3"),
        ({"readout": torch.zeros(2, 3, dtype=torch.float64)}, "readout has dtype"),
        ({"blocks": torch.zeros(5, 3, 3, dtype=torch.int64)}, "blocks has dtype"),
        ({"blocks": torch.full((5, 3, 3), math.nan)}, "blocks holds numbers that are not finite"),
        ({"readin": torch.full((3, 8), math.inf)}, "readin holds numbers that are not finite"),
    ],
    ids=str,
)
def test_damaged_content(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    write_raw(tmp_path / "c.safetensors", changes)
    with refused(Corrupt, match=reason) as caught:
        read_checkpoint(tmp_path / "c.safetensors")
    assert "c.safetensors" in line(caught.value)


def _pickled(content: bytes) -> bytes:
    return pickle.dumps({"blocks": [1.0]})


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content[:4],
        lambda content: b"",
        lambda content: content + b"more",
        lambda content: b"\xff" * 8 + content[8:],
        lambda content: content[:8] + b"\xff" + content[9:],
        _pickled,
    ],
    ids=["a byte", "half", "header", "empty", "longer", "huge", "not json", "pickle"],
)
def test_damaged_bytes(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "c.safetensors"
    write_checkpoint(path, checkpoint())
    path.write_bytes(damage(path.read_bytes()))
    with refused(Corrupt, match="not a whole checkpoint"):
        read_checkpoint(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with refused(Missing, match="no such checkpoint"):
        read_checkpoint(tmp_path / "c")


def test_checkpoints_are_found_by_step(tmp_path: Path) -> None:
    assert checkpoints(tmp_path) == {}
    for step in (200, 30):
        write_checkpoint(step_path(tmp_path, step), checkpoint(step))
    write_checkpoint(last_path(tmp_path), checkpoint(45))
    (tmp_path / "checkpoints" / "step_x.safetensors").write_text("")
    assert list(checkpoints(tmp_path)) == [30, 45, 200]
    assert checkpoints(tmp_path)[45] == last_path(tmp_path)


def test_the_metadata_are_plain_text(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c", checkpoint())
    with safetensors.safe_open(tmp_path / "c", framework="np") as archive:
        metadata = archive.metadata()
    assert metadata["step"] == "7" and json.loads(metadata["generator"]) == {"seed": 1, "epoch": 7}


def test_any_tensors_are_read_back(tmp_path: Path) -> None:
    tensors = {"conv.weight": torch.randn(2, 3, 3, 3), "fc.bias": torch.randn(4)}
    write_checkpoint(step_path(tmp_path, 3), Checkpoint(3, 0.1, tensors, {"seed": 1}))
    found = read_checkpoint(step_path(tmp_path, 3)).tensors
    assert set(found) == set(tensors)
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_a_checkpoint_of_the_same_network_is_accepted() -> None:
    check_like(checkpoint(7), checkpoint(8).tensors, Path("x"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"more": torch.zeros(1)}, "it belongs to another network"),
        ({"readin": torch.zeros(3, 9)}, r"readin is torch\.float32 \(3, 8\)"),
        ({"readin": torch.zeros(3, 8, dtype=torch.float64)}, r"readin is torch\.float32 \(3, 8\)"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(change, reason: str) -> None:
    good = checkpoint()
    with refused(Corrupt, match=reason):
        check_like(good, good.tensors | change, Path("x"))


SMALL: dict[str, Any] = {"depth": 3, "width": 2, "epochs": 2, "threads": 1, "train_fraction": 0.05}


def trained(folder: Path, **changed: Any) -> Path:
    """A run that ends at step 2."""
    return resdepth.train(resdepth.TrainOptions(**SMALL | changed), folder).path


def misplaced(run: Path, how: str) -> Path:
    """A checkpoint in the place of another."""
    folder = run / "checkpoints"
    if how == "step":
        return Path(shutil.copy(folder / "last.safetensors", folder / "step_00000009.safetensors"))
    other = run.parent / "other"
    trained(other, seed=1)
    return Path(shutil.copy(other / "checkpoints/last.safetensors", folder))


@pytest.mark.parametrize("read", [read_checkpoint, read_models])
@pytest.mark.parametrize(("how", "reason"), [("step", "of step 2"), ("seed", "of seed 1, not 0")])
def test_a_misplaced_checkpoint_is_refused(
    tmp_path: Path, how: str, reason: str, read: Callable[[Path], object]
) -> None:
    trained(tmp_path / "run")
    path = misplaced(tmp_path / "run", how)
    with refused(Corrupt, match=reason):
        read(path)


def test_weights_of_another_depth_are_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained(run)
    exported = trained(tmp_path / "other", depth=4)
    path = Path(shutil.copy(exported / "checkpoints/last.safetensors", run / "checkpoints"))
    with refused(Corrupt, match="depth 4, width 2 in a run of depth 3"):
        read_models(path)


def test_a_checkpoint_outside_a_run_is_read(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    path = Path(shutil.copy(run / "checkpoints/last.safetensors", tmp_path / "best.safetensors"))
    assert read_checkpoint(path).step == 2 and read_models(path)[0].depth == 3
