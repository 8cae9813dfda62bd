"""Trend and noise of known size, and the crossover depth against a search along the band."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from resdepth.mathematics.crossover import (
    ENDS_OF_H,
    MOST_RESIDUALS,
    UNKNOWN_PARTS,
    PathParts,
    crossover_depth,
    path_parts,
    simulated_noise,
)
from resdepth.mathematics.fractional import autocovariance
from resdepth.mathematics.interval import UNKNOWN, Interval
from resdepth.mathematics.pvariation import p_variation_norm
from resdepth.mathematics.statistics import path_statistics
from tests.support.synthetic import WIDTH, Path, fractional, smooth, white

DEPTHS = 2.0 ** np.arange(4, 11)


def parts_of(path: np.ndarray, hurst: float = 0.5, seed: int = 0) -> PathParts:
    return path_parts(path, path_statistics(path), hurst, seed)


def crossover_of(path: Path, seed: int, deepest: int = 10) -> Interval:
    depths = [1 << k for k in range(4, deepest + 1)]
    parts = [parts_of(path(n, seed)) for n in depths]
    trend, noise = (np.array([getattr(part, x) for part in parts]) for x in ("trend", "noise"))
    return crossover_depth(np.array(depths, dtype=float), trend, noise)


def true_crossover(share: float, seed: int) -> float:
    """Where c L (share)^2 WIDTH is the squared 2-variation of the curve; c from other noise."""
    c = p_variation_norm(white(512, 99), 2.0) ** 2 / (512 * WIDTH)
    return p_variation_norm(smooth(2048, seed), 2.0) ** 2 / (c * share**2 * WIDTH)


# Parts of one path.


@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("depth", [128, 512])
def test_parts_are_those_that_were_added(depth: int, share: float) -> None:
    trend, noise = smooth(depth, 1), share * white(depth, 1)
    found = parts_of(trend + noise)
    assert found.visible
    assert found.noise == pytest.approx(p_variation_norm(noise, 2.0), rel=0.05)
    assert found.trend == pytest.approx(p_variation_norm(trend, 2.0), rel=0.05 + 0.1 * share)
    assert found.predicted == pytest.approx(p_variation_norm(trend + noise, 2.0), rel=0.05)


@pytest.mark.parametrize("hurst", [0.2, 0.35, 0.65, 0.8])
def test_noise_has_the_hurst_exponent_that_was_given(hurst: float) -> None:
    depth = 512
    noise = depth**hurst * fractional(depth, 2, hurst)
    found = parts_of(smooth(depth, 2) + noise, hurst)
    assert found.noise == pytest.approx(p_variation_norm(noise, 2.0), rel=0.07)
    # White noise of the same third differences is another number.
    other = parts_of(smooth(depth, 2) + noise).noise
    assert abs(math.log(other / found.noise)) > 0.02


@pytest.mark.parametrize("width", [1, 2, 5, 100])
def test_the_factor_is_that_of_independent_layers(width: int) -> None:
    path = np.random.default_rng([7, width]).standard_normal((512, width))
    found = parts_of(path)
    size = path_statistics(path).NOISE
    assert found.factor == pytest.approx(found.noise**2 / (512 * size**2), rel=1e-12)
    others = np.random.default_rng([8, width]).standard_normal((4, 512, width))
    expected = np.mean([p_variation_norm(other, 2.0) ** 2 for other in others]) / (512 * width)
    assert found.factor == pytest.approx(expected, rel=0.15 if width < 5 else 0.05)
    assert width < 100 or found.factor == pytest.approx(2.0, rel=0.03)


def test_near_the_crossover_both_parts_are_needed() -> None:
    depth = round(true_crossover(0.2, 3))
    path = smooth(depth, 3) + 0.2 * white(depth, 3)
    found, whole = parts_of(path), path_statistics(path).P2
    assert found.trend == pytest.approx(found.noise, rel=0.15)
    assert found.predicted == pytest.approx(whole, rel=0.05)
    assert whole > 1.05 * max(found.trend, found.noise)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), unit=st.sampled_from([1e-6, 0.5, 1e6]))
def test_parts_have_the_unit_of_the_path(seed: int, unit: float) -> None:
    path = np.random.default_rng(seed).standard_normal((20, 2, 3))
    one, other = parts_of(path, 0.5, 4), parts_of(unit * path.reshape(20, 6), 0.5, 4)
    for name in ("trend", "noise", "predicted"):
        assert getattr(other, name) == pytest.approx(unit * getattr(one, name), rel=1e-9)
    assert other.factor == pytest.approx(one.factor, rel=1e-9)


def test_single_precision_is_enough() -> None:
    path = smooth(64, 4) + white(64, 4)
    one, other = parts_of(path), parts_of(path.astype(np.float32))
    assert other.noise == pytest.approx(one.noise, rel=1e-4)
    assert other.trend == pytest.approx(one.trend, rel=1e-4)


@pytest.mark.parametrize("depth", [16, 64, 256])
def test_a_curve_hides_its_noise(depth: int) -> None:
    path = smooth(depth, 5)
    found = parts_of(path)
    assert not found.visible and math.isnan(found.noise) and math.isnan(found.predicted)
    assert found.trend == p_variation_norm(path, 2.0)


@pytest.mark.parametrize("path", [np.zeros((16, 3)), np.ones((16, 3))], ids=["zero", "constant"])
@pytest.mark.filterwarnings("error")
def test_equal_layers_have_no_noise(path: np.ndarray) -> None:
    found = parts_of(path)
    assert found.trend == 0.0 and not found.visible and math.isnan(found.noise)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_three_layers_have_no_parts(depth: int) -> None:
    assert parts_of(white(depth, 0)) is UNKNOWN_PARTS


def test_the_shortest_path_has_parts() -> None:
    assert math.isfinite(parts_of(white(4, 0)).noise)


@pytest.mark.parametrize(
    ("hurst", "same"), [(math.nan, 0.5), (-1.0, ENDS_OF_H[0]), (3.0, ENDS_OF_H[1])]
)
def test_indices_that_no_noise_has_are_replaced(hurst: float, same: float) -> None:
    path = white(64, 6)
    assert parts_of(path, hurst) == parts_of(path, same)


# Simulated noise.


def test_simulated_noise_has_the_covariance_of_the_residuals() -> None:
    random = np.random.default_rng(1)
    residuals = random.standard_normal((200, 4)) @ random.standard_normal((4, 4))
    expected = residuals.T @ residuals / 200
    noise = np.concatenate([simulated_noise(residuals, 0.5, seed) for seed in range(60)])
    found = noise.T @ noise / len(noise)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.06 * np.abs(expected).max())


@pytest.mark.parametrize("hurst", [0.2, 0.5, 0.8])
def test_simulated_noise_is_fractional_along_the_layers(hurst: float) -> None:
    residuals = np.random.default_rng(2).standard_normal((64, 60))
    noise = np.stack([simulated_noise(residuals, hurst, seed) for seed in range(50)])
    size = np.square(noise).mean()
    lags = [(noise[:, k:] * noise[:, : 64 - k]).mean() / size for k in range(4)]
    np.testing.assert_allclose(lags, autocovariance(3, hurst), rtol=0, atol=0.03)


def test_deep_paths_mix_some_of_their_residuals() -> None:
    residuals = np.random.default_rng(3).standard_normal((4 * MOST_RESIDUALS, 3)) * [1.0, 2.0, 5.0]
    noise = simulated_noise(residuals, 0.5)
    assert noise.shape == residuals.shape
    np.testing.assert_allclose(noise.std(0), [1.0, 2.0, 5.0], rtol=0.2)
    assert np.array_equal(noise, simulated_noise(residuals, 0.5))
    assert not np.array_equal(noise, simulated_noise(residuals, 0.5, 1))


# The crossover depth.


@given(
    start=st.floats(0.1, 10),
    size=st.floats(0.001, 10),
    power=st.floats(0.2, 1),
    own=st.floats(-0.1, 0.1),
)
def test_powers_meet_where_they_are_equal(start, size, power, own) -> None:
    found = crossover_depth(DEPTHS, start * DEPTHS**own, size * DEPTHS ** (own + power))
    expected = (start / size) ** (1 / power)
    if expected < 0.99:
        assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    elif expected > 1.01:
        assert found.value == pytest.approx(expected, rel=1e-6)
        assert (found.low, found.high) == pytest.approx((expected, expected), rel=1e-4)


def on_a_grid(depths: np.ndarray, ratio: np.ndarray) -> tuple[float, float]:
    """Where the confidence band of the line holds 0, found point by point, log L from 0 to 60."""
    x, y = np.log(depths), np.log(ratio)
    line, freedom = stats.linregress(x, y), len(x) - 2
    t = stats.t.ppf(0.975, freedom)
    zero = -line.intercept / line.slope
    grid = np.union1d(np.linspace(-5, 65, 70001), zero + np.linspace(-0.2, 0.2, 20001))
    spread = np.square(x - x.mean()).sum()
    s = math.sqrt(np.square(y - line.intercept - line.slope * x).sum() / freedom)
    half = t * s * np.sqrt(1 / len(x) + np.square(grid - x.mean()) / spread)
    holds = np.abs(line.intercept + line.slope * grid) <= half
    side = y.mean() > 0
    certain = abs(line.slope) > t * line.stderr
    if certain and line.slope < 0:
        return (0.0, 0.0) if side else (math.inf, math.inf)
    if certain:
        ends = grid[holds][[0, -1]]
    elif abs(y.mean()) <= t * s / math.sqrt(len(x)):
        return 0.0, math.inf
    else:
        part = grid[holds & ((grid < x.mean()) == side)]
        inner = (part.max() if side else part.min()) if len(part) else (-1.0 if side else 61.0)
        ends = (-1.0, inner) if side else (inner, 61.0)
    return tuple(0.0 if e < 0 else math.inf if e > 60 else math.exp(e) for e in ends)  # type: ignore


@given(
    seed=st.integers(0, 2**31),
    count=st.integers(3, 7),
    slope=st.floats(-0.5, 1),
    height=st.floats(-2, 2),
    size=st.sampled_from([0.02, 0.1, 0.5]),
)
def test_the_interval_is_where_the_band_holds_zero(seed, count, slope, height, size) -> None:
    depths = DEPTHS[:count]
    x = np.log(depths)
    random = np.random.default_rng(seed)
    y = height + slope * (x - x.mean()) + size * random.standard_normal(count)
    trend = np.exp(random.standard_normal(count))
    found = crossover_depth(depths, trend, trend * np.exp(y))
    expected = on_a_grid(depths, np.exp(y))
    for ours, theirs in zip((found.low, found.high), expected, strict=True):
        if math.isfinite(theirs) and theirs > 1.01:
            assert math.log(ours) == pytest.approx(math.log(theirs), abs=3e-3)
        elif theirs > 1.01 and math.isfinite(ours):
            assert math.log(ours) > 59.9
        else:
            assert ours <= 1.02 if theirs <= 1.01 else math.isinf(ours)
    assert found.low <= found.value <= found.high


def test_all_shapes_of_the_interval_are_met() -> None:
    # The cases of the search above: bounded, open above, open below, open on both sides.
    random, met = np.random.default_rng(4), set()
    for size in (0.05, 0.5, 1.0) * 60:
        y = random.uniform(-2, 2) + random.uniform(-0.2, 0.5) * np.log(DEPTHS / 128)
        found = crossover_depth(
            DEPTHS, np.ones(7), np.exp(y + size * random.standard_normal(len(DEPTHS)))
        )
        met.add((found.low > 0, math.isfinite(found.high)))
    assert met == {(True, True), (True, False), (False, True), (False, False)}


def test_the_interval_covers_as_often_as_it_says() -> None:
    random, x = np.random.default_rng(5), np.log(DEPTHS)
    y = 0.5 * (x - np.log(200.0)) + 0.15 * random.standard_normal((1000, len(x)))
    found = [crossover_depth(DEPTHS, np.ones(7), np.exp(row)) for row in y]
    assert np.mean([one.low <= 200 <= one.high for one in found]) == pytest.approx(0.95, abs=0.03)


def test_missing_depths_are_left_out() -> None:
    trend, noise = np.full(7, 3.0), 0.2 * DEPTHS**0.5
    noise[[0, 3]] = np.nan
    trend[5] = np.nan
    assert crossover_depth(DEPTHS, trend, noise).value == pytest.approx(225.0)


def test_a_path_that_is_not_known_leaves_the_others() -> None:
    trend, noise = np.full(7, 3.0), 0.2 * DEPTHS**0.5
    trend[-1] = noise[-1] = np.nan
    assert crossover_depth(DEPTHS, trend, noise).value == pytest.approx(225.0)


def test_noise_hidden_at_the_deepest_depth_never_takes_over() -> None:
    trend, noise = np.full(7, 3.0), 0.2 * DEPTHS**0.5
    noise[-1] = np.nan
    found = crossover_depth(DEPTHS, trend, noise)
    assert (found.value, found.low, found.high) == (math.inf, math.inf, math.inf)


def test_two_depths_have_no_interval() -> None:
    found = crossover_depth(DEPTHS[:2], np.full(2, 3.0), 0.2 * DEPTHS[:2] ** 0.5)
    assert found.value == pytest.approx(225.0)
    assert math.isnan(found.low) and math.isnan(found.high)


@pytest.mark.parametrize("trend", [[3.0, np.nan, np.nan], [np.nan] * 3, [0.0, 1.0, 1.0]], ids=str)
def test_what_cannot_be_compared_is_unknown(trend) -> None:
    assert crossover_depth(DEPTHS[:3], np.array(trend), np.ones(3)) is UNKNOWN


@pytest.mark.parametrize(("ratio", "value"), [(2.0, 0.0), (0.5, math.inf)])
def test_a_ratio_that_does_not_grow_never_crosses(ratio: float, value: float) -> None:
    found = crossover_depth(DEPTHS, np.ones(7), np.full(7, ratio))
    assert (found.value, found.low, found.high) == (value, value, value)


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_the_crossover_of_a_known_mixture_is_in_its_interval(share: float) -> None:
    found = crossover_of(lambda n, s: smooth(n, s) + share * white(n, s), 1, 9)
    true = true_crossover(share, 1)
    assert found.low <= true <= found.high
    assert abs(math.log(found.value / true)) < 0.4


@pytest.mark.long
@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_the_crossover_is_in_its_interval_nine_times_in_ten(share: float) -> None:
    def path(n: int, s: int) -> np.ndarray:
        return smooth(n, s) + share * white(n, s)

    found = [(crossover_of(path, s), true_crossover(share, s)) for s in range(24)]
    assert sum(one.low <= true <= one.high for one, true in found) >= 21


@pytest.mark.parametrize("seed", range(2))
def test_noise_never_takes_over_a_curve(seed: int) -> None:
    found = crossover_of(smooth, seed)
    assert (found.value, found.low, found.high) == (math.inf, math.inf, math.inf)


@pytest.mark.parametrize("seed", range(2))
def test_white_noise_always_dominates(seed: int) -> None:
    found = crossover_of(white, seed, 9)
    assert found.value == 0.0 and found.high < 16


def test_noise_that_vanishes_with_the_depth_never_takes_over() -> None:
    assert crossover_of(lambda n, s: smooth(n, s) + white(n, s) / n, 1, 9).low == math.inf
