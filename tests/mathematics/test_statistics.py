"""Statistics of a path against their definitions, written out in float64."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resdepth.mathematics import statistics
from resdepth.mathematics.pvariation import p_variation_norm
from resdepth.mathematics.statistics import (
    doubling_distance,
    path_statistics,
    trend,
)


def white(seed: int, depth: int, *width: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((depth, *width))


def by_definition(path: np.ndarray) -> dict[str, float]:
    """The table of the docstring, term for term."""
    flat = path.reshape(len(path), -1).astype(np.float64)
    n = np.linalg.norm(flat, axis=1)
    steps = np.linalg.norm(flat[1:] - flat[:-1], axis=1)
    third = flat[3:] - 3 * flat[2:-1] + 3 * flat[1:-2] - flat[:-3]
    sums = np.concatenate([np.zeros((1, flat.shape[1])), np.cumsum(flat, axis=0)])
    means = []
    for m in (1, 2, 4):
        terms = [
            sums[k + 3 * m] - 3 * sums[k + 2 * m] + 3 * sums[k + m] - sums[k]
            for k in range(len(flat) + 1 - 3 * m)
        ]
        means.append(np.mean([term @ term for term in terms]))
    return {
        "RMS": math.sqrt(np.mean(n**2)),
        "M": n.max(),
        "R": math.sqrt(np.sum(n**2)),
        "I": steps.max(),
        "V1": steps.sum(),
        "P2": p_variation_norm(flat, 2.0),
        "PR": np.sum(n**2) ** 2 / (len(n) * np.sum(n**4)),
        "NOISE": math.sqrt(np.mean(np.sum(third**2, axis=1)) / 20),
        "H": np.polyfit(np.log([1, 2, 4]), np.log(means), 1)[0] / 2,
    }


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    depth=st.integers(12, 40),
    width=st.integers(1, 4),
    single=st.booleans(),
    chunk=st.sampled_from([1, 50, 1 << 20]),
)
def test_every_statistic_is_its_definition(seed, depth, width, single, chunk) -> None:
    path = white(seed, depth, width, width) + np.linspace(0, 3, depth)[:, None, None]
    path = path.astype(np.float32 if single else np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "CHUNK", chunk)
        found = path_statistics(path)
    assert found.depth == depth
    expected = by_definition(path)
    assert set(expected) == set(statistics.STATISTICS)
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-6 if single else 1e-10), name


def test_a_spike_participates_alone() -> None:
    path = np.zeros((50, 3))
    path[7] = (0.0, 3.0, 4.0)
    found = path_statistics(path)
    assert (found.M, found.I, found.V1) == (5.0, 5.0, 10.0)
    assert pytest.approx(1 / 50) == found.PR
    assert pytest.approx(math.sqrt(50)) == found.P2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("depth", range(1, 13))
def test_short_paths_leave_out_what_they_cannot_tell(depth: int) -> None:
    found = path_statistics(white(0, depth, 2))
    assert math.isnan(found.NOISE) == (depth < 4)
    assert math.isnan(found.H) == (depth < 12)
    assert (found.V1 == found.I == 0.0) == (depth == 1)
    assert 1 / depth <= found.PR * (1 + 1e-12) <= 1 + 1e-12


def test_a_path_of_zeros_has_no_participation_and_no_roughness() -> None:
    found = path_statistics(np.zeros((20, 3)))
    assert (found.RMS, found.V1, found.NOISE) == (0.0, 0.0, 0.0)
    assert math.isnan(found.PR) and math.isnan(found.H)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_is_no_roughness(dtype) -> None:
    line = (1.0 + np.linspace(0, 1e-3, 300)[:, None] * np.ones(2)).astype(dtype)
    assert math.isnan(path_statistics(np.full((300, 2), 0.1, dtype)).H)
    assert math.isnan(path_statistics(line).H)


def test_noise_sees_white_layers_beside_a_trend() -> None:
    slope = np.sin(np.linspace(0, 3, 2000))[:, None]
    found = path_statistics(5.0 * slope + 0.1 * white(1, 2000, 50))
    assert pytest.approx(0.1 * math.sqrt(50), rel=0.02) == found.NOISE


@pytest.mark.parametrize("depth", [1, 2, 19, 20, 101])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_trend_is_the_centred_mean(depth: int, share: float) -> None:
    path = white(depth, depth, 2, 3)
    reach = int(share * depth / 2)
    for k, row in enumerate(trend(path, share)):
        near = min(reach, k, depth - 1 - k)
        np.testing.assert_allclose(row, path[k - near : k + near + 1].mean(0), atol=1e-12)


def test_a_line_is_its_own_trend() -> None:
    line = np.linspace(-1, 5, 77)[:, None] * np.array([1.0, -2.0])
    np.testing.assert_allclose(trend(line), line, atol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_distance_of_a_refined_path_falls(beta: float) -> None:
    def smooth(depth: int) -> np.ndarray:
        k = np.arange(depth)[:, None]
        return depth**-beta * (np.sin(k / depth) + 1 + 1 / depth)

    distances = [doubling_distance(smooth(n), smooth(2 * n), beta) for n in (50, 100)]
    assert distances[0] == pytest.approx(2 * distances[1], rel=0.05) and distances[0] < 0.02


def test_distance_is_its_definition() -> None:
    coarse, fine = white(1, 9, 2, 2), white(2, 18, 2, 2)
    expected = np.linalg.norm(18**0.7 * fine[::2] - 9**0.7 * coarse) / np.linalg.norm(
        9**0.7 * coarse
    )
    assert doubling_distance(coarse, fine, 0.7) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="twice the depth"):
        doubling_distance(coarse, fine[:-1], 0.7)
