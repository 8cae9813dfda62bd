"""Masked entries are refused wherever numbers come from Python."""

from collections.abc import Callable

import numpy as np
import pytest

import resdepth
from resdepth.mathematics.decay_fit import fit_decay, window_filter
from resdepth.mathematics.pvariation import critical_exponent, weight_path

CURVE = np.array([4.0, 2.0, 1e20, 1.0, 0.5])
TIMES = np.arange(1.0, 6.0)
HIDDEN = CURVE == 1e20

CALLS: dict[str, Callable[[np.ndarray], object]] = {
    "norm": lambda values: resdepth.p_variation_norm(values[:, None], 2.0),
    "norms": lambda values: resdepth.p_variation_norms(values[:, None], [2.0, 1.0]),
    "critical exponent": lambda values: critical_exponent(values[:, None]),
    "weights": lambda values: weight_path(values[:, None, None], 0.25),
    "curve": lambda values: fit_decay(TIMES, values, 1.0),
    "times": lambda values: fit_decay(np.ma.array(TIMES, mask=np.ma.getmask(values)), CURVE, 1.0),
    "window": lambda values: window_filter(values, 3),
}


@pytest.mark.parametrize("call", CALLS)
def test_masked_entries_are_refused(call: str) -> None:
    with pytest.raises(ValueError, match="has 1 masked entries: fill them or leave them out"):
        CALLS[call](np.ma.array(CURVE, mask=HIDDEN))


@pytest.mark.parametrize("call", CALLS)
def test_a_mask_that_hides_nothing_is_no_obstacle(call: str) -> None:
    CALLS[call](np.ma.array(CURVE, mask=np.zeros(5, dtype=bool)))


def test_the_numbers_are_those_of_the_plain_array() -> None:
    path = CURVE[:, None]
    assert resdepth.p_variation_norm(np.ma.array(path), 2.0) == resdepth.p_variation_norm(path, 2.0)
