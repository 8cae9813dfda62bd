"""What the picture of the critical scaling draws is its table, and the limit of its network."""

import numpy as np
import pytest

from resdepth.figures.critical import draw_critical
from resdepth.mathematics.critical import CriticalScaling, CriticalTable
from resdepth.mathematics.interval import Interval
from tests.support.artists import bars, curves, same

LIMITS = {
    ("skip", "relu"): ("$1$", lambda h: np.ones_like(h)),
    ("skip", "tanh"): (r"$\max(\frac{1}{2}, H)$", lambda h: np.maximum(0.5, h)),
    ("res3", "relu"): (r"$\max(\frac{1}{2}, H)$", lambda h: np.maximum(0.5, h)),
    ("res3", "tanh"): (r"$\max(\frac{1}{2}, 2H-1)$", lambda h: np.maximum(0.5, 2 * h - 1)),
}


@pytest.mark.parametrize(("structure", "activation"), LIMITS)
def test_estimates_stand_beside_the_limit(structure: str, activation: str) -> None:
    # The two sides of an interval are of different lengths: none stands for the other.
    rows = [(0.25, 0.5, 0.4375, 0.625), (0.5, 0.53125, 0.5, 0.5625), (0.75, 0.75, 0.625, 0.8125)]
    estimates = tuple(CriticalScaling(h, Interval(*beta), 0.02, 0.0) for h, *beta in rows)
    table = CriticalTable(structure, activation, 20, (64, 1024), 24, 0, estimates)
    (axes,) = draw_critical(table).axes
    line, dots = curves(axes)[:2]
    named, limit = LIMITS[structure, activation]
    np.testing.assert_allclose(line[1], limit(line[0]))
    assert (line[0].min(), line[0].max()) == (0.0, 1.0)
    assert axes.lines[0].get_label().endswith(named)
    same(dots, [h for h, *_ in rows], [value for _, value, _, _ in rows])
    np.testing.assert_array_equal(bars(axes)[0], [(h, low, high) for h, _, low, high in rows])
