"""The rules by their borders, and what few depths and seeds cost."""

import numpy as np
import pytest

from resdepth.mathematics.exponents import Table
from resdepth.mathematics.interval import UNKNOWN, Interval
from resdepth.mathematics.statistics import STATISTICS
from resdepth.mathematics.verdict import ENOUGH, Decision, counted, few, rule

PLAIN = {"pr": (-0.1, 0.1), "q1": (0.4, 0.6), "irel": (-0.6, -0.4)}
PLAIN |= {"nu": (0.45, 0.55), "hurst": (0.45, 0.55), "rho": (0.45, 0.55), "beta": (0.0, 0.0)}
STILL = {"q1": (-0.1, 0.1), "irel": (-0.9, -0.7)}
WIDE = "rough, but the interval of nu or H is too wide"
BOTH = "the intervals allow smooth and rough paths"


def decided(changed: dict[str, tuple[float, float] | None], noise_seen: bool) -> Decision:
    intervals = {
        name: UNKNOWN if ends is None else Interval(sum(ends) / 2, *ends)
        for name, ends in (PLAIN | changed).items()
    }
    return rule(intervals, noise_seen)


@pytest.mark.parametrize("noise_seen", [False, True])
@pytest.mark.parametrize(
    ("changed", "verdict", "reason"),
    [
        ({}, "diffusive", "diffusive: independent noise of size L^(-1/2)"),
        # Layers that dominate.
        ({"pr": (-0.9, -0.41)}, "other", "sparse: a few layers dominate"),
        ({"pr": (-0.9, -0.39)}, "undecided", "a few layers may dominate"),
        ({"pr": (-0.41, -0.1)}, "undecided", "a few layers may dominate"),
        ({"pr": (-0.39, 0.1)}, "diffusive", "diffusive"),
        # V1 grows, also if the increments vanish.
        ({"q1": (0.11, 0.6)}, "diffusive", "diffusive"),
        ({"q1": (0.11, 0.24), "irel": (-0.49, -0.1)}, "diffusive", "diffusive"),
        ({"q1": (0.11, 0.26), "irel": (-0.9, -0.7)}, "diffusive", "diffusive"),
        # Of which size and roughness.
        ({"nu": (0.36, 0.64)}, "diffusive", "diffusive"),
        ({"nu": (0.34, 0.64)}, "undecided", WIDE),
        ({"nu": (0.36, 0.66)}, "undecided", WIDE),
        ({"nu": (0.1, 0.39)}, "rough", "independent noise in every layer, but not of size"),
        ({"nu": (0.1, 0.41)}, "undecided", WIDE),
        ({"nu": (0.61, 0.9)}, "rough", "independent noise in every layer, but not of size"),
        ({"nu": (0.59, 0.9)}, "undecided", WIDE),
        ({"hurst": (0.41, 0.59)}, "diffusive", "diffusive"),
        ({"hurst": (0.39, 0.59)}, "undecided", WIDE),
        ({"hurst": (0.41, 0.61)}, "undecided", WIDE),
        ({"hurst": (0.2, 0.39)}, "rough", "rough, but the layers are dependent (H is not 1/2)"),
        ({"hurst": (0.61, 0.8)}, "rough", "rough, but the layers are dependent (H is not 1/2)"),
        ({"hurst": (0.61, 0.8), "nu": (0.61, 0.9)}, "rough", "rough, but the layers are dependent"),
        # Nothing known.
        ({"q1": None}, "undecided", "no interval for q1: too few depths"),
        ({"pr": None, "irel": None}, "undecided", "no interval for pr, irel"),
    ],
    ids=str,
)
def test_rough_paths_need_no_visible_noise(changed, verdict, reason, noise_seen) -> None:
    found = decided(changed, noise_seen)
    assert (found.verdict, found.reason[: len(reason)], found.hidden) == (verdict, reason, False)


@pytest.mark.parametrize(
    ("changed", "verdict", "reason"),
    [
        (STILL, "smooth", "smooth: V1"),
        (STILL | {"q1": (0.0, 0.24)}, "smooth", "smooth"),
        (STILL | {"q1": (0.11, 0.24)}, "smooth", "smooth"),
        (STILL | {"q1": (0.0, 0.26)}, "undecided", BOTH),
        (STILL | {"irel": (-0.9, -0.51)}, "smooth", "smooth"),
        (STILL | {"irel": (-0.9, -0.49)}, "undecided", BOTH),
        (STILL | {"irel": (-0.51, -0.1)}, "undecided", BOTH),
        (STILL | {"irel": (-0.49, -0.1)}, "other", "a jump"),
        ({"q1": (0.0, 0.24), "irel": (-0.49, -0.1)}, "other", "a jump"),
        ({"q1": (0.0, 0.26), "irel": (-0.49, -0.1)}, "undecided", BOTH),
        ({"q1": (0.09, 0.6)}, "undecided", BOTH),
    ],
    ids=str,
)
@pytest.mark.parametrize("rho", [(0.0, 0.1), (0.45, 0.55), None], ids=str)
def test_without_visible_noise_the_slopes_decide(changed, verdict, reason, rho) -> None:
    # The third differences are those of the trend: rho, nu and H say nothing about noise.
    found = decided(changed | {"rho": rho}, noise_seen=False)
    assert (found.verdict, found.reason[: len(reason)], found.hidden) == (verdict, reason, False)


NOISE = {"q1": (0.0, 1.8), "rho": (-0.05, 0.09)}
FAR = {"nu": (0.9, 1.1), "rho": (0.9, 1.1)}  # Noise that vanishes like 1/L


@pytest.mark.parametrize(
    ("changed", "verdict", "reason", "hidden"),
    [
        # Looks smooth: only noise that vanishes faster than L^(-1/2) lets it be smooth.
        (STILL | FAR, "smooth", "smooth: V1", False),
        (STILL | FAR | {"rho": (0.51, 1.1)}, "smooth", "smooth", False),
        (STILL | FAR | {"rho": (0.49, 1.1)}, "undecided", "smooth so far, but noise may", False),
        (
            STILL | FAR | {"rho": (0.41, 0.6), "hurst": (0.5, 0.7)},
            "undecided",
            "smooth so far, but noise may",
            False,
        ),
        (STILL | FAR | {"rho": None}, "smooth", "smooth", False),
        (STILL | FAR | {"rho": (-0.1, 0.39)}, "rough", "noise in every layer does not", True),
        (STILL | FAR | {"rho": (-0.1, 0.41)}, "undecided", "smooth so far", False),
        (STILL, "diffusive", "diffusive: small noise of size L^(-1/2)", True),
        # Of which size the noise is over the depths at which it is visible.
        (STILL | {"nu": None, "rho": (0.41, 0.64)}, "diffusive", "diffusive: small", True),
        (STILL | {"rho": (0.41, 0.66)}, "undecided", "smooth so far", False),
        (STILL | {"rho": (0.36, 0.41)}, "diffusive", "diffusive: small", True),
        (STILL | {"rho": (0.34, 0.41)}, "undecided", "smooth so far", False),
        (STILL | {"rho": (0.7, 0.9), "beta": (-0.3, -0.3)}, "diffusive", "diffusive: small", True),
        (STILL | {"beta": (0.5, 0.5)}, "undecided", "smooth so far", False),
        (STILL | {"hurst": (0.45, 0.61)}, "undecided", "smooth so far", False),
        # Noise takes over: V1 has begun to grow.
        ({"q1": (0.0, 0.6), "rho": (0.0, 0.1)}, "rough", "noise in every layer does not", False),
        ({"q1": (0.0, 0.4), "rho": (0.0, 0.1)}, "rough", "noise in every layer does not", True),
        ({"q1": (0.0, 0.6)}, "diffusive", "diffusive: small noise", False),
        # Noise alone has rho = 0 whatever its size is: nu = beta + rho tells it.
        (NOISE | {"beta": (0.5, 0.5)}, "diffusive", "diffusive: small noise", False),
        (NOISE | {"beta": (0.3, 0.3)}, "rough", "noise in every layer does not", False),
        (NOISE | {"beta": (0.35, 0.35)}, "undecided", BOTH, False),
        (NOISE | {"beta": (0.35, 0.35), "hurst": (0.61, 0.8)}, "rough", "noise in every", False),
        ({"q1": (0.0, 0.6)} | FAR, "undecided", BOTH, False),
        # The third differences of a jump have a Hurst exponent of 3/2.
        (
            STILL | {"irel": (-0.4, 0.1), "rho": (0.0, 0.1), "hurst": (1.4, 1.6)},
            "other",
            "a",
            False,
        ),
        (STILL | {"irel": (-0.4, 0.1)} | FAR, "other", "a jump", False),
        (STILL | {"irel": (-0.4, 0.1), "rho": (0.36, 0.41)}, "diffusive", "diffusive: small", True),
        (STILL | {"irel": (-0.4, 0.1), "rho": (0.1, 0.41)}, "undecided", BOTH, False),
    ],
    ids=str,
)
def test_visible_noise_decides_what_looks_smooth(changed, verdict, reason, hidden) -> None:
    found = decided(changed, noise_seen=True)
    assert (found.verdict, found.reason[: len(reason)], found.hidden) == (verdict, reason, hidden)


@pytest.mark.parametrize(
    ("changed", "used"),
    [
        ({}, ("q1", "nu", "hurst")),
        ({"pr": (-0.9, -0.5)}, ("pr",)),
        (STILL | FAR, ("q1", "irel")),
        (STILL | {"rho": (0.0, 0.1)}, ("rho", "hurst")),
        (STILL, ("rho", "hurst")),
        ({"q1": None}, ()),
    ],
    ids=str,
)
def test_the_reason_has_the_intervals_that_decided(changed, used: tuple[str, ...]) -> None:
    found = decided(changed, noise_seen=True)
    assert set(found.used) == set(used)
    for name in used:
        low, high = (PLAIN | changed)[name]
        assert f"[{low:.3f}, {high:.3f}]" in found.reason


def table(depths, seeds: int) -> Table:
    shape = seeds, len(depths)
    values = {name: np.ones(shape) for name in STATISTICS}
    return Table(np.array(depths, dtype=float), tuple(range(seeds)), values)


@pytest.mark.parametrize(
    ("depths", "seeds", "starts"),
    [
        ((8, 16, 32, 64, 128), 5, []),
        ((8, 16, 32, 64, 128), 4, ["4 seeds instead of 5: fewer"]),
        ((8, 16, 32, 64), 5, ["4 dyadic depths instead of 5: about four cases in five are"]),
        ((8, 16, 32), 2, ["3 dyadic depths instead of 5: hardly any case is", "2 seeds"]),
        # Many depths over a short range are few.
        ((64, 80, 96, 112, 127), 5, ["1 dyadic depth instead"]),
        ((64, 80, 96, 112, 128), 1, ["2 dyadic depths", "1 seed instead"]),
    ],
)
def test_few_depths_and_seeds_are_said(depths, seeds: int, starts: list[str]) -> None:
    found = list(few(table(depths, seeds)))
    assert len(found) == len(starts)
    assert all(text.startswith(start) for text, start in zip(found, starts, strict=True))


def test_enough_is_what_the_error_rates_were_measured_with() -> None:
    assert (ENOUGH, counted(1, "seed"), counted(2, "seed")) == (5, "1 seed", "2 seeds")
