"""The verdict on paths of known kind, and on what it cannot decide."""

from functools import cache

import numpy as np
import pytest
from scipy import stats

from resdepth.mathematics.exponents import Table
from resdepth.mathematics.statistics import STATISTICS, path_statistics
from resdepth.mathematics.verdict import decide
from tests.support.synthetic import DEPTHS, KINDS, bank, experiment, fractional, smooth, trials

SEEDS = 5


@cache
def paths(name: str) -> Table:
    return bank(KINDS[name], DEPTHS, SEEDS)


REPRESENTATIVE = ("smooth", "diffusive with a trend", "jump", "sparse", "fractional .3")


@pytest.mark.parametrize(
    "name",
    [pytest.param(k, marks=() if k in REPRESENTATIVE else pytest.mark.long) for k in KINDS],
)
def test_the_limit_is_found_and_no_other(name: str) -> None:
    # Few seeds, and new noise on them each time; many are drawn in benchmarks/verdict_errors.py.
    counts = trials(KINDS[name], paths(name), SEEDS, len(DEPTHS), 20)
    assert counts["wrong"] == 0
    assert counts["right"] >= 15


def verdict(name: str, seeds: int = SEEDS, depths: int = len(DEPTHS)):
    return decide(experiment(paths(name), seeds, depths, np.random.default_rng(1), noise=0.02))


@pytest.mark.parametrize(
    ("name", "words", "used"),
    [
        ("smooth", "smooth: V1", {"q1", "irel"}),
        ("diffusive", "diffusive: independent noise of size L^(-1/2)", {"q1", "nu", "hurst"}),
        ("fractional .3", "H is not 1/2", {"q1", "nu", "hurst"}),
        ("sparse", "sparse: a few layers dominate", {"pr"}),
        ("jump", "a jump", {"q1", "irel"}),
        ("white", "independent noise in every layer, but not of size", {"q1", "nu", "hurst"}),
    ],
)
def test_the_reason_names_the_intervals(name: str, words: str, used: set[str]) -> None:
    found = verdict(name)
    assert words in found.reason
    assert set(found.used) == used
    assert all(f"[{interval.low:.3f}" in found.reason for interval in found.used.values())


@pytest.mark.parametrize(("seeds", "depths"), [(1, 5), (5, 2), (1, 1)])
def test_too_little_is_undecided(seeds: int, depths: int) -> None:
    found = verdict("diffusive", seeds, depths)
    assert found.limit == "undecided"
    assert found.reason.startswith(f"{depths} depth") and "at least 3 depths and 2" in found.reason


@pytest.mark.parametrize(
    ("seeds", "depths", "said"),
    [(5, 5, []), (4, 5, ["4 seeds"]), (5, 4, ["4 dyadic depths"]), (2, 3, ["3 dyadic", "2 seeds"])],
)
def test_few_depths_or_seeds_are_said(seeds: int, depths: int, said: list[str]) -> None:
    cautions = [text for text in verdict("white", seeds, depths).cautions if "instead" in text]
    assert len(cautions) == len(said)
    assert all(text.startswith(start) for text, start in zip(cautions, said, strict=True))


def test_many_depths_over_a_short_range_are_few() -> None:
    narrow = paths("white")
    table = Table(np.array([64.0, 80.0, 96.0, 112.0, 127.0]), narrow.seeds, narrow.values)
    assert any(text.startswith("1 dyadic depth ") for text in decide(table).cautions)


def crossing(slopes: dict[str, tuple[float, float]]) -> Table:
    """Statistics of two slopes, the second over the deepest four of eight depths."""
    depths = 2.0 ** np.arange(3, 11)
    x = np.log(depths)
    values = {name: np.ones((5, len(x))) for name in STATISTICS}
    values["H"] *= 0.5
    for name, (first, second) in slopes.items():
        logs = first * np.minimum(x, x[4]) + second * np.maximum(x - x[4], 0.0)
        values[name] = np.exp(logs) * np.exp(0.001 * np.arange(5))[:, None]
    return Table(depths, tuple(range(5)), values)


def test_what_bends_across_a_border_is_undecided() -> None:
    slopes = {"V1": (0.0, 0.3), "I": (-1.0, -1.0), "NOISE": (-1.0, -1.0)}
    found = decide(crossing(slopes))
    assert found.limit == "undecided"
    settled = decide(crossing({**slopes, "V1": (0.0, 0.15)}))
    assert settled.limit == "H1"
    assert any(text.startswith("q1 bends") for text in settled.cautions)


def test_the_guard_looks_at_the_deepest_depths() -> None:
    # Over all depths the interval of q1 is above .1; the deepest four say that it is smooth.
    steep = {"V1": (1.2, 0.2), "I": (-1.0, -1.0), "NOISE": (-0.5, -0.5)}
    found = decide(crossing(steep))
    assert found.limit == "undecided" and found.reason.startswith("it bends: q1 =")


# Five seeds whose slopes have the mean 0 and an interval of half length 1.
SPREAD = np.arange(5.0) - 2.0
SPREAD /= stats.t.ppf(0.975, 4) * stats.sem(SPREAD)


def having(**intervals: tuple[float, float]) -> Table:
    """A table whose exponents have these intervals: exact powers of L, a power a seed."""
    depths = 2.0 ** np.arange(3, 8)

    def powers(low: float, high: float) -> np.ndarray:
        return (low + high) / 2 + (high - low) / 2 * SPREAD

    known = {
        name: depths ** powers(*intervals[key])[:, None]
        for name, key in (("V1", "q1"), ("I", "irel"), ("PR", "pr"))
    }
    low, high = intervals["nu"]
    known["NOISE"] = depths ** powers(-high, -low)[:, None]
    known["H"] = np.tile(powers(*intervals["hurst"])[:, None], len(depths))
    values = {name: known.get(name, np.ones((5, len(depths)))) for name in STATISTICS}
    return Table(depths, tuple(range(5)), values)


PLAIN = {"pr": (-0.1, 0.1), "q1": (0.4, 0.6), "irel": (-0.6, -0.4)}
PLAIN |= {"nu": (0.45, 0.55), "hurst": (0.45, 0.55)}
STILL = {"q1": (-0.1, 0.1), "irel": (-0.9, -0.7)}


@pytest.mark.parametrize(
    ("changed", "limit", "reason"),
    [
        ({}, "H2", "diffusive"),
        # Layers that carry all.
        ({"pr": (-0.9, -0.41)}, "neither", "sparse"),
        ({"pr": (-0.9, -0.39)}, "undecided", "a few layers may dominate"),
        ({"pr": (-0.41, -0.1)}, "undecided", "a few layers may dominate"),
        ({"pr": (-0.39, 0.1)}, "H2", "diffusive"),
        # Smooth, or with a jump.
        (STILL, "H1", "smooth"),
        (STILL | {"q1": (0.0, 0.24)}, "H1", "smooth"),
        (STILL | {"q1": (0.0, 0.26)}, "undecided", "the intervals allow smooth and rough paths"),
        (STILL | {"irel": (-0.9, -0.51)}, "H1", "smooth"),
        (
            STILL | {"irel": (-0.9, -0.49)},
            "undecided",
            "the intervals allow smooth and rough paths",
        ),
        (
            STILL | {"irel": (-0.51, -0.1)},
            "undecided",
            "the intervals allow smooth and rough paths",
        ),
        (STILL | {"irel": (-0.49, -0.1)}, "neither", "a jump"),
        ({"q1": (0.0, 0.24), "irel": (-0.49, -0.1)}, "neither", "a jump"),
        (
            {"q1": (0.0, 0.26), "irel": (-0.49, -0.1)},
            "undecided",
            "the intervals allow smooth and rough paths",
        ),
        # Rough: V1 grows, also where the increments vanish.
        ({"q1": (0.09, 0.6)}, "undecided", "the intervals allow smooth and rough paths"),
        ({"q1": (0.11, 0.6)}, "H2", "diffusive"),
        ({"q1": (0.11, 0.24), "irel": (-0.49, -0.1)}, "H2", "diffusive"),
        ({"q1": (0.11, 0.26), "irel": (-0.9, -0.7)}, "H2", "diffusive"),
        ({"q1": (0.11, 0.24), "irel": (-0.9, -0.7)}, "H1", "smooth"),
        # Of which size and roughness.
        ({"nu": (0.36, 0.64)}, "H2", "diffusive"),
        ({"nu": (0.34, 0.64)}, "undecided", "rough, but the interval of nu or H is too wide"),
        ({"nu": (0.36, 0.66)}, "undecided", "rough, but the interval of nu or H is too wide"),
        ({"nu": (0.1, 0.39)}, "neither", "independent noise in every layer, but not of size"),
        ({"nu": (0.1, 0.41)}, "undecided", "rough, but the interval of nu or H is too wide"),
        ({"nu": (0.61, 0.9)}, "neither", "independent noise in every layer, but not of size"),
        ({"nu": (0.59, 0.9)}, "undecided", "rough, but the interval of nu or H is too wide"),
        ({"hurst": (0.41, 0.59)}, "H2", "diffusive"),
        ({"hurst": (0.39, 0.59)}, "undecided", "rough, but the interval of nu or H is too wide"),
        ({"hurst": (0.41, 0.61)}, "undecided", "rough, but the interval of nu or H is too wide"),
        ({"hurst": (0.2, 0.39)}, "neither", "rough, but the layers are dependent (H is not 1/2)"),
        ({"hurst": (0.61, 0.8)}, "neither", "rough, but the layers are dependent (H is not 1/2)"),
        (
            {"hurst": (0.61, 0.8), "nu": (0.61, 0.9)},
            "neither",
            "rough, but the layers are dependent (H is not 1/2)",
        ),
    ],
    ids=str,
)
def test_the_rules_by_their_borders(changed, limit: str, reason: str) -> None:
    intervals = PLAIN | changed
    found = decide(having(**intervals))
    assert (found.limit, found.reason[: len(reason)]) == (limit, reason)
    # Nothing bends, and of five depths and seeds nothing is to be said.
    assert found.cautions == ()
    for name, interval in found.used.items():
        assert (interval.low, interval.high) == pytest.approx(intervals[name])


@pytest.mark.parametrize(("depths", "share"), [(4, "about four cases in five"), (3, "hardly any")])
def test_what_fewer_depths_cost_is_said(depths: int, share: str) -> None:
    (said,) = decide(having(**PLAIN).deepest(depths)).cautions
    assert f": {share}" in said and said.startswith(f"{depths} dyadic depths instead of 5")


def test_a_bend_of_what_did_not_decide_is_not_said() -> None:
    # P2 decides nothing, and irel nothing about what is rough.
    rough = {"V1": (0.5, 0.5), "NOISE": (-0.5, -0.5)}
    found = decide(crossing({**rough, "P2": (0.0, 0.5), "I": (-0.2, -0.9)}))
    assert (found.limit, found.cautions) == ("H2", ())


def test_the_guard_looks_at_four_depths() -> None:
    # A step before the last three of eight: slopes .22 over all, .27 over four, .15 over three.
    table = crossing({"V1": (0.15, 0.15), "I": (-0.5, -0.5), "NOISE": (-0.5, -0.5)})
    table.values["V1"][:, 5:] *= np.exp(0.27)
    found = decide(table)
    assert found.limit == "undecided" and found.reason.startswith("it bends: q1 = 0.220, but 0.267")


def test_deepest_depths_that_tell_nothing_guard_nothing() -> None:
    # Two of the deepest four depths a seed are too few for a slope of its own.
    smooth = crossing({"V1": (0.0, 0.0), "I": (-1.0, -1.0), "NOISE": (-1.0, -1.0)})
    for values in smooth.values.values():
        values[::2, 4:6] = np.nan
        values[1::2, 6:] = np.nan
    assert decide(smooth).limit == "H1"


@pytest.mark.parametrize("name", ["RMS", "V1", "I", "PR"])
def test_a_statistic_that_is_zero_decides_nothing(name: str) -> None:
    table = crossing({"NOISE": (-0.5, -0.5)})
    table.values[name][0, 0] = 0.0
    found = decide(table)
    assert found.limit == "undecided" and "no interval for" in found.reason


@pytest.mark.parametrize("hurst", [0.3, 0.5, 0.7])
def test_hurst_exponent_beside_a_trend_five_times_the_noise(hurst: float) -> None:
    found = [
        path_statistics(5 * smooth(256, s, waves=2) + 256**hurst * fractional(256, s, hurst)).H
        for s in range(12)
    ]
    assert np.mean(found) == pytest.approx(hurst, abs=0.007)
    assert np.std(found, ddof=1) < 0.015
