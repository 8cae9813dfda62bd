"""Training from another run's weights: the same function first, the same bits again."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import resdepth
from resdepth.data.load import load_data
from resdepth.engine.contract import Batch
from resdepth.engine.kernels.registry import choose
from resdepth.engine.network import Network
from resdepth.errors import Corrupt, Missing
from resdepth.mathematics.refinement import deepened
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import checkpoints, step_path
from resdepth.runs.folder import create_run
from resdepth.runs.manifest import Parent
from resdepth.runs.run import Run
from resdepth.training.networks import engine_request, initial_network, parent_of
from resdepth.training.observer import Observer
from tests.support.messages import refused
from tests.support.process import Workers, wait_until
from tests.support.runs import assert_same, whole

SMALL: dict[str, Any] = {"width": 4, "train_fraction": 0.2, "threads": 1, "epochs": 12}
BY = {"depth": 8, "seed": 5, **SMALL}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parent") / "a"
    resdepth.train(TrainOptions(**{**BY, "depth": 4}), folder)
    return folder


def first(parent: Path, folder: Path, **given: Any) -> Run:
    return resdepth.train(TrainOptions(start_from=parent, **{**BY, **given}), folder)


@pytest.mark.parametrize("engine", ["cpu", "eager", "reference"])
@pytest.mark.parametrize("rule", ["repeat", "interpolate"])
def test_every_engine_starts_from_the_same_bits(
    parent: Path, tmp_path: Path, rule: str, engine: str
) -> None:
    run = first(parent, tmp_path / "b", start_rule=rule, engine=engine, epochs=1)
    ours, theirs = run.checkpoint(0), Run(parent).checkpoint()
    blocks = deepened(theirs.blocks.double().numpy(), 8, rule, 0.25)
    assert torch.equal(ours.blocks, torch.from_numpy(blocks).float())
    assert torch.equal(ours.readin, theirs.readin) and torch.equal(ours.readout, theirs.readout)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_depth_continues_with_the_same_weights(
    parent: Path, tmp_path: Path, dtype: str
) -> None:
    run = first(parent, tmp_path / "b", depth=4, dtype=dtype, seed=9)
    kept = run.checkpoint(0)
    assert torch.equal(kept.blocks, Run(parent).checkpoint().blocks.to(kept.blocks.dtype))
    found = run.scalars("loss")[1][0]
    assert found == pytest.approx(evaluated(Run(parent), run.options), rel=1e-6)


def evaluated(run: Run, options: TrainOptions) -> float:
    """The loss of a run's newest weights on the training set of other options."""
    found = run.checkpoint()
    train = load_data(options)[0]
    drawn = run.options.network, TrainOptions().init, options.data, 0, train
    network = Network(
        **{name: t.to(train.inputs.dtype) for name, t in found.tensors.items()},
        **{n: getattr(initial_network(*drawn), n) for n in ("alpha", "activation", "augmentation")},
        loss=initial_network(*drawn).loss,
    )
    return loss(network, train)


def loss(network: Network, train: Any) -> float:
    request = engine_request(TrainOptions(dtype="float64").compute, torch.device("cpu"), 1)
    batch = Batch(network, network.embed(train.inputs), train.targets)
    return float(choose("eager", request).evaluate(batch).loss)


def repeated_losses(depth: int, alpha: float, activation: str) -> tuple[float, float]:
    """The losses at `depth` and after repeating every layer, of weights of order L^(-beta)."""
    options = TrainOptions(
        depth=depth, alpha=alpha, activation=activation, dtype="float64", train_fraction=0.2
    )
    train = load_data(options)[0]
    network = initial_network(options.network, options.init, options.data, 0, train)
    noise = np.random.default_rng(0).standard_normal((512, 15, 15))[:depth]
    blocks = 0.6 * depth ** (alpha - 1.0) * noise
    both = (blocks, deepened(blocks, 2 * depth, "repeat", 1.0 - alpha))
    one, two = (loss(network.with_blocks(torch.from_numpy(part)), train) for part in both)
    return one, two


@pytest.mark.parametrize("depth", [32, 512])
@pytest.mark.parametrize(
    ("activation", "alpha"), [("relu", 1.0), ("relu", 0.5), ("tanh", 1.0), ("gelu", 1.0)]
)
def test_repeating_changes_the_loss_by_order_one_over_the_depth(
    activation: str, alpha: float, depth: int
) -> None:
    one, two = repeated_losses(depth, alpha, activation)
    assert 0 < abs(two - one) < 0.03 / depth


@pytest.mark.parametrize("depth", [16, 64])
def test_repeating_with_relu_does_not_depend_on_alpha(depth: int) -> None:
    """relu(c x) = c relu(x) for c > 0: only L^beta A counts."""
    losses = [repeated_losses(depth, alpha, "relu") for alpha in (0.0, 0.5, 0.75)]
    expected = repeated_losses(depth, 1.0, "relu")
    np.testing.assert_allclose(losses, [expected] * 3, rtol=1e-12)
    assert abs(expected[1] - expected[0]) > 1e-5


class Impatient(Observer):
    """Interrupts at a step."""

    def __init__(self, last: int) -> None:
        self.last = last

    def step(self, step: int, scalars: object) -> None:
        if step == self.last:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stop", [0, 1, 7])
def test_resumed_without_the_parent(parent: Path, tmp_path: Path, stop: int) -> None:
    first(parent, tmp_path / "whole")
    gone = Path(shutil.copytree(parent, tmp_path / "a"))
    options = TrainOptions(start_from=gone, **BY)
    with pytest.raises(KeyboardInterrupt):
        resdepth.train(options, tmp_path / "b", observer=Impatient(stop))
    shutil.rmtree(gone)
    resdepth.train(TrainOptions(), tmp_path / "b", resume=True)
    assert_same(whole(tmp_path / "b"), whole(tmp_path / "whole"))
    told, kept = (Run(tmp_path / name).manifest.parent for name in ("whole", "b"))
    assert told and kept and told["sha256"] == kept["sha256"]


ARGS = "--depth 8 --width 4 --train-fraction 0.2 --seed 5 --threads 1 --quiet --checkpoint-every 20"


@pytest.mark.parametrize("moment", ["step_00000000", "step_00000060"])
def test_killed_and_resumed(workers: Workers, parent: Path, tmp_path: Path, moment: str) -> None:
    train = ("train", *ARGS.split(), "--epochs", "150", "--start-from", parent)
    assert workers.run(*train, "--out", "whole", cwd=tmp_path).code == 0
    process, wait = workers.start(*train, "--out", "b", cwd=tmp_path)
    kept = tmp_path / f"b/checkpoints/{moment}.safetensors"
    wait_until(lambda: kept.exists() or not process.is_alive())
    process.kill()
    wait()
    assert workers.run("train", "--resume", "b", "--quiet", cwd=tmp_path).code == 0
    assert_same(whole(tmp_path / "b"), whole(tmp_path / "whole"))


def test_a_chain_of_starts_is_a_start_at_each_depth(parent: Path, tmp_path: Path) -> None:
    middle = first(parent, tmp_path / "b", epochs=1)
    shutil.copy2(step_path(middle.path, 0), middle.path / "checkpoints/last.safetensors")
    twice = first(middle.path, tmp_path / "c", depth=16, epochs=1).checkpoint(0)
    once = first(parent, tmp_path / "d", depth=16, epochs=1).checkpoint(0)
    torch.testing.assert_close(twice.blocks, once.blocks, rtol=1e-6, atol=0)


def test_a_killed_start_needs_the_same_parent(parent: Path, tmp_path: Path) -> None:
    """Before the first checkpoint only the manifest knows the parent."""
    copy = Path(shutil.copytree(parent, tmp_path / "a"))
    recorded: Parent = parent_of(Run(copy), None)
    options = TrainOptions(start_from=copy, **BY)
    opening = create_run(tmp_path / "b", "train", options.recorded(), ["x"])
    opening.begin(opening.manifest.model_copy(update={"parent": recorded}))
    opening.release()
    assert checkpoints(tmp_path / "b") == {}
    resdepth.train(TrainOptions(epochs=13), copy, resume=True)
    with refused(Corrupt, match="a/checkpoints/last.safetensors: it has changed since a run star"):
        resdepth.train(TrainOptions(), tmp_path / "b", resume=True)
    shutil.rmtree(copy)
    with refused(Missing, match=r"a: no such checkpoint"):
        resdepth.train(TrainOptions(), tmp_path / "b", resume=True)
