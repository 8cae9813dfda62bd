"""Rates and the update, against the recursion written out."""

import math

import pytest

from resdepth.engine.loop import DynamicRate, Rate, scheduled
from resdepth.options.train import TrainOptions
from resdepth.training.networks import rate_rule

NORMS = [3.0, 0.5, 7.0, 0.0, 2.5]


def rates(rule: DynamicRate, first: float) -> list[float]:
    found, rate = [], first
    for norm in NORMS:
        rate = rule.next(rate, norm)
        found.append(rate)
    return found


def test_recursive() -> None:
    # C = 2, eta(0) = 9, eta_max = 20: 2*9/9 = 2, 2*2/0.25 = 16, 32/49, zero variation, 40/6.25.
    wanted = [2.0, 16.0, 32.0 / 49.0, 20.0, 6.4]
    assert rates(DynamicRate(9.0, 2.0, 20.0, anchored=False), 9.0) == pytest.approx(wanted)


def test_anchored() -> None:
    wanted = [2.0, 20.0, 18.0 / 49.0, 20.0, 18.0 / 6.25]
    assert rates(DynamicRate(9.0, 2.0, 20.0, anchored=True), 9.0) == pytest.approx(wanted)


def test_constant() -> None:
    assert Rate().next(3.5, 100.0) == 3.5


@pytest.mark.parametrize(("norm", "wanted"), [(1e-200, 5.0), (1e200, 0.0), (math.inf, 0.0)])
def test_extreme_norms(norm: float, wanted: float) -> None:
    assert DynamicRate(5.0, 2.0, 5.0, anchored=False).next(5.0, norm) == wanted


@pytest.mark.parametrize(
    ("activation", "constant"),
    [("relu", 10.0), ("tanh", 2.0), ("elu", 2.0), ("gelu", 2.0), ("sigmoid", 2.0)],
)
def test_constant_follows_the_activation(activation: str, constant: float) -> None:
    options = TrainOptions(dynamic_lr=True, lr=4.0, activation=activation)
    rule = rate_rule(options.learning_rate, options.network)
    assert rule == DynamicRate(4.0, constant, 4.0, anchored=False)


def test_options_of_the_rule() -> None:
    options = TrainOptions(
        dynamic_lr=True, lr=4.0, lr_constant=0.5, lr_max=8.0, dynamic_lr_rule="anchored"
    )
    rule = rate_rule(options.learning_rate, options.network)
    assert rule == DynamicRate(4.0, 0.5, 8.0, anchored=True)
    assert rate_rule(TrainOptions(lr=4.0).learning_rate, options.network) == Rate()


@pytest.mark.parametrize("name", ["constant", "cosine", "step"])
def test_warmup_rises_in_equal_steps(name: str) -> None:
    rates = [scheduled(name, 2.0, step, 100, warmup=4) for step in range(4)]
    assert rates == [0.5, 1.0, 1.5, 2.0]


@pytest.mark.parametrize("step", [0, 3, 49, 99])
def test_a_constant_schedule(step: int) -> None:
    assert scheduled("constant", 0.3, step, 100) == 0.3


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 2.0), (25, 1.0 + math.sqrt(0.5)), (50, 1.0), (100, 0.0)]
)
def test_cosine(step: int, expected: float) -> None:
    assert scheduled("cosine", 2.0, step, 100) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("step", "expected"), [(20, 2.0), (40, 1.0 + math.sqrt(0.5)), (60, 1.0), (100, 0.0)]
)
def test_cosine_falls_from_the_end_of_the_warmup(step: int, expected: float) -> None:
    found = scheduled("cosine", 2.0, step, 100, warmup=20)
    assert found == pytest.approx(expected, abs=1e-15)


def test_a_warmup_may_be_all_there_is() -> None:
    assert scheduled("cosine", 2.0, 9, 10, warmup=10) == 2.0
    assert scheduled("cosine", 2.0, 10, 10, warmup=10) == 2.0


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 2.0), (49, 2.0), (50, 0.2), (74, 0.2), (75, 0.02), (99, 0.02)]
)
def test_step(step: int, expected: float) -> None:
    assert scheduled("step", 2.0, step, 100) == pytest.approx(expected, rel=1e-15)
