"""The face of pvar against brute force over all partitions."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from resdepth.mathematics.pvariation import (
    critical_exponent,
    distances_by_blocks,
    p_variation_norm,
    p_variation_norms,
    p_variation_norms_from_distances,
    weight_path,
)


def brute_force(path, p: float) -> float:
    """V_p^(1/p) by trying every partition."""
    best, inner = 0.0, range(1, len(path) - 1)
    for size in range(len(path) - 1):
        for chosen in combinations(inner, size):
            points = path[[0, *chosen, len(path) - 1]]
            best = max(best, float(np.sum(np.linalg.norm(np.diff(points, axis=0), axis=1) ** p)))
    return best ** (1 / p)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dimension", [1, 4])
def test_norm_is_the_supremum_over_partitions(seed: int, dimension: int) -> None:
    path = np.random.default_rng(seed).standard_normal((9, dimension)).cumsum(0)
    exponents = [1.0, 1.5, 2.0, 3.0]
    expected = [brute_force(path, p) for p in exponents]
    np.testing.assert_allclose(p_variation_norms(path, exponents), expected, rtol=1e-12)
    np.testing.assert_allclose([p_variation_norm(path, p) for p in exponents], expected, rtol=1e-12)


def test_path_is_scaled_and_flattened() -> None:
    blocks = np.random.default_rng(0).standard_normal((6, 3, 3)).astype(np.float32)
    path = weight_path(blocks, 0.25)
    assert path.dtype == np.float64
    np.testing.assert_allclose(path, 6**0.25 * blocks.reshape(6, 9).astype(np.float64), rtol=1e-15)


def test_one_layer_has_no_variation() -> None:
    assert p_variation_norm(weight_path(np.ones((1, 2, 2)), 0.5), 2.0) == 0.0


@pytest.mark.parametrize("dimension", [1, 7])
def test_distances_alone_tell_the_norms(dimension: int) -> None:
    path = np.random.default_rng(dimension).standard_normal((8, dimension)).cumsum(0)
    distances = distances_by_blocks(lambda start, stop: path[:, start:stop], path.shape)
    np.testing.assert_allclose(distances, cdist(path, path), rtol=1e-13)
    exponents = [1.0, 1.5, 2.0, 3.0]
    expected = [brute_force(path, p) for p in exponents]
    found = p_variation_norms_from_distances(distances, exponents)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(("power", "expected"), [(1.0, 1.0), (0.5, 2.0)])
def test_the_critical_exponent_is_one_over_the_roughness(power: float, expected: float) -> None:
    # Points on a line, and steps of equal size into directions of their own: squares add up.
    steps = np.ones((512, 1)) if power == 1.0 else np.eye(512)
    found = critical_exponent(steps.cumsum(0))
    assert found is not None and found.value == pytest.approx(expected, rel=1e-9)
    assert found.standard_error == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("path", [np.arange(256.0)[:, None], np.ones((300, 2))])
def test_what_is_short_or_rests_has_no_critical_exponent(path: np.ndarray) -> None:
    assert critical_exponent(path) is None
    assert critical_exponent(np.arange(257.0)[:, None]) is not None
