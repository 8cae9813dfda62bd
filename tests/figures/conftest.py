"""Small tables to draw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resdepth.analysis.fits import CurveFit
from resdepth.mathematics.decay_fit import fit_decay
from resdepth.runs.surface import Surface
from resdepth.weights.weight_path import WeightPath


@pytest.fixture
def models() -> list[WeightPath]:
    """Three depths in two repetitions."""
    random = np.random.default_rng(0)
    return [
        WeightPath(Path(f"{seed}/resnet_{depth}.pth"), random.standard_normal((depth, 3, 3)), 0.25)
        for depth in (1, 5, 9)
        for seed in (0, 1)
    ]


@pytest.fixture
def fits() -> list[CurveFit]:
    """A fit, one that is not identified, and one without an answer."""
    t = np.arange(1.0, 201)
    noise = np.exp(0.02 * np.random.default_rng(0).standard_normal(200))
    curves = [2.0 / (t + 5) ** 1.1 * noise, noise, np.array([1.0, 0.5])]
    return [
        CurveFit(Path(f"run_{i}$/events"), "avg_grad_norm", s, t[: len(y)], y, t[: len(y)], y, fit)
        for i, y in enumerate(curves)
        for fit, s in [(fit_decay(t[: len(y)], y), np.arange(len(y)))]
    ]


@pytest.fixture
def bowl() -> Surface:
    """A paraboloid with its record."""
    axis = np.linspace(-1, 1, 21)
    losses = 0.5 + axis[:, None] ** 2 + 2 * (axis[None, :] - 0.3) ** 2
    record = {"format": "resdepth-landscape-1", "centre_loss": 0.68}
    return Surface(Path("bowl.npy"), losses, (axis, axis), record, losses[None])


@pytest.fixture
def band() -> Surface:
    """A line along five random directions."""
    axis = np.linspace(-1, 1, 15)
    pairs = np.stack([0.5 + size * axis**2 for size in (1.0, 1.2, 1.5, 2.0, 2.1)])
    record = {"format": "resdepth-landscape-2", "centre_loss": 0.5, "pairs": 5}
    return Surface(Path("band.npy"), pairs.mean(axis=0), (axis,), record, pairs)


@pytest.fixture
def multiples(bowl: Surface) -> Surface:
    """The bowl along three pairs of directions."""
    pairs = np.stack([size * bowl.losses for size in (1.0, 1.3, 0.8)])
    return replace(bowl, losses=pairs.mean(axis=0), pairs=pairs)


@pytest.fixture
def descent(bowl: Surface) -> Surface:
    """The bowl with a path of twelve checkpoints down to its centre, and accuracies."""
    t = np.linspace(1, 0, 12)
    coordinates = np.stack([0.9 * t, 0.8 * t**2], axis=1)
    plane = 0.5 + coordinates[:, 0] ** 2 + 2 * (coordinates[:, 1] - 0.3) ** 2
    path = {
        "steps": (10 * np.arange(12)).tolist(),
        "coordinates": coordinates.tolist(),
        "loss": (plane + 0.2 * t).tolist(),
        "plane_loss": plane.tolist(),
        "distance": (0.3 * t).tolist(),
        "accuracy": (1 - 0.5 * t).tolist(),
    }
    record = {
        **bowl.record,
        "kind": "trajectory",
        "explained": [0.8, 0.15],
        "path": path,
        "statistics": "recalibrated",
        "subset": 100,
        "samples": 100,
        "centre_accuracy": 1.0,
    }
    accuracies = np.exp(-bowl.losses)[None]
    return replace(bowl, record=record, accuracies=accuracies)
