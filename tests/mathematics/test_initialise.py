"""Initial weights: bounds, moments, distribution, and the declared decay in L."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr, ndtri

from resdepth.mathematics import powers
from resdepth.mathematics.initialise import (
    INITIALISATIONS,
    ONE_SIDED,
    central_quantile,
    linear_uniform,
)
from resdepth.mathematics.statistics import path_statistics
from resdepth.options.train import TrainOptions

SCALE = 0.03


PARAMETERS = {"fbm": {"hurst": 0.7, "init_depth": None}}


def draw(
    name: str, shape: tuple[int, int, int], seed: int = 0, scale: float = SCALE, **more
) -> np.ndarray:
    parameters = {**PARAMETERS.get(name, {}), **more}
    return INITIALISATIONS[name].draw(shape, scale, seed, **parameters)


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
        scale = powers.initial_scale(depth, 20, alpha, gamma)
        blocks = draw(name, (depth, 20, 20), depth, scale)
        sizes.append(np.sqrt(np.mean(blocks**2)))
    slope = np.polyfit(np.log(depths), np.log(sizes), 1)[0]
    assert slope == pytest.approx(-(1.0 - alpha) - 1.0 / gamma, abs=0.02)


def test_the_bits_of_old_starts_are_kept() -> None:
    # Drawn by the first version of the rule.
    uniform = np.random.default_rng([5, 2]).uniform(ndtr(-1.0), ndtr(1.0), (3, 2, 2))
    assert np.array_equal(draw("ntrunc", (3, 2, 2), 5), SCALE * np.clip(ndtri(uniform), -1, 1))


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_parameters_are_options_of_train(name: str) -> None:
    assert set(INITIALISATIONS[name].parameters) <= set(TrainOptions.fields())
    assert set(INITIALISATIONS[name].parameters) == set(PARAMETERS.get(name, {}))


@pytest.mark.parametrize("name", ["constant", "ntrunc", "repeat"])
def test_noise_is_nested_by_prefix(name: str) -> None:
    assert np.array_equal(draw(name, (40, 3, 3), 7)[:10], draw(name, (10, 3, 3), 7))


def test_repeat_is_the_first_layer_of_the_noise() -> None:
    repeated = draw("repeat", (6, 3, 3), 2)
    assert np.array_equal(repeated, np.stack([draw("ntrunc", (6, 3, 3), 2)[0]] * 6))


@pytest.mark.parametrize("hurst", [0.3, 0.7])
def test_fractional_start_has_the_size_and_the_exponent(hurst: float) -> None:
    blocks = draw("fbm", (512, 12, 12), 1, hurst=hurst)
    assert blocks.std() == pytest.approx(SCALE, rel=0.1)
    assert pytest.approx(hurst, abs=0.02) == path_statistics(blocks).H


def test_entries_of_a_fractional_start_are_independent_streams() -> None:
    small, large = draw("fbm", (32, 2, 2), 3), draw("fbm", (32, 5, 5), 3)
    assert np.array_equal(small, large[:, :2, :2])
    assert len(np.unique(large[0])) == 25


def test_depths_of_one_plan_see_one_motion() -> None:
    fine = draw("fbm", (64, 2, 2), 3)
    coarse = draw("fbm", (16, 2, 2), 3, init_depth=64)
    pairs = fine.reshape(16, 4, 2, 2).sum(1) * 4**-0.7
    np.testing.assert_allclose(coarse, pairs, rtol=1e-12, atol=1e-15)


def test_scale_by_hand() -> None:
    # d^-2 L^(-beta - 1/gamma) = 1/4 * 16^(-1/4 - 1/2) = 1/4 * 1/8.
    assert powers.initial_scale(16, 2, 0.75, 2.0) == pytest.approx(1 / 32, rel=1e-15)
    assert powers.delta(16, 0.75) == pytest.approx(1 / 8, rel=1e-15)
    assert powers.beta(0.75) == 0.25


def test_read_in_is_a_linear_layers() -> None:
    entries = linear_uniform(300, 64, np.random.default_rng(0))
    assert entries.shape == (300, 64)
    uniform = stats.uniform(-1 / 8, 1 / 4)
    assert np.abs(entries).max() <= 1 / 8
    assert stats.kstest(entries.ravel(), uniform.cdf).pvalue > 1e-3


def test_the_mass_below_one_deviation() -> None:
    assert ndtr(-1.0) == ONE_SIDED
    assert ndtr(1.0) == 1.0 - ONE_SIDED


@pytest.mark.parametrize("shape", [(0,), (1,), (7, 3, 3), (1 << 16,)])
def test_quantiles(shape: tuple[int, ...]) -> None:
    mass = np.asarray(np.random.default_rng(7).uniform(ONE_SIDED, 1.0 - ONE_SIDED, shape))
    quantiles = central_quantile(mass)
    assert quantiles.shape == shape
    # Compilers that fuse a product with a sum may give scipy another last digit.
    np.testing.assert_allclose(quantiles, ndtri(mass), rtol=4e-16, atol=2e-16)


def test_the_ends_and_the_middle() -> None:
    mass = np.array([ONE_SIDED, 0.5, 1.0 - ONE_SIDED])
    np.testing.assert_allclose(central_quantile(mass), [-1.0, 0.0, 1.0], rtol=4e-16)


def test_symmetry_is_exact() -> None:
    # Masses of a few bits: 1 - mass is exact.
    mass = np.arange(200, 800) / 1024
    assert np.array_equal(central_quantile(mass), -central_quantile(1.0 - mass))
