"""Exported models hold their own weights only."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from resdepth.cli.console import line
from resdepth.errors import Corrupt, Missing, Usage
from resdepth.runs.checkpoint import Checkpoint, last_path, write_checkpoint
from resdepth.runs.export import write_model
from resdepth.runs.folder import create_run
from resdepth.training.weight_export import export
from tests.support.messages import refused

WHOLE = torch.arange(10 * 6 * 9, dtype=torch.float32).reshape(10, 6, 3, 3)


def make_run(folder: Path, depth: int) -> Path:
    create_run(folder, "train", {"seed": 0, "depth": depth}, [])
    blocks = torch.full((depth, 2, 2), float(depth))
    readin, readout = torch.zeros(2, 3), torch.zeros(4, 2)
    tensors = {"blocks": blocks, "readin": readin, "readout": readout}
    write_checkpoint(last_path(folder), Checkpoint(1, 0.5, tensors))
    return folder


def test_pth_is_a_list_of_matrices_of_their_own(tmp_path: Path) -> None:
    path = write_model(tmp_path, WHOLE[2])
    layers = torch.load(path, weights_only=True)
    assert path.name == "resnet_6.pth" and isinstance(layers, list) and len(layers) == 6
    for layer, wanted in zip(layers, WHOLE[2], strict=True):
        assert torch.equal(layer, wanted)
        assert layer.untyped_storage().nbytes() == 9 * 4 and not layer.requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_other_formats(tmp_path: Path, dtype: torch.dtype) -> None:
    blocks = WHOLE[2].to(dtype)
    stored = safetensors.torch.load_file(write_model(tmp_path, blocks, "safetensors"))
    assert list(stored) == ["blocks"] and torch.equal(stored["blocks"], blocks)
    with np.load(write_model(tmp_path, blocks, "npz"), allow_pickle=False) as archive:
        assert archive.files == ["blocks"] and np.array_equal(archive["blocks"], blocks.numpy())


def test_runs_and_checkpoints_of_several_depths(tmp_path: Path) -> None:
    first, second = make_run(tmp_path / "a", 3), make_run(tmp_path / "b", 4)
    paths = export([first, last_path(second)], tmp_path / "out")
    assert [path.name for path in paths] == ["resnet_3.pth", "resnet_4.pth"]
    assert torch.equal(torch.load(paths[1], weights_only=True)[0], torch.full((2, 2), 4.0))


def test_one_depth_twice_needs_folders(tmp_path: Path) -> None:
    first, second = make_run(tmp_path / "a", 3), make_run(tmp_path / "b", 3)
    out = tmp_path / "out"
    with refused(Usage, match=r"/a and .*/b: both have depth 3"):
        export([first, second], out)
    assert not out.exists()
    found = export([first, last_path(second)], out, by_run=True)
    assert found == [out / "a" / "resnet_3.pth", out / "b" / "resnet_3.pth"]


def test_one_run_twice_is_refused_even_by_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", 3)
    with pytest.raises(Usage) as caught:
        export([run, last_path(run)], tmp_path / "out", by_run=True)
    # The advice does not repeat what was already requested.
    assert "--by-run" not in line(caught.value) and "--out" in line(caught.value)


def test_everything_is_read_before_anything_is_written(tmp_path: Path) -> None:
    good, bad = make_run(tmp_path / "a", 3), make_run(tmp_path / "b", 4)
    last_path(bad).write_bytes(b"torn")
    with pytest.raises(Corrupt):
        export([good, bad], tmp_path / "out")
    with pytest.raises(Missing):
        export([good, tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()
