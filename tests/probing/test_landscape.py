"""A rendered surface against the run it came from, cell by cell in float64."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from resdepth.data.load import load_data
from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.contract import Batch
from resdepth.engine.objective import DenseObjective
from resdepth.errors import Usage
from resdepth.mathematics import random_directions
from resdepth.options.landscape import RenderOptions
from resdepth.options.train import TrainOptions
from resdepth.probing.landscape import render
from resdepth.probing.objectives import Source
from resdepth.runs.checkpoint import last_path, read_checkpoint
from resdepth.runs.manifest import read_manifest
from resdepth.runs.partial import partial_path, read_partial
from resdepth.training.problem import load_network
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
    network = load_network(training, checkpoint).to("cpu", torch.float64)
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
    network = load_network(training, read_checkpoint(Path(record["checkpoint"])))
    part = data.take(torch.from_numpy(chosen))
    loss = ReferenceEngine().evaluate(Batch(network, network.embed(part.inputs), part.targets)).loss
    assert record["samples"] == 20
    assert record["centre_loss"] == pytest.approx(float(loss), rel=1e-6)


def test_repeating_gives_the_same_files(single_run, tmp_path) -> None:
    for name in ("a", "b"):
        rendered(single_run, tmp_path / name / "x.npy")
    for file in ("x.npy", "x.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
