"""Training to a given loss at a rate that follows the depth, and the warning where it rises."""

import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import resdepth
from resdepth.errors import Usage
from resdepth.options.train import TrainOptions
from resdepth.training.observer import Observer
from resdepth.training.stopping import Rises, rose
from tests.support.events import points
from tests.support.messages import refused
from tests.support.process import Outcome
from tests.support.runs import assert_same, whole

SMALL = {"depth": 6, "width": 4, "train_fraction": 0.2, "seed": 5, "threads": 1, "lr": 3.0}
STOPS = {
    "full": TrainOptions(**SMALL, epochs=300, stop_loss=2.2, checkpoint_every=7),
    "minibatch": TrainOptions(
        **SMALL, epochs=60, batch_size=64, stop_loss=2.2, checkpoint_every=7, log_every=3
    ),
}


class StopsAt(Observer):
    """Asks to stop at a step."""

    def __init__(self, step: int) -> None:
        self.limit, self.now = step, -1
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def step(self, step: int, scalars: object) -> None:
        self.now = step

    def stop(self) -> int | None:
        return int(signal.SIGTERM) if self.now == self.limit else None


@pytest.mark.long
@pytest.mark.parametrize(("depth", "step"), [(16, 102), (32, 97), (64, 95)])
def test_steps_to_a_loss_do_not_depend_on_the_depth(tmp_path: Path, depth: int, step: int) -> None:
    """The counts of an independent implementation, with the rate L/2 of relu at alpha = 1."""
    options = TrainOptions(
        depth=depth,
        alpha=1,
        activation="relu",
        lr=0.5,
        lr_depth=1,
        lr_depth_exponent=1,
        stop_loss=1.2,
        no_p_var=True,
        store_grad=False,
        threads=1,
    )
    manifest = resdepth.train(options, tmp_path / "run").manifest
    assert (manifest.outcome, manifest.steps, manifest.detail) == (
        "finished",
        step,
        {"reached": step},
    )
    assert manifest.final["loss"] <= 1.2


@pytest.mark.parametrize("kind", STOPS)
def test_the_first_step_with_the_loss_is_the_last(tmp_path: Path, kind: str) -> None:
    options = STOPS[kind]
    stopped = resdepth.train(options, tmp_path / "stopped")
    reached = stopped.manifest.detail["reached"]
    assert 0 < reached == stopped.manifest.steps == stopped.checkpoint().step
    batches = 1 if kind == "full" else 5
    assert reached % batches == 0
    assert stopped.manifest.final["loss"] <= 2.2
    # A run that ends there because its epochs are over is the same to the bit.
    epochs = reached // batches
    ended = options.model_copy(update={"epochs": epochs, "stop_loss": None})
    plain = resdepth.train(ended, tmp_path / "plain")
    assert points(stopped.path) == points(plain.path)
    assert stopped.manifest.final == plain.manifest.final
    # An epoch earlier it was not there yet.
    earlier = ended.model_copy(update={"epochs": epochs - 1})
    assert resdepth.train(earlier, tmp_path / "earlier").manifest.final["loss"] > 2.2


@pytest.mark.parametrize("moment", ["before", "at the stop"])
@pytest.mark.parametrize("kind", STOPS)
def test_resumed_it_stops_at_the_same_bits(tmp_path: Path, kind: str, moment: str) -> None:
    options = STOPS[kind]
    unbroken = resdepth.train(options, tmp_path / "unbroken")
    reached = unbroken.manifest.detail["reached"]
    at = reached if moment == "at the stop" else reached - 4
    broken = resdepth.train(options, tmp_path / "broken", observer=StopsAt(at))
    assert broken.manifest.outcome == "interrupted" and broken.manifest.steps == at
    resdepth.train(out=tmp_path / "broken", resume=True)
    assert broken.manifest.detail == {"reached": reached}
    assert_same(whole(broken.path), whole(unbroken.path))


def test_what_reached_its_loss_is_not_trained_on(tmp_path: Path) -> None:
    resdepth.train(STOPS["full"], tmp_path / "run")
    before = (tmp_path / "run/manifest.json").read_bytes()
    observer = StopsAt(-2)
    resdepth.train(out=tmp_path / "run", resume=True, observer=observer)
    assert (tmp_path / "run/manifest.json").read_bytes() == before
    assert "the loss is small enough" in observer.said[-1]


def test_a_loss_that_is_missed_is_said(tmp_path: Path) -> None:
    observer = StopsAt(-2)
    options = STOPS["full"].model_copy(update={"epochs": 3})
    manifest = resdepth.train(options, tmp_path / "run", observer=observer).manifest
    assert (manifest.outcome, manifest.detail) == ("finished", {})
    assert "did not reach `stop_loss=2.2` in 3 epochs" in observer.said[-1]


def test_the_rate_is_a_power_of_the_depth(tmp_path: Path) -> None:
    options = TrainOptions(
        depth=8, lr=2, lr_depth=2, lr_depth_exponent=1.5, epochs=1, width=3, train_fraction=0.1
    )
    run = resdepth.train(options, tmp_path / "run")
    assert options.rate == 2 * 4**1.5
    assert run.scalars("lr")[1].tolist() == [16.0, 16.0]


@pytest.mark.parametrize("given", [{"lr_depth": 4}, {"lr_depth_exponent": 1.0}])
def test_depth_and_exponent_need_each_other(given: dict[str, float]) -> None:
    with refused(Usage, match="has no effect without"):
        TrainOptions(**given)


def test_refused_in_one_line(run_worker: object) -> None:
    ended: Outcome = run_worker("train", "--lr-depth", "4")  # type: ignore[operator]
    assert ended.code == 2 and "--lr-depth: has no effect" in ended.complaint


@pytest.mark.parametrize(
    ("losses", "many"),
    [
        ([2 - 0.01 * k for k in range(100)], False),
        ([2 - 0.01 * k + 0.1 * (k % 2) for k in range(100)], True),
        ([2 - 0.01 * k + 0.1 * (k % 2) for k in range(18)], False),
        ([1.0 + 1e-8 * (k % 2) for k in range(100)], False),
    ],
)
def test_rises(losses: list[float], many: bool) -> None:
    rises = Rises()
    for loss in losses:
        rises.see(loss)
    assert rises.many == many and rises.steps == len(losses) - 1


def test_rounding_is_no_rise() -> None:
    assert rose(1.0, 1.001) and not rose(1.0, 1.0) and not rose(1.0, 1.0 + 1e-7)


def test_the_edge_of_stability_is_said(tmp_path: Path) -> None:
    observer = StopsAt(-2)
    options = TrainOptions(depth=16, lr=100, epochs=80, no_p_var=True, threads=1)
    resdepth.train(options, tmp_path / "run", observer=observer)
    assert any("edge of stability" in line for line in observer.said)


@pytest.mark.long
@pytest.mark.parametrize("alpha", [0.5, 0.75, 1.0])
@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "elu", "sigmoid"])
@pytest.mark.parametrize("data", ["digits", "sin"])
def test_the_loss_decreases_at_the_default_rate(
    tmp_path: Path, data: str, activation: str, alpha: float
) -> None:
    options = TrainOptions(
        depth=16,
        data=data,
        activation=activation,
        alpha=alpha,
        epochs=60,
        no_p_var=True,
        val_every=0,
        checkpoint_every=0,
        threads=1,
    )
    _, loss = resdepth.train(options, tmp_path / "run").scalars("loss")
    assert not any(rose(before, after) for before, after in pairwise(loss))


def test_default_runs_stopped_at_one_loss_approach_one_path(tmp_path: Path) -> None:
    paths = []
    for depth in (8, 16, 32):
        options = TrainOptions(
            depth=depth, alpha=1, stop_loss=1.7, seed=1, no_p_var=True, val_every=0, threads=1
        )
        run = resdepth.train(options, tmp_path / str(depth))
        assert run.manifest.outcome == "finished" and "reached" in run.manifest.detail
        paths.append(resdepth.weight_path(run))
    distances = [
        np.linalg.norm(coarse - fine.reshape(len(coarse), 2, -1).mean(1)) / np.linalg.norm(coarse)
        for coarse, fine in pairwise(paths)
    ]
    assert distances[1] < 0.7 * distances[0] < 0.07
