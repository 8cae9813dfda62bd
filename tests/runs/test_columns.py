"""Columns of many checkpoints against the checkpoints themselves."""

from pathlib import Path

import numpy as np
import pytest
import torch

from resdepth.runs import columns
from resdepth.runs.checkpoint import Checkpoint, write_checkpoint
from resdepth.runs.columns import Columns

NAMES = ("b.kernel", "a.bias", "c.weight")


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Four checkpoints of three tensors that are looked at, and one that is not."""
    found = []
    for step in range(4):
        generator = torch.Generator().manual_seed(step)
        tensors = {
            "a.bias": torch.randn(5, generator=generator),
            "b.kernel": torch.randn(3, 2, 3, 3, generator=generator).double(),
            "c.weight": torch.randn(2, 7, generator=generator),
            "velocity": torch.full((3,), torch.nan).nan_to_num(1.0),
        }
        found.append(tmp_path / f"step_{step}.safetensors")
        write_checkpoint(found[-1], Checkpoint(step, 0.1, tensors))
    return found


@pytest.mark.parametrize("slab", [1, 8 * 4 * 3, 8 * 4 * 20, 2**20])
def test_slabs_are_the_tensors_end_to_end(paths, monkeypatch, slab: int) -> None:
    monkeypatch.setattr(columns, "SLAB", slab)
    found = list(Columns(paths, NAMES).slabs())
    whole = [
        np.concatenate([tensors[name].double().numpy().ravel() for name in NAMES])
        for tensors in (_tensors(path) for path in paths)
    ]
    np.testing.assert_array_equal(np.concatenate(found, axis=1), whole)
    # Never more than the limit, or than one checkpoint.
    assert all(part.nbytes <= max(slab, 8 * len(whole[0])) for part in found)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(path)
