"""Weights at other depths: against loops, and as networks of nearly the same function."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resdepth.mathematics.refinement import (
    REFINEMENTS,
    deepened,
    every_second,
    interpolated,
    pair_means,
    repeated,
)
from tests.support.function_kinds import last_states, relu
from tests.support.synthetic import smooth, white

D = 10
BETAS = st.sampled_from([0.0, 0.5, 1.0, 0.3])


def path_of(seed: int, depth: int, shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
    return np.random.default_rng([seed, depth]).standard_normal((depth, *shape))


def line_through(blocks: np.ndarray, t: float) -> np.ndarray:
    """The path at t, linear between the centres (k + 1/2) / L; straight beyond both ends."""
    place = t * len(blocks) - 0.5
    k = min(max(int(np.floor(place)), 0), len(blocks) - 2)
    return blocks[k] + (place - k) * (blocks[k + 1] - blocks[k])


@given(seed=st.integers(0, 2**31), depth=st.integers(2, 12), beta=BETAS)
def test_each_is_its_definition(seed: int, depth: int, beta: float) -> None:
    """The scaled path L^beta A_k is that of the given one, at the centres of other layers."""
    blocks = path_of(seed, depth)
    scaled = depth**beta * blocks
    deep, shallow = (2 * depth) ** beta, (depth // 2) ** beta
    half = range(depth // 2)
    expected = {
        "repeat": [scaled[k // 2] for k in range(2 * depth)],
        "interpolate": [line_through(scaled, (k + 0.5) / (2 * depth)) for k in range(2 * depth)],
    }
    for name, layers in expected.items():
        np.testing.assert_allclose(deep * REFINEMENTS[name](blocks, beta), layers, atol=1e-12)
    if depth % 2 == 0:
        halved = {
            "pair-mean": [(scaled[2 * k] + scaled[2 * k + 1]) / 2 for k in half],
            "every-second": [scaled[2 * k] for k in half],
        }
        for name, layers in halved.items():
            found = shallow * REFINEMENTS[name](blocks, beta)
            np.testing.assert_allclose(found, layers, atol=1e-12)


@given(seed=st.integers(0, 2**31), depth=st.integers(1, 9), beta=BETAS)
def test_half_of_twice_is_the_path_itself(seed: int, depth: int, beta: float) -> None:
    blocks = path_of(seed, depth)
    for back in (pair_means, every_second):
        np.testing.assert_allclose(back(repeated(blocks, beta), beta), blocks, atol=1e-12)
    np.testing.assert_allclose(
        pair_means(interpolated(blocks, beta), beta)[1:-1],
        ((blocks[:-2] + 6 * blocks[1:-1] + blocks[2:]) / 8 if depth > 2 else blocks[1:-1]),
        atol=1e-12,
    )


@given(depth=st.integers(2, 12), slope=st.floats(-3, 3), start=st.floats(-3, 3))
def test_interpolation_keeps_straight_lines(depth: int, slope: float, start: float) -> None:
    def line(n: int) -> np.ndarray:
        return (start + slope * (np.arange(n) + 0.5) / n)[:, None, None]

    np.testing.assert_allclose(interpolated(line(depth), 0.0), line(2 * depth), atol=1e-12)


def test_one_layer_is_repeated_and_an_odd_one_left_out() -> None:
    np.testing.assert_array_equal(interpolated(path_of(0, 1), 0.5), repeated(path_of(0, 1), 0.5))
    blocks = path_of(0, 5)
    assert len(pair_means(blocks, 0.0)) == len(every_second(blocks, 0.0)) == 2
    np.testing.assert_array_equal(every_second(blocks, 0.0), blocks[[0, 2]])


@pytest.mark.parametrize("rule", ["repeat", "interpolate"])
@pytest.mark.parametrize("doublings", [0, 1, 3])
def test_deepened_doubles_as_often_as_needed(rule: str, doublings: int) -> None:
    blocks = path_of(1, 3)
    expected = blocks
    for _ in range(doublings):
        expected = REFINEMENTS[rule](expected, 0.5)
    found = deepened(blocks, 3 << doublings, rule, 0.5)
    np.testing.assert_array_equal(found, expected)
    assert len(found) == 3 << doublings


@pytest.mark.parametrize("depth", [0, 1, 2, 4, 5, 7, 9, 18])
def test_other_depths_are_refused(depth: int) -> None:
    with pytest.raises(ValueError, match=f"^{depth} is not 3 times a power of two"):
        deepened(path_of(1, 3), depth, "repeat", 0.0)


# Networks h' = h + L^(-1) sigma(A_k h): beta is 0.


def changes(path, sigma, name: str, depths=(64, 128, 256, 512)) -> np.ndarray:
    """Relative change of the last hidden state by a refinement, at each depth."""
    h0 = np.random.default_rng(5).standard_normal((20, D))
    found = []
    for depth in depths:
        blocks = path(depth, 3).reshape(depth, D, D) / np.sqrt(D)
        state = last_states(blocks[None], h0, 1.0, sigma)
        other = last_states(REFINEMENTS[name](blocks, 0.0)[None], h0, 1.0, sigma)
        found.append(np.linalg.norm(other - state) / np.linalg.norm(state - h0))
    return np.array(found)


def slope(values: np.ndarray) -> float:
    return float(np.polyfit(np.log(2) * np.arange(len(values)), np.log(values), 1)[0])


@pytest.mark.parametrize("path", [white, smooth], ids=["white", "smooth"])
def test_repeating_leaves_the_function_whatever_the_weights(path) -> None:
    found = changes(path, relu, "repeat")
    assert slope(found) == pytest.approx(-1.0, abs=0.15)
    assert found[-1] < 0.01


@pytest.mark.parametrize("name", REFINEMENTS)
def test_a_curve_has_one_function_at_all_depths(name: str) -> None:
    assert slope(changes(smooth, np.tanh, name)) == pytest.approx(-1.0, abs=0.1)


def test_interpolating_noise_changes_the_function() -> None:
    found = changes(white, relu, "interpolate")
    assert found.min() > 0.05 and slope(found) > -0.3
