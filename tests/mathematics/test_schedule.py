"""Rates as functions of the step."""

import math

import pytest

from resdepth.mathematics.schedule import scheduled


@pytest.mark.parametrize("name", ["constant", "cosine", "step"])
def test_warmup_rises_in_equal_steps(name: str) -> None:
    rates = [scheduled(name, 2.0, step, 100, warmup=4) for step in range(4)]
    assert rates == [0.5, 1.0, 1.5, 2.0]


@pytest.mark.parametrize("step", [0, 3, 49, 99])
def test_constant(step: int) -> None:
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
