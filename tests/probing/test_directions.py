"""Directions of every kind, and how far they are gone."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import resdepth
from resdepth.data.load import load_data
from resdepth.engine.contract import Batch
from resdepth.errors import Impossible
from resdepth.options.landscape import RenderOptions
from resdepth.probing.landscape import render
from resdepth.probing.objectives import Source
from resdepth.runs.checkpoint import last_path, step_path
from resdepth.training.problem import load_network
from tests.support.messages import refused


def rendered(run: Path, out: Path, **changed: object) -> tuple[np.ndarray, dict]:
    asked = RenderOptions(**{"steps": 5, "threads": 1, "device": "cpu", **changed})
    source = Source.of(resdepth.open_run(run))
    surface, record, *_ = render(source, asked, out, ["resdepth"])
    return np.load(surface), json.loads(record.read_text())


def hessian(run: Path) -> torch.Tensor:
    """The whole matrix, by torch, of the loss as the equations state it."""
    found = resdepth.open_run(run)
    data, _ = load_data(found.options)
    network = load_network(found.options, found.checkpoint())
    h0 = network.embed(data.inputs)

    def loss(vector: torch.Tensor) -> torch.Tensor:
        h = h0
        for block in vector.view_as(network.blocks):
            h = h + network.delta * torch.tanh(h @ block.T)
        return torch.nn.functional.cross_entropy(h @ network.readout.T, data.targets)

    return torch.autograd.functional.hessian(loss, network.blocks.flatten())


def test_the_sharpest_directions_are_those_of_the_whole_hessian(small_run, tmp_path) -> None:
    losses, record = rendered(
        small_run, tmp_path / "x.npy", directions=("hessian",), span=0.25, steps_b=7
    )
    values = torch.linalg.eigvalsh(hessian(small_run))
    np.testing.assert_allclose(record["eigenvalues"], values[[-1, -2]].numpy(), rtol=1e-9)
    assert losses.shape == (5, 7) and len(record["axes"][1]) == 7
    # Along them the loss bends as they say.
    step = 1e-3
    tiny, near = rendered(
        small_run, tmp_path / "y.npy", directions=("hessian",), span=step, steps=3
    )
    bent = (tiny[2, 1] + tiny[0, 1] - 2 * tiny[1, 1]) / step**2
    assert bent == pytest.approx(near["eigenvalues"][0], rel=1e-3)
    np.testing.assert_allclose(np.array(near["cosines"]), np.eye(2), atol=1e-10)


def test_towards_a_checkpoint_the_line_meets_its_loss(small_run, tmp_path) -> None:
    early = step_path(small_run, 2)
    losses, record = rendered(small_run, tmp_path / "x.npy", directions=(str(early),))
    assert record["axes"] == [[-0.5, 0.0, 0.5, 1.0, 1.5]] and record["marks"] == [[1.0]]
    recorded = resdepth.open_run(small_run).scalars("loss")[1]
    assert losses[1] == record["centre_loss"] == pytest.approx(recorded[-1], rel=1e-6)
    assert losses[3] == pytest.approx(recorded[2], rel=1e-6)
    assert record["mark_losses"] == [pytest.approx(losses[3], rel=1e-12)]
    assert record["run_loss"] == pytest.approx(record["centre_loss"], rel=1e-12)


def test_two_checkpoints_span_a_plane(small_run, tmp_path) -> None:
    others = (str(step_path(small_run, 1)), str(step_path(small_run, 3)))
    losses, record = rendered(small_run, tmp_path / "x.npy", directions=others)
    recorded = resdepth.open_run(small_run).scalars("loss")[1]
    corners = (losses[1, 1], losses[3, 1], losses[1, 3])
    np.testing.assert_allclose(corners, recorded[[-1, 1, 3]], rtol=1e-6)
    np.testing.assert_allclose(record["mark_losses"], recorded[[1, 3]], rtol=1e-6)


def test_principal_directions_are_those_of_the_trajectory(small_run, tmp_path) -> None:
    losses, record = rendered(small_run, tmp_path / "x.npy", directions=("pca",), span=0.5)
    run = resdepth.open_run(small_run)
    theta = np.stack([run.checkpoint(k).blocks.double().numpy().ravel() for k in range(1, 6)])
    rows = np.linalg.svd(theta - theta.mean(axis=0), full_matrices=False)[2][:2]
    rows *= np.sign(rows @ (theta[0] - theta[-1]))[:, None]
    network = load_network(run.options, run.checkpoint())
    data, _ = load_data(run.options)
    moved = network.with_blocks(
        torch.from_numpy(theta[-1] + 0.5 * rows[0] - 0.25 * rows[1]).view_as(network.blocks)
    )
    from resdepth.engine.autograd import ReferenceEngine

    loss = ReferenceEngine().evaluate(Batch(moved, moved.embed(data.inputs), data.targets)).loss
    assert losses[4, 1] == pytest.approx(float(loss), rel=1e-10)
    assert record["norm_ratios"] == [pytest.approx(1 / np.linalg.norm(theta[-1]))] * 2


@pytest.mark.parametrize("dimensions", [1, 2])
def test_pairs_are_independent_and_the_first_is_the_single_one(small_run, tmp_path, dimensions):
    one, _ = rendered(small_run, tmp_path / "x.npy", dimensions=dimensions, seed=5)
    several, record = rendered(
        small_run, tmp_path / "y.npy", dimensions=dimensions, seed=5, pairs=3
    )
    assert several.shape == (3, *one.shape)
    np.testing.assert_allclose(several[0], one, rtol=1e-12)
    assert np.abs(several[1] - several[0]).max() > 1e-6
    assert len(record["norm_ratios"]) == 3 * dimensions
    np.testing.assert_allclose(record["norm_ratios"], 1.0, rtol=1e-12)
    middle = (slice(None), *[2] * dimensions)
    np.testing.assert_allclose(several[middle], record["centre_loss"], rtol=1e-12)


@pytest.mark.parametrize("rise", [1.01, 1.05])
def test_the_span_is_doubled_until_the_loss_is_high(small_run, tmp_path, rise) -> None:
    far = {"steps": 3, "normalise": "none"}
    losses, record = rendered(small_run, tmp_path / "x.npy", span="auto", rise=rise, **far)
    (a, b), wanted = record["spans"], rise * record["centre_loss"]
    half, _ = rendered(small_run, tmp_path / "y.npy", span=a / 2, span_b=b / 2, **far)
    assert (record["axes"][0][2], record["axes"][1][2]) == (a, b)
    for of, high in ((losses, True), (half, False)):
        ends = np.array([of[[0, 2], 1].mean(), of[1, [0, 2]].mean()])
        assert ((ends >= wanted) == high).all()


def test_a_loss_that_stays_low_is_gone_halfway_up(small_run, tmp_path) -> None:
    far = {"steps": 3, "normalise": "none", "dimensions": 1}
    _, record = rendered(small_run, tmp_path / "x.npy", span="auto", rise=1e6, **far)
    spans = 2.0 ** np.arange(-10, 13)
    ends = [
        rendered(small_run, tmp_path / f"{n}.npy", span=span, **far)[0][[0, 2]].mean()
        for n, span in enumerate(spans)
    ]
    high = (record["centre_loss"] + max(ends)) / 2
    assert record["spans"] == [spans[int(np.argmax(np.array(ends) >= high))]]


def test_a_plane_needs_a_path(small_run, tmp_path) -> None:
    alone = tmp_path / "alone" / "w.safetensors"
    alone.parent.mkdir()
    alone.write_bytes(last_path(small_run).read_bytes())
    source = Source(resdepth.open_run(small_run).options, alone)
    with refused(Impossible, match="no run folder"):
        render(source, RenderOptions(directions=("pca",), threads=1), tmp_path / "x.npy", [])
