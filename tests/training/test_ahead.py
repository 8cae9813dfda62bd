"""The loop that lets the device run ahead gives the records of the plain loop, in order.

Capture, streams and events of a CUDA device are played by the CPU (`fake_cuda`).
"""

import numpy as np
import pytest
import torch

import resdepth
from resdepth.engine.loop import Rate, State, train, train_ahead
from resdepth.training.dense import build, scalars
from resdepth.training.path_norms import SNAPSHOTS, PathNorms, async_norms
from tests.support import fake_cuda

STEPS = 100  # more than are ever in flight


def _problem(**options: object):
    return build(
        resdepth.TrainOptions(
            depth=5, width=4, epochs=STEPS, train_fraction=0.1, engine="eager", dtype="float64",
            **options,
        ),
        threads=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "options", [{}, {"batch_size": 40, "p_var_every": 7}], ids=["full", "mini"]
)
def test_records_agree_with_the_plain_loop(options: dict[str, int], monkeypatch) -> None:
    problem = _problem(**options)
    start = State(0, problem.network, 3.0)
    norms = PathNorms(problem.options.p_var, problem.options.p_var_every)
    sides = problem.engine, start, STEPS, problem.batch, problem.training
    plain = list(train(*sides, Rate(), norms))
    graphs = fake_cuda.install(monkeypatch)
    with async_norms(norms, threads=2) as watch:
        ahead = list(train_ahead(*sides, watch, lambda step: step % 10 == 3))
    assert [record.step for record in ahead] == list(range(STEPS + 1))
    assert [graph.replays for graph in graphs] == [STEPS if not options else 3 * STEPS // 4]
    for one, other in zip(plain, ahead, strict=True):
        expected, found = (scalars(r.evaluation, omega=True) | r.norms for r in (one, other))
        assert found.keys() == expected.keys()
        np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-9)
        assert (other.state is not None) == (other.step % 10 == 3 or other.step == STEPS)
        if other.state is not None and one.state is not None:
            torch.testing.assert_close(
                other.state.network.blocks, one.state.network.blocks, rtol=1e-9, atol=1e-12
            )


@pytest.mark.long
def test_a_run_that_is_ahead_leaves_the_same_folder(tmp_path, monkeypatch) -> None:
    options = resdepth.TrainOptions(
        depth=5, width=4, epochs=60, lr=3.0, checkpoint_every=25, engine="eager", dtype="float64"
    )
    plain = resdepth.train(options, tmp_path / "plain")
    graphs = fake_cuda.install(monkeypatch)
    ahead = resdepth.train(options, tmp_path / "ahead")
    assert ahead.manifest.overlapped and not plain.manifest.overlapped
    assert ahead.manifest.outcome == "finished"
    assert [graph.replays for graph in graphs] == [60]
    for tag in ("loss", "accuracy", "p_variation_norm/1.5", "val/loss"):
        (steps, values), (steps_ahead, values_ahead) = plain.scalars(tag), ahead.scalars(tag)
        np.testing.assert_array_equal(steps, steps_ahead)
        np.testing.assert_allclose(values, values_ahead, rtol=1e-6)
    for step in (25, 50, 60):
        torch.testing.assert_close(
            plain.checkpoint(step).blocks, ahead.checkpoint(step).blocks, rtol=1e-9, atol=1e-12
        )


def test_divergence_ahead_keeps_good_weights(tmp_path, monkeypatch) -> None:
    fake_cuda.install(monkeypatch)
    options = resdepth.TrainOptions(
        depth=20, width=4, epochs=60, lr=1e6, activation="relu", augmentation="linear_skip",
        engine="eager", no_p_var=True,
    )  # fmt: skip
    run = resdepth.train(options, tmp_path / "run")
    assert run.manifest.outcome == "diverged"
    checkpoint = run.checkpoint()
    assert checkpoint.step < run.manifest.detail["step"]
    assert torch.isfinite(checkpoint.blocks).all()


def test_a_run_that_is_ahead_goes_on(tmp_path, monkeypatch) -> None:
    # 144 samples in batches of 40: the checkpoint of step 15 precedes a smaller batch.
    fake_cuda.install(monkeypatch)
    options = resdepth.TrainOptions(
        depth=5, width=4, epochs=5, lr=3.0, train_fraction=0.1, batch_size=40, checkpoint_every=15,
        engine="eager", dtype="float64",
    )  # fmt: skip
    whole = resdepth.train(options.model_copy(update={"epochs": 20}), tmp_path / "whole")
    resdepth.train(options, tmp_path / "cut")
    (tmp_path / "cut/checkpoints/last.safetensors").unlink()
    cut = resdepth.train(resdepth.TrainOptions(epochs=20), tmp_path / "cut", resume=True)
    assert torch.equal(cut.checkpoint().blocks, whole.checkpoint().blocks)
    for tag in ("loss", "p_variation_norm/2"):
        np.testing.assert_array_equal(cut.scalars(tag), whole.scalars(tag))


def test_snapshots_are_bounded_and_none_is_dropped(monkeypatch) -> None:
    fake_cuda.install(monkeypatch)
    problem = _problem()
    norms = PathNorms(problem.options.p_var, problem.options.p_var_every)
    with async_norms(norms, threads=1) as watch:
        waiting = []
        network = problem.network.with_blocks(problem.network.blocks.clone())
        for step in range(3 * SNAPSHOTS):
            waiting.append(watch(step, network))
            network.blocks.add_(0.01)  # the snapshot has been taken
        found = [wait()[1]["p_variation_norm/2"] for wait in waiting]
    # A constant added to every layer leaves the variation of the path alone.
    np.testing.assert_allclose(found, found[0], rtol=1e-9)
