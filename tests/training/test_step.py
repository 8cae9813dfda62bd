"""A gradient step between two checkpoints, recomputed from the files alone.

The gradient is taken by complex steps, d f = Im f(A + i h E) / h with h = 1e-30: it is exact to
rounding and needs nothing but the network written forward, in numpy.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resdepth
from resdepth.mathematics.random import permutation
from tests.support.events import points

STEP = 1e-30
SIGMA: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "sigmoid": lambda z: 1.0 / (1.0 + np.exp(-z)),
    "elu": lambda z: np.where(z.real > 0, z, np.exp(z) - 1.0),
    "relu": lambda z: np.where(z.real > 0, z, 0.0),
}


def predict(a: np.ndarray, h: np.ndarray, readout: np.ndarray, options: Any) -> np.ndarray:
    sigma, previous = SIGMA[options.activation], np.zeros_like(a[0])
    for block in a:
        if options.augmentation == "skip":
            h = h + len(a) ** -options.alpha * sigma(h @ block.T)
        elif options.augmentation == "none":
            h = sigma(h @ block.T)
        elif options.augmentation == "linear_skip":
            h = h + sigma(h) @ block.T
        else:
            h = h + sigma(h) @ (block - previous).T
        previous = block
    return h @ readout.T


def mean_loss(prediction: np.ndarray, y: np.ndarray, options: Any) -> Any:
    if options.regression:
        residual = prediction[:, 0] - y
        return np.mean(np.where(residual.real > 0, residual, -residual) ** options.loss_p) / (
            options.loss_p
        )
    shifted = prediction - prediction.real.max(1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y])


def gradient(f: Callable[[np.ndarray], Any], a: np.ndarray) -> np.ndarray:
    found = np.empty_like(a)
    for index in np.ndindex(a.shape):
        moved = a.astype(complex)
        moved[index] += 1j * STEP
        found[index] = f(moved).imag / STEP
    return found


def batch(run: resdepth.Run, step: int, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    size = min(run.options.batch_size or len(y), len(y))
    if size == len(y):
        return x, y
    epoch, number = divmod(step, -(-len(y) // size))
    rows = permutation(run.options.seed, epoch, len(y))[number * size : (number + 1) * size]
    return x[rows], y[rows]


def check_steps(run: resdepth.Run, steps: list[int]) -> None:
    options = run.options
    train, _ = resdepth.load_data(options)
    scalars = points(run.path)
    for step in steps:
        before, after = run.checkpoint(step), run.checkpoint(step + 1)
        a, readin, readout = (t.numpy() for t in (before.blocks, before.readin, before.readout))
        x, y = batch(run, step, train.inputs.numpy(), train.targets.numpy())

        def loss(moved: np.ndarray) -> Any:
            return mean_loss(predict(moved, x @ readin.T, readout, options), y, options)  # noqa: B023

        wanted = a - before.lr * gradient(loss, a)
        np.testing.assert_allclose(after.blocks.numpy(), wanted, rtol=0, atol=1e-12)
        assert scalars["loss", step] == pytest.approx(loss(a), rel=1e-6)
        assert scalars["lr", step] == np.float32(before.lr)


BASE: dict[str, Any] = {
    "depth": 5,
    "width": 3,
    "dtype": "float64",
    "checkpoint_every": 1,
    "threads": 1,
    "epochs": 3,
    "lr": 5.0,
}
CASES: dict[str, dict[str, Any]] = {
    "digits": {"train_fraction": 0.1},
    "minibatch": {"train_fraction": 0.1, "batch_size": 60},
    "dynamic": {"train_fraction": 0.1, "dynamic_lr": True, "alpha": 0.3, "init": "constant"},
    "none": {"train_fraction": 0.1, "augmentation": "none", "activation": "sigmoid"},
    "linear_skip": {"train_fraction": 0.1, "augmentation": "linear_skip", "activation": "elu"},
    "inc_skip": {"train_fraction": 0.1, "augmentation": "inc_skip", "activation": "relu"},
    "sin": {"data": "sin", "num_samples": 50, "loss_p": 3.0, "lr": 0.5},
}


def test_a_step_of_the_command_line(small_run: Path) -> None:
    check_steps(resdepth.open_run(small_run), [1, 2, 3, 4])


@pytest.mark.parametrize("engine", ["auto", "eager", "reference"])
@pytest.mark.parametrize("case", CASES)
def test_a_step(tmp_path: Path, case: str, engine: str) -> None:
    options = resdepth.TrainOptions(**(BASE | CASES[case]), engine=engine)
    run = resdepth.train(options, tmp_path / "run")
    assert run.manifest.outcome == "finished"
    check_steps(run, [1, run.manifest.steps - 1])
