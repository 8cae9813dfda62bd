"""The face of pvar against brute force over all partitions."""

from itertools import combinations

import numpy as np
import pytest

from resdepth.mathematics.pvariation import p_variation_norm, p_variation_norms, weight_path


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
