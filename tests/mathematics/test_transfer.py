"""Bowls of the loss against the rate: optima, censoring, exponents, verdicts."""

import math
from dataclasses import replace

import numpy as np
import pytest

from resdepth.mathematics.transfer import RateCurve, transfer
from tests.support.rate_bowls import Design


def curve(depth: int, values: object, rates: object = (1, 2, 4, 8, 16)) -> RateCurve:
    found = np.atleast_2d(np.array(values, dtype=float))
    seeds = tuple(range(len(found)))
    return RateCurve(depth, np.array(rates, dtype=float), seeds, found, np.isinf(found))


def parabola(depth: int, best: float, seeds: int = 3) -> RateCurve:
    x = np.arange(5.0) - math.log2(best)
    return curve(depth, [1 + 0.1 * x**2 + 0.01 * seed for seed in range(seeds)])


def test_a_parabola_has_its_vertex() -> None:
    found = transfer([parabola(depth, 5.0) for depth in (4, 8, 16)])
    for one in found.depths:
        assert one.best.value == pytest.approx(5.0) and one.loss == pytest.approx(1.01)
        assert one.transferred_loss == pytest.approx(one.loss)
    assert found.exponent.value == pytest.approx(0.0, abs=1e-9)
    assert found.verdict == "transfers"


@pytest.mark.parametrize(("exponent", "verdict"), [(0.0, "drifts"), (0.5, "transfers")])
def test_the_expected_exponent_can_be_given(exponent: float, verdict: str) -> None:
    curves = [parabola(depth, 2.5 * (depth / 4) ** 0.5) for depth in (4, 8, 16, 32)]
    found = transfer(curves, exponent)
    assert found.exponent.value == pytest.approx(0.5) and found.verdict == verdict
    if verdict == "drifts":
        assert "multiply the rate by 1.41 for each doubling" in found.sentence


def test_an_optimum_at_the_end_is_censored_and_no_part_of_the_exponent() -> None:
    curves = [curve(4, [[1, 2, 3, 4, 5]] * 2), parabola(8, 4), parabola(16, 4)]
    found = transfer([*curves, curve(32, [[5, 4, 3, 2, 1]] * 2)])
    assert [one.censored for one in found.depths] == ["low", "", "", "high"]
    assert found.exponent.value == pytest.approx(0.0, abs=1e-9) and found.verdict == "undecided"
    assert "smaller rates at L = 4 and larger rates at L = 32" in found.sentence


def test_runs_that_diverge_above_the_best_rate_bracket_it() -> None:
    inf = math.inf
    found = transfer([curve(d, [[4, 3, 2, inf, inf], [4, 3, 2, 5, inf]]) for d in (4, 8, 16)])
    (one, *_) = found.depths
    assert (one.best.value, one.best.low, one.best.high, one.censored) == (4, 2, 8, "")
    assert one.curve.stable == 4 and found.exponent.value == pytest.approx(0)
    assert not found.exponent.within(-0.05, 0.05)  # the grid's step is part of the interval


def test_one_run_that_diverges_by_chance_does_not_hide_the_bowl() -> None:
    curves = [parabola(depth, 5.0) for depth in (4, 8, 16)]
    values = curves[0].values.copy()
    values[1, 2] = math.inf
    found = transfer([curve(4, values), *curves[1:]])
    assert found.depths[0].best.value == pytest.approx(5.0)


def test_failures_everywhere_leave_nothing() -> None:
    found = transfer([curve(depth, [[math.inf] * 5] * 2) for depth in (4, 8)])
    assert found.verdict == "undecided" and math.isnan(found.exponent.value)


DESIGNS = {
    "default": Design(),
    "little noise": Design(noise=0.005, shift=0.05, jitter=0.0),
    "exponential, little noise": Design(noise=0.005, shift=0.05, jitter=0.0, shape="exponential"),
    "missing rows": Design(missing=0.05),
    "grid ends": Design(octaves=(-6.0, 1.5)),
}


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("exponent", [0.0, 0.05, 0.25, -1.0])
def test_error_rates(name: str, exponent: float) -> None:
    random, design = np.random.default_rng(1), replace(DESIGNS[name], exponent=exponent)
    found = [transfer(design.curves(random)) for _ in range(20)]
    right = "transfers" if exponent < 0.1 and exponent >= 0 else "drifts"
    covered = [one.exponent.low <= exponent <= one.exponent.high for one in found]
    assert sum(covered) >= 18
    if exponent != 0.05:
        assert all(one.verdict in (right, "undecided") for one in found)
        if name != "grid ends":
            assert sum(one.verdict == right for one in found) >= 19
