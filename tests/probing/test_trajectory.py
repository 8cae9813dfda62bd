"""The path of a run against its checkpoints, read one by one, and a full decomposition of them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import resdepth
from resdepth.data.load import load_data
from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.contract import Batch
from resdepth.engine.objective import DenseObjective
from resdepth.errors import Corrupt, Impossible
from resdepth.options.landscape import TrajectoryOptions
from resdepth.probing import directions
from resdepth.probing.loss_surface import render
from resdepth.probing.objectives import Source
from resdepth.runs.checkpoint import Checkpoint, checkpoints, read_checkpoint, write_checkpoint
from resdepth.runs.surface import read_partial
from resdepth.training.networks import load_network
from resdepth.weights.loading import read_header
from tests.support.messages import refused


def options(**changed: object) -> TrajectoryOptions:
    return TrajectoryOptions(**{"steps": 5, "threads": 1, "device": "cpu", **changed})


def record_of(run: Path, out: Path, **changed: object) -> dict:
    _, record, *_ = render(Source.of(resdepth.open_run(run)), options(**changed), out, ["resdepth"])
    return json.loads(record.read_text())


@pytest.mark.parametrize("centred", [True, False])
def test_it_is_that_of_a_full_decomposition(small_run: Path, tmp_path: Path, centred) -> None:
    record = record_of(small_run, tmp_path / "x.npy", centred=centred)
    found = checkpoints(small_run)
    theta = np.stack([read_checkpoint(p).blocks.double().numpy().ravel() for p in found.values()])
    moved = theta - (theta.mean(axis=0) if centred else theta[-1])
    _, values, rows = np.linalg.svd(moved, full_matrices=False)
    path, scale = record["path"], np.linalg.norm(moved)
    assert path["steps"] == list(found) and len(found) == 5
    np.testing.assert_allclose(record["explained"], (values**2 / (values**2).sum())[:2], atol=1e-10)
    seen = theta - theta[-1]
    coordinates = seen @ rows[:2].T
    signs = np.sign((coordinates * path["coordinates"]).sum(axis=0))
    np.testing.assert_allclose(path["coordinates"], coordinates * signs, atol=1e-10 * scale)
    left = np.linalg.norm(seen - coordinates @ rows[:2], axis=1)
    np.testing.assert_allclose(path["distance"], left, atol=1e-10 * scale)
    # Its axes cover the path and a margin.
    for axis, along in zip(record["axes"], np.array(path["coordinates"]).T, strict=True):
        room = 0.3 * np.ptp(along)
        assert axis[0] == pytest.approx(along.min() - room)
        assert axis[-1] == pytest.approx(along.max() + room)


def test_losses_are_those_of_the_checkpoints_and_of_the_plane(small_run, tmp_path) -> None:
    record = record_of(small_run, tmp_path / "x.npy")
    run, path = resdepth.open_run(small_run), record["path"]
    data, _ = load_data(run.options)
    centre = run.checkpoint()
    theta = {step: run.checkpoint(step).blocks.double() for step in path["steps"]}
    stacked = torch.stack(list(theta.values())).flatten(1).numpy()
    rows = np.linalg.svd(stacked - stacked.mean(axis=0), full_matrices=False)[2][:2]
    signs = np.sign(((stacked - stacked[-1]) @ rows.T * path["coordinates"]).sum(axis=0))

    def loss(blocks: torch.Tensor) -> float:
        network = load_network(run.options.network, run.options.data, centre).with_blocks(blocks)
        h0 = network.embed(data.inputs)
        return float(ReferenceEngine().evaluate(Batch(network, h0, data.targets)).loss)

    for number, step in enumerate(path["steps"]):
        assert path["loss"][number] == pytest.approx(loss(theta[step]), rel=1e-10)
        shift = torch.from_numpy(path["coordinates"][number] * signs @ rows)
        plane = centre.blocks + shift.view_as(centre.blocks)
        assert path["plane_loss"][number] == pytest.approx(loss(plane), rel=1e-10)
    steps, recorded = run.scalars("loss")
    np.testing.assert_allclose(path["loss"], recorded[np.isin(steps, path["steps"])], rtol=1e-6)
    losses = np.load(tmp_path / "x.npy")
    for i, j in [(0, 0), (4, 1), (2, 3)]:
        place = np.array([record["axes"][0][i], record["axes"][1][j]])
        shift = torch.from_numpy((place * signs) @ rows).view_as(centre.blocks)
        assert losses[i, j] == pytest.approx(loss(centre.blocks + shift), rel=1e-10)


class Stop(Exception):
    """What interrupts an evaluation."""


def test_killed_and_resumed_gives_the_same_bits(small_run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(DenseObjective, "together", 7)
    record_of(small_run, tmp_path / "once.npy")
    out = tmp_path / "twice.npy"

    def stop(done: int, cells: int) -> None:
        if done >= 14:
            raise Stop

    with pytest.raises(Stop):
        render(Source.of(resdepth.open_run(small_run)), options(), out, ["resdepth"], stop)
    unfinished = read_partial(out)
    assert unfinished is not None and 0 < unfinished.done.sum() < 31
    monkeypatch.setattr(DenseObjective, "together", 2)
    record_of(small_run, out, resume=True)
    for name in ("{}.npy", "{}_accuracy.npy"):
        once, twice = (tmp_path / name.format(kind) for kind in ("once", "twice"))
        assert once.read_bytes() == twice.read_bytes()
    records = [json.loads((tmp_path / f"{kind}.json").read_text()) for kind in ("once", "twice")]
    assert records[0]["path"] == records[1]["path"]


@pytest.mark.parametrize("left", [0, 1, 2])
def test_too_short_a_path_is_named(small_run, tmp_path, left: int) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    for path in list(checkpoints(run).values())[left:-1]:
        path.unlink()
    if left == 2:
        record_of(run, tmp_path / "x.npy")
        return
    with refused(Impossible, match="but a plane needs three"):
        record_of(run, tmp_path / "x.npy")


def test_checkpoints_that_are_all_the_same_are_named(small_run, tmp_path) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    *others, last = checkpoints(run).items()
    weights = read_checkpoint(last[1])
    for step, path in others:
        write_checkpoint(path, replace(weights, step=step))
    with refused(Impossible, match=f"its {len(others) + 1} checkpoints are equal"):
        record_of(run, tmp_path / "x.npy")


def test_one_broken_checkpoint_is_named(small_run, tmp_path) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    broken = run / "checkpoints" / "step_00000002.safetensors"
    content = bytearray(broken.read_bytes())
    content[-3] ^= 1
    broken.write_bytes(content)
    with refused(Corrupt, match=r"step_00000002.*checksum"):
        record_of(run, tmp_path / "x.npy")


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
    monkeypatch.setattr(directions, "SLAB", slab)
    headers = [read_header(path) for path in paths]
    found = list(directions.slabs([[header[n] for n in NAMES] for header in headers]))
    whole = [
        np.concatenate([tensors[name].double().numpy().ravel() for name in NAMES])
        for tensors in map(load_file, paths)
    ]
    np.testing.assert_array_equal(np.concatenate(found, axis=1), whole)
    # Never more than the limit, or than one checkpoint.
    assert all(part.nbytes <= max(slab, 8 * len(whole[0])) for part in found)
