"""Streams of random numbers are functions of the seed and their name alone."""

import numpy as np
import pytest

from resdepth.mathematics.random import STREAMS, permutation, stream


def test_streams_repeat() -> None:
    for name in STREAMS:
        first, second = (stream(5, name).standard_normal(4) for _ in range(2))
        assert np.array_equal(first, second)


def test_streams_differ_from_one_another() -> None:
    firsts = {float(stream(seed, name).random()) for seed in (0, 1) for name in STREAMS}
    assert len(firsts) == 2 * len(STREAMS)


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_permutation_of_an_epoch(seed: int) -> None:
    order = permutation(seed, 3, 100)
    assert sorted(order.tolist()) == list(range(100))
    # Whatever was drawn in between.
    permutation(seed, 0, 50)
    assert np.array_equal(order, permutation(seed, 3, 100))
    assert not np.array_equal(order, permutation(seed, 4, 100))
    assert not np.array_equal(order, permutation(seed + 1, 3, 100))
