"""The plane of a path against a full singular value decomposition of its points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resdepth.mathematics.plane import path_plane


def path(points: int, size: int, seed: int) -> np.ndarray:
    """A curve that bends into several directions, with noise on it."""
    random = np.random.default_rng(seed)
    t = np.linspace(0, 1, points)[:, None]
    ways = random.standard_normal((3, size)) * [[5.0], [2.0], [0.5]]
    return (
        t * ways[0]
        + t**2 * ways[1]
        + np.sin(5 * t) * ways[2]
        + 0.05 * random.standard_normal((points, size))
    )


def slabs(points: np.ndarray, width: int):
    return lambda: (points[:, i : i + width] for i in range(0, points.shape[1], width))


@settings(deadline=None, max_examples=40)
@given(
    points=st.integers(3, 30),
    size=st.integers(3, 60),
    seed=st.integers(0, 2**32 - 1),
    width=st.integers(1, 60),
    centred=st.booleans(),
)
def test_it_is_that_of_the_singular_vectors(points, size, seed, width, centred) -> None:
    theta = path(points, size, seed)
    found = path_plane(slabs(theta, width), centred)
    moved = theta - (theta.mean(axis=0) if centred else theta[-1])
    _, values, rows = np.linalg.svd(moved, full_matrices=False)
    scale = np.linalg.norm(moved)
    np.testing.assert_allclose(found.explained, (values**2 / scale**2)[:2], atol=1e-10)
    seen = theta - theta[-1]
    for direction, row, coordinate in zip(
        found.directions, rows, found.coordinates.T, strict=False
    ):
        sign = np.sign(direction @ row)
        np.testing.assert_allclose(direction, sign * row, atol=1e-10)
        np.testing.assert_allclose(coordinate, sign * (seen @ row), atol=1e-10 * scale)
        assert coordinate[0] >= 0
    left = seen - seen @ rows[:2].T @ rows[:2]
    np.testing.assert_allclose(found.distance, np.linalg.norm(left, axis=1), atol=1e-10 * scale)
    np.testing.assert_array_equal(found.coordinates[-1], 0.0)
    assert not found.collinear


def test_a_path_in_a_plane_is_explained_and_not_off_it() -> None:
    theta = path(9, 40, 1)
    rows = np.linalg.svd(theta - theta.mean(axis=0), full_matrices=False)[2][:2]
    flat = 7.0 + (theta @ rows.T) @ rows
    found = path_plane(slabs(flat, 11))
    assert found.explained.sum() == pytest.approx(1.0, abs=1e-14)
    assert found.distance.max() < 1e-13 * np.linalg.norm(flat)


def test_a_straight_path_says_so() -> None:
    theta = np.linspace(0, 1, 7)[:, None] * path(1, 20, 2) + 3.0
    found = path_plane(slabs(theta, 20))
    assert found.collinear and np.isfinite(found.directions).all()


def test_the_mean_is_taken_off_unless_it_is_said() -> None:
    theta = path(8, 12, 3)
    found = path_plane(slabs(theta, 5))
    assert found.centred and not path_plane(slabs(theta, 5), centred=False).centred
    np.testing.assert_array_equal(found.directions, path_plane(slabs(theta, 5), True).directions)


@pytest.mark.parametrize("theta", [np.ones((5, 4)), np.eye(2)])
def test_no_path_is_refused(theta: np.ndarray) -> None:
    with pytest.raises(ValueError, match="three points"):
        path_plane(slabs(theta, 3))


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("points", [3, 7, 30])
def test_the_rounding_of_the_mean_is_no_path(points: int, centred: bool) -> None:
    still = np.tile(np.random.default_rng(points).standard_normal(50), (points, 1))
    with pytest.raises(ValueError, match="differ"):
        path_plane(lambda: [still], centred)
