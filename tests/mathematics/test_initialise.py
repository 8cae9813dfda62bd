"""Initial weights: bounds, moments, distribution, and the declared decay in L."""

import math

import numpy as np
import pytest
from scipy import stats

from resdepth.mathematics import scaling
from resdepth.mathematics.initialise import INITIALISATIONS, depth_exponent, linear_uniform

SCALE = 0.03


def draw(name: str, shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    return INITIALISATIONS[name](shape, SCALE, np.random.default_rng(seed))


def test_constant_is_the_scale() -> None:
    assert np.array_equal(draw("constant", (4, 3, 3)), np.full((4, 3, 3), SCALE))


@pytest.mark.parametrize("seed", range(3))
def test_truncated_normal(seed: int) -> None:
    entries = draw("ntrunc", (50, 40, 40), seed).ravel()
    assert np.abs(entries).max() <= SCALE
    # Truncated at one deviation: variance 1 - 2 phi(1) / (2 Phi(1) - 1).
    variance = 1.0 - 2.0 * stats.norm.pdf(1.0) / (2.0 * stats.norm.cdf(1.0) - 1.0)
    error = SCALE / math.sqrt(len(entries))
    assert abs(entries.mean()) < 4 * error
    assert abs(entries.std() - SCALE * math.sqrt(variance)) < 4 * error
    assert stats.kstest(entries / SCALE, stats.truncnorm(-1.0, 1.0).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", INITIALISATIONS)
@pytest.mark.parametrize(("alpha", "gamma"), [(0.75, 1.0), (0.5, 2.0), (1.0, 0.5), (0.0, 4.0)])
def test_declared_decay(name: str, alpha: float, gamma: float) -> None:
    depths = np.array([16, 32, 64, 128, 256, 512])
    sizes = []
    for depth in depths.tolist():
        scale = scaling.initial_scale(depth, 20, alpha, gamma)
        blocks = INITIALISATIONS[name]((depth, 20, 20), scale, np.random.default_rng(depth))
        sizes.append(np.sqrt(np.mean(blocks**2)))
    slope = np.polyfit(np.log(depths), np.log(sizes), 1)[0]
    assert slope == pytest.approx(depth_exponent(alpha, gamma), abs=0.02)


def test_scale_by_hand() -> None:
    # d^-2 L^(-beta - 1/gamma) = 1/4 * 16^(-1/4 - 1/2) = 1/4 * 1/8.
    assert scaling.initial_scale(16, 2, 0.75, 2.0) == pytest.approx(1 / 32, rel=1e-15)
    assert scaling.delta(16, 0.75) == pytest.approx(1 / 8, rel=1e-15)
    assert scaling.beta(0.75) == 0.25


def test_read_in_is_a_linear_layers() -> None:
    entries = linear_uniform(300, 64, np.random.default_rng(0))
    assert entries.shape == (300, 64)
    uniform = stats.uniform(-1 / 8, 1 / 4)
    assert np.abs(entries).max() <= 1 / 8
    assert stats.kstest(entries.ravel(), uniform.cdf).pvalue > 1e-3
