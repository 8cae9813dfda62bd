"""The verdict on paths of known kind, and on what it cannot decide."""

from functools import cache

import numpy as np
import pytest

from resdepth.mathematics.exponents import Table
from resdepth.mathematics.statistics import STATISTICS, hurst_exponent
from resdepth.mathematics.verdict import decide
from tests.support.synthetic import DEPTHS, KINDS, bank, experiment, fractional, smooth, trials

SEEDS = 5


@cache
def paths(name: str) -> Table:
    return bank(KINDS[name], DEPTHS, SEEDS)


@pytest.mark.parametrize("name", KINDS)
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
        ("diffusive", "diffusive: noise of size L^(-1/2)", {"q1", "nu", "hurst"}),
        ("fractional .3", "H is not 1/2", {"q1", "nu", "hurst"}),
        ("sparse", "sparse: few layers carry all", {"pr"}),
        ("jump", "a jump", {"q1", "irel"}),
        ("white", "white layers of another size", {"q1", "nu", "hurst"}),
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


@pytest.mark.parametrize("name", ["RMS", "V1", "I", "PR"])
def test_a_statistic_that_is_zero_decides_nothing(name: str) -> None:
    table = crossing({"NOISE": (-0.5, -0.5)})
    table.values[name][0, 0] = 0.0
    found = decide(table)
    assert found.limit == "undecided" and "no interval for" in found.reason


@pytest.mark.parametrize("hurst", [0.3, 0.5, 0.7])
def test_hurst_exponent_beside_a_trend_five_times_the_noise(hurst: float) -> None:
    found = [
        hurst_exponent(5 * smooth(256, s, waves=2) + 256**hurst * fractional(256, s, hurst))
        for s in range(12)
    ]
    assert np.mean(found) == pytest.approx(hurst, abs=0.007)
    assert np.std(found, ddof=1) < 0.015
