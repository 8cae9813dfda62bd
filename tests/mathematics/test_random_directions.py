"""Directions against plain loops over blocks and rows."""

import numpy as np
import pytest

from resdepth.mathematics.random_directions import axis, draw, normalise, ratios_and_cosines


@pytest.fixture
def blocks():
    return (
        np.random.default_rng(1).standard_normal((5, 4, 4))
        * np.geomspace(1e-6, 1e3, 5)[:, None, None]
    )


def test_the_draw_is_the_documented_one() -> None:
    expected = np.random.default_rng(7).standard_normal((2, 3, 4, 4))
    np.testing.assert_array_equal(draw(7, 2, (3, 4, 4)), expected)


def test_filter_rows_have_the_norms_of_the_rows(blocks) -> None:
    directions = normalise(draw(0, 2, blocks.shape), blocks, "filter")
    for direction in directions:
        for k in range(5):
            for row in range(4):
                wanted = np.linalg.norm(blocks[k, row])
                assert np.linalg.norm(direction[k, row]) == pytest.approx(wanted, rel=1e-14)


def test_layer_blocks_have_the_norms_of_the_blocks(blocks) -> None:
    directions = normalise(draw(0, 2, blocks.shape), blocks, "layer")
    for direction in directions:
        for k in range(5):
            wanted = np.linalg.norm(blocks[k])
            assert np.linalg.norm(direction[k]) == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("normalisation", ["filter", "layer"])
def test_scaling_keeps_the_direction(blocks, normalisation) -> None:
    drawn = draw(3, 1, blocks.shape)
    ratio = normalise(drawn, blocks, normalisation) / drawn
    axes = (-1,) if normalisation == "filter" else (-2, -1)
    np.testing.assert_allclose(ratio.max(axes), ratio.min(axes), rtol=1e-14)
    assert (ratio > 0).all()


def test_none_leaves_the_draw_alone(blocks) -> None:
    drawn = draw(3, 2, blocks.shape)
    np.testing.assert_array_equal(normalise(drawn, blocks, "none"), drawn)


def test_zero_rows_and_blocks_give_zero_directions(blocks) -> None:
    blocks[2, 1] = 0.0
    blocks[4] = 0.0
    by_filter = normalise(draw(0, 1, blocks.shape), blocks, "filter")[0]
    by_layer = normalise(draw(0, 1, blocks.shape), blocks, "layer")[0]
    assert not by_filter[2, 1].any() and by_filter[2, 0].any()
    assert not by_layer[4].any() and by_layer[2, 1].any()


@pytest.mark.parametrize("normalisation", ["filter", "layer"])
def test_a_kernel_has_its_filters_on_its_first_axis(normalisation) -> None:
    kernel = np.random.default_rng(2).standard_normal((6, 3, 2, 2))
    (direction,) = normalise(draw(0, 1, kernel.shape), kernel, normalisation, stacked=0)
    axes = (1, 2, 3) if normalisation == "filter" else None
    wanted = np.sqrt((kernel**2).sum(axis=axes))
    np.testing.assert_allclose(np.sqrt((direction**2).sum(axis=axes)), wanted, rtol=1e-14)


@pytest.mark.parametrize("span", [1.0, 0.3, 0.7, 1e-5, 12.3, 1e-8])
@pytest.mark.parametrize("steps", [1, 2, 7, 51, 100, 101])
def test_axis_is_linspace_with_an_exact_middle(span: float, steps: int) -> None:
    values = axis(span, steps)
    expected = np.linspace(-span, span, steps) if steps > 1 else [0.0]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-15 * span)
    assert steps % 2 == 0 or values[steps // 2] == 0.0


@pytest.mark.parametrize(
    ("span", "steps", "middle"), [(0.7, 8, 0.5), (1.1, 12, 0.9), (0.9, 7, 0.6)]
)
def test_axis_meets_the_ends_of_a_line_to_the_bit(span: float, steps: int, middle: float) -> None:
    values = axis(span, steps, middle)
    expected = np.linspace(middle - span, middle + span, steps)
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-15)
    near = np.round(expected, 9)
    assert {0.0, 1.0} & set(near)
    np.testing.assert_array_equal(np.isin(values, [0.0, 1.0]), np.isin(near, [0.0, 1.0]))


def test_ratios_and_cosines_are_those_of_vectors() -> None:
    random = np.random.default_rng(5)
    directions, weights = random.standard_normal((3, 20)), random.standard_normal(20)
    directions[2] = 0.0
    ratios, cosines = ratios_and_cosines(directions, weights)
    lengths = [np.sqrt(sum(x * x for x in row)) for row in directions]
    np.testing.assert_allclose(ratios, lengths / np.sqrt(sum(x * x for x in weights)), rtol=1e-14)
    between = sum(a * b for a, b in zip(*directions[:2], strict=True)) / (lengths[0] * lengths[1])
    # A direction that is 0 has no angle.
    expected = [[1.0, between, 0.0], [between, 1.0, 0.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(cosines, expected, rtol=1e-13, atol=1e-15)
    assert ratios_and_cosines(directions, np.zeros(20))[0].tolist() == [np.inf] * 3
