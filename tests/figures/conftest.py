"""Small tables to draw."""

from pathlib import Path

import numpy as np
import pytest

from resdepth.analysis.curvefit import CurveFit
from resdepth.mathematics.decay import fit_decay
from resdepth.runs.models import Model
from resdepth.runs.surface import Surface


@pytest.fixture
def models() -> list[Model]:
    """Three depths in two repetitions."""
    random = np.random.default_rng(0)
    return [
        Model(Path(f"{seed}/resnet_{depth}.pth"), random.standard_normal((depth, 3, 3)), 0.25)
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
        CurveFit(Path(f"run_{i}$/events"), "avg_grad_norm", t[: len(y)], y, t[: len(y)], y, fit)
        for i, y in enumerate(curves)
        for fit in [fit_decay(t[: len(y)], y)]
    ]


@pytest.fixture
def bowl() -> Surface:
    """A paraboloid with its record."""
    axis = np.linspace(-1, 1, 21)
    losses = 0.5 + axis[:, None] ** 2 + 2 * (axis[None, :] - 0.3) ** 2
    record = {"format": "resdepth-landscape-1", "centre_loss": 0.68}
    return Surface(Path("bowl.npy"), losses, (axis, axis), record)
