"""Rendered surfaces, cell by cell in float64, against the run they came from; their directions."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import resdepth
from resdepth.data.load import load_data
from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.contract import Batch
from resdepth.engine.objective import DenseObjective
from resdepth.errors import Impossible, Usage
from resdepth.mathematics import random_directions
from resdepth.options.landscape import RenderOptions
from resdepth.options.train import TrainOptions
from resdepth.probing.loss_surface import render
from resdepth.probing.objectives import Source
from resdepth.runs.checkpoint import last_path, read_checkpoint, step_path
from resdepth.runs.manifest import read_manifest
from resdepth.runs.surface import partial_path, read_partial
from resdepth.training.networks import load_network
from tests.support.messages import refused


def source(run: Path) -> Source:
    return Source(TrainOptions.model_validate(read_manifest(run).options), last_path(run))


def options(**changed: object) -> RenderOptions:
    return RenderOptions(**{"steps": 7, "threads": 1, "device": "cpu", **changed})


def rendered(run: Path, out: Path, **changed: object):
    surface, record, *_ = render(source(run), options(**changed), out, ["resdepth"])
    return np.load(surface, allow_pickle=False), json.loads(record.read_text())


@pytest.fixture(scope="module")
def single_run(workers, tmp_path_factory) -> Path:
    """A run in float32."""
    folder = tmp_path_factory.mktemp("single")
    args = "train --depth 9 --width 5 --epochs 4 --train-fraction 0.2 --threads 1 --out run"
    assert workers.run(*args.split(), cwd=folder).code == 0
    return folder / "run"


@pytest.mark.parametrize("steps", [6, 7])
@pytest.mark.parametrize("dimensions", [1, 2])
@pytest.mark.parametrize("name", ["small_run", "single_run"])
def test_the_centre_is_the_final_loss(request, tmp_path, name, steps, dimensions) -> None:
    run = request.getfixturevalue(name)
    losses, record = rendered(run, tmp_path / "x.npy", steps=steps, dimensions=dimensions)
    assert losses.shape == (steps,) * dimensions and losses.dtype == np.float64
    final = read_manifest(run).final["loss"]
    assert record["centre_loss"] == pytest.approx(final, rel=1e-6)
    assert record["axes"] == [np.linspace(-1, 1, steps).tolist()] * dimensions or steps % 2
    if steps % 2:
        assert losses[(steps // 2,) * dimensions] == record["centre_loss"]


@pytest.mark.parametrize("normalise", ["filter", "layer", "none"])
@pytest.mark.parametrize("name", ["small_run", "single_run"])
def test_ten_cells_recomputed_from_the_record(request, tmp_path, name, normalise) -> None:
    run = request.getfixturevalue(name)
    losses, record = rendered(run, tmp_path / "x.npy", normalise=normalise, seed=4, span=0.5)
    checkpoint = read_checkpoint(Path(record["checkpoint"]))
    training = TrainOptions.model_validate({**record["training"], "dtype": "float64"})
    data, _ = load_data(training)
    network = load_network(training.network, training.data, checkpoint).to("cpu", torch.float64)
    blocks = checkpoint.blocks.double().numpy()
    drawn = np.random.default_rng(record["seed"]).standard_normal((2, *blocks.shape))
    drawn = random_directions.normalise(drawn, blocks, record["normalise"])
    for i, j in np.random.default_rng(0).integers(0, 7, (10, 2)):
        weights = blocks + record["axes"][0][i] * drawn[0] + record["axes"][1][j] * drawn[1]
        moved = network.with_blocks(torch.from_numpy(weights))
        loss = ReferenceEngine().evaluate(Batch(moved, moved.embed(data.inputs), data.targets)).loss
        assert losses[i, j] == pytest.approx(float(loss), rel=1e-5)


class Stop(Exception):
    """What interrupts a rendering in these tests."""


@pytest.mark.parametrize("after", [1, 3, 5])
def test_killed_and_resumed_gives_the_same_bits(single_run, tmp_path, monkeypatch, after) -> None:
    monkeypatch.setattr(DenseObjective, "together", 9)
    at_once, _ = rendered(single_run, tmp_path / "once.npy")
    out = tmp_path / "twice.npy"
    reports = iter(range(100))

    def stop(done: int, cells: int) -> None:
        if next(reports) == after:
            raise Stop

    with pytest.raises(Stop):
        render(source(single_run), options(), out, ["resdepth"], stop)
    unfinished = read_partial(out)
    assert unfinished is not None and unfinished.done.sum() == 9 * after and not out.exists()
    # The batches of the beginning hold, whatever would be chosen now.
    monkeypatch.setattr(DenseObjective, "together", 2)
    again, _ = rendered(single_run, out, resume=True)
    np.testing.assert_array_equal(again, at_once)
    assert not partial_path(out).exists()


def test_a_resumed_surface_keeps_its_options(single_run, tmp_path) -> None:
    def stop(done: int, cells: int) -> None:
        if done:
            raise Stop

    out = tmp_path / "x.npy"
    with pytest.raises(Stop):
        render(source(single_run), options(), out, ["resdepth"], stop)
    with refused(Usage, match=r"another span \(1\.0, not 2\.0\)"):
        rendered(single_run, out, resume=True, span=2.0)
    # Without --resume it is begun anew.
    assert rendered(single_run, out, span=2.0)[1]["span"] == 2.0


def test_resuming_nothing_begins(single_run, tmp_path) -> None:
    losses, _ = rendered(single_run, tmp_path / "x.npy", resume=True)
    assert np.isfinite(losses).all()


def test_a_subset_is_the_documented_one(single_run, tmp_path) -> None:
    _, record = rendered(single_run, tmp_path / "x.npy", subset=20, seed=8)
    training = TrainOptions.model_validate(record["training"])
    data, _ = load_data(training)
    chosen = np.sort(np.random.default_rng([8, 1]).permutation(data.samples)[:20])
    network = load_network(
        training.network, training.data, read_checkpoint(Path(record["checkpoint"]))
    )
    part = data.take(torch.from_numpy(chosen))
    loss = ReferenceEngine().evaluate(Batch(network, network.embed(part.inputs), part.targets)).loss
    assert record["samples"] == 20
    assert record["centre_loss"] == pytest.approx(float(loss), rel=1e-6)


def test_repeating_gives_the_same_files(single_run, tmp_path) -> None:
    for name in ("a", "b"):
        rendered(single_run, tmp_path / name / "x.npy")
    for file in ("x.npy", "x.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def five(run: Path, out: Path, **changed: object) -> tuple[np.ndarray, dict]:
    """A surface of five points along each axis by default."""
    return rendered(run, out, **{"steps": 5, **changed})


def hessian(run: Path) -> torch.Tensor:
    """The whole matrix, by torch, of the loss as the equations state it."""
    found = resdepth.open_run(run)
    data, _ = load_data(found.options)
    network = load_network(found.options.network, found.options.data, found.checkpoint())
    h0 = network.embed(data.inputs)

    def loss(vector: torch.Tensor) -> torch.Tensor:
        h = h0
        for block in vector.view_as(network.blocks):
            h = h + network.delta * torch.tanh(h @ block.T)
        return torch.nn.functional.cross_entropy(h @ network.readout.T, data.targets)

    return torch.autograd.functional.hessian(loss, network.blocks.flatten())


def test_the_sharpest_directions_are_those_of_the_whole_hessian(small_run, tmp_path) -> None:
    losses, record = five(
        small_run, tmp_path / "x.npy", directions=("hessian",), span=0.25, steps_b=7
    )
    values = torch.linalg.eigvalsh(hessian(small_run))
    np.testing.assert_allclose(record["eigenvalues"], values[[-1, -2]].numpy(), rtol=1e-9)
    assert losses.shape == (5, 7) and len(record["axes"][1]) == 7
    # Along them the loss bends as they say.
    step = 1e-3
    tiny, near = five(small_run, tmp_path / "y.npy", directions=("hessian",), span=step, steps=3)
    bent = (tiny[2, 1] + tiny[0, 1] - 2 * tiny[1, 1]) / step**2
    assert bent == pytest.approx(near["eigenvalues"][0], rel=1e-3)
    np.testing.assert_allclose(np.array(near["cosines"]), np.eye(2), atol=1e-10)


def test_towards_a_checkpoint_the_line_meets_its_loss(small_run, tmp_path) -> None:
    early = step_path(small_run, 2)
    losses, record = five(small_run, tmp_path / "x.npy", directions=(str(early),))
    assert record["axes"] == [[-0.5, 0.0, 0.5, 1.0, 1.5]] and record["marks"] == [[1.0]]
    recorded = resdepth.open_run(small_run).scalars("loss")[1]
    assert losses[1] == record["centre_loss"] == pytest.approx(recorded[-1], rel=1e-6)
    assert losses[3] == pytest.approx(recorded[2], rel=1e-6)
    assert record["mark_losses"] == [pytest.approx(losses[3], rel=1e-12)]
    assert record["run_loss"] == pytest.approx(record["centre_loss"], rel=1e-12)


def test_two_checkpoints_span_a_plane(small_run, tmp_path) -> None:
    others = (str(step_path(small_run, 1)), str(step_path(small_run, 3)))
    losses, record = five(small_run, tmp_path / "x.npy", directions=others)
    recorded = resdepth.open_run(small_run).scalars("loss")[1]
    corners = (losses[1, 1], losses[3, 1], losses[1, 3])
    np.testing.assert_allclose(corners, recorded[[-1, 1, 3]], rtol=1e-6)
    np.testing.assert_allclose(record["mark_losses"], recorded[[1, 3]], rtol=1e-6)


def test_principal_directions_are_those_of_the_trajectory(small_run, tmp_path) -> None:
    losses, record = five(small_run, tmp_path / "x.npy", directions=("pca",), span=0.5)
    run = resdepth.open_run(small_run)
    theta = np.stack([run.checkpoint(k).blocks.double().numpy().ravel() for k in range(1, 6)])
    rows = np.linalg.svd(theta - theta.mean(axis=0), full_matrices=False)[2][:2]
    rows *= np.sign(rows @ (theta[0] - theta[-1]))[:, None]
    network = load_network(run.options.network, run.options.data, run.checkpoint())
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
    one, _ = five(small_run, tmp_path / "x.npy", dimensions=dimensions, seed=5)
    several, record = five(small_run, tmp_path / "y.npy", dimensions=dimensions, seed=5, pairs=3)
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
    losses, record = five(small_run, tmp_path / "x.npy", span="auto", rise=rise, **far)
    (a, b), wanted = record["spans"], rise * record["centre_loss"]
    half, _ = five(small_run, tmp_path / "y.npy", span=a / 2, span_b=b / 2, **far)
    assert (record["axes"][0][2], record["axes"][1][2]) == (a, b)
    for of, high in ((losses, True), (half, False)):
        ends = np.array([of[[0, 2], 1].mean(), of[1, [0, 2]].mean()])
        assert ((ends >= wanted) == high).all()


def test_a_loss_that_stays_low_is_gone_halfway_up(small_run, tmp_path) -> None:
    far = {"steps": 3, "normalise": "none", "dimensions": 1}
    _, record = five(small_run, tmp_path / "x.npy", span="auto", rise=1e6, **far)
    spans = 2.0 ** np.arange(-10, 13)
    ends = [
        five(small_run, tmp_path / f"{n}.npy", span=span, **far)[0][[0, 2]].mean()
        for n, span in enumerate(spans)
    ]
    high = (record["centre_loss"] + max(ends)) / 2
    assert record["spans"] == [spans[int(np.argmax(np.array(ends) >= high))]]


def test_a_plane_needs_a_path(small_run, tmp_path) -> None:
    alone = tmp_path / "alone" / "w.safetensors"
    alone.parent.mkdir()
    alone.write_bytes(last_path(small_run).read_bytes())
    source = Source(resdepth.open_run(small_run).options, alone)
    with refused(Impossible, match="not in a run folder"):
        render(source, RenderOptions(directions=("pca",), threads=1), tmp_path / "x.npy", [])
