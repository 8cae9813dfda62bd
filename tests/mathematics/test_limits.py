"""The verdict on studies of known kind, seed by seed and as a whole, and what it cannot decide."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from resdepth.mathematics.agreement import agreement
from resdepth.mathematics.crossover import crossover_depth
from resdepth.mathematics.exponents import Table
from resdepth.mathematics.interval import Interval
from resdepth.mathematics.limits import LIMITS, Parts, WeightsLimit, decide
from resdepth.mathematics.slopes import power_law
from resdepth.mathematics.statistics import STATISTICS, path_statistics
from tests.support.synthetic import (
    DEPTHS,
    DIFFERENT,
    KINDS,
    SMALL_NOISE,
    Bank,
    bank,
    experiment,
    fractional,
    mixed_trials,
    smooth,
    trials,
    true_crossover,
)

SEEDS = 5
EVERY = {**KINDS, **SMALL_NOISE}
REPRESENTATIVE = ("smooth", "diffusive with a trend", "jump", "sparse", "noise of 1 %")


@cache
def paths(name: str, depths: tuple[int, ...] = DEPTHS, seeds: int = SEEDS) -> Bank:
    return bank(EVERY[name], depths, seeds)


# Paths of known kind; benchmarks/verdict_errors.py draws many.


@pytest.mark.parametrize(
    "name",
    [pytest.param(k, marks=() if k in REPRESENTATIVE else pytest.mark.long) for k in EVERY],
)
def test_the_limit_is_found_and_no_other(name: str) -> None:
    found = trials(paths(name), SEEDS, len(DEPTHS), 20)
    assert found.keys() <= {EVERY[name].limit, "undecided"}
    assert found[EVERY[name].limit] >= 15


SHALLOW = (16, 32, 64, 128, 256)


@pytest.mark.parametrize("name", DIFFERENT)
@pytest.mark.parametrize("sizes", [(1, 4), (2, 3)], ids=str)
def test_a_mixture_is_mixed(name: str, sizes: tuple[int, int]) -> None:
    found = mixed_trials(paths("smooth", SHALLOW), paths(name, SHALLOW), sizes, 8)
    assert found["mixed"] >= 7 and found["smooth"] == 0


@pytest.mark.long
@pytest.mark.parametrize("name", DIFFERENT)
@pytest.mark.parametrize("sizes", [(1, 9), (9, 1), (4, 6), (1, 4)], ids=str)
def test_mixtures_of_ten_are_mixed(name: str, sizes: tuple[int, int]) -> None:
    found = mixed_trials(paths("smooth", DEPTHS, 9), paths(name, DEPTHS, 9), sizes, 40)
    assert found["mixed"] >= 39


@pytest.mark.parametrize("name", ["smooth", *DIFFERENT])
def test_seeds_of_one_kind_are_not_mixed(name: str) -> None:
    whole = paths(name, SHALLOW)
    random = np.random.default_rng(3)
    found = [experiment(whole, SEEDS, 5, random).verdict().verdict for _ in range(8)]
    assert "mixed" not in found


@pytest.mark.parametrize(("seeds", "depths"), [(5, 3), (2, 5)])
def test_little_diffusive_noise_is_not_of_another_size(seeds: int, depths: int) -> None:
    random = np.random.default_rng(5)
    for _ in range(30):
        found = experiment(paths("diffusive", SHALLOW), seeds, depths, random).verdict()
        assert found.verdict in ("diffusive", "undecided"), found.reason


@pytest.mark.parametrize(
    "name",
    [pytest.param(k, marks=() if k == "noise of 1 %" else pytest.mark.long) for k in SMALL_NOISE],
)
def test_small_noise_is_never_bounded(name: str) -> None:
    """Before and beyond the crossover depth: noise that does not vanish is no smooth limit."""
    whole, random = paths(name), np.random.default_rng(4)
    for depths in (5, 4):
        for _ in range(10):
            found = experiment(whole, SEEDS, depths, random).verdict()
            assert found.limit not in ("H1", "H2")
            for seed in found.by_seed.values():
                if seed.exponents["rho"].high < 0.4:
                    assert seed.verdict not in ("smooth", "diffusive", "other")
                    assert seed.growth.low > 0
    one = whole.verdict()
    assert one.verdict == "rough"
    assert all(seed.exponents["rho"].within(-0.4, 0.4) for seed in one.by_seed.values())


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_the_crossover_depth_is_in_its_interval(share: float) -> None:
    found = paths(f"noise of {100 * share:g} %").verdict()
    inside = 0
    for name, seed in found.by_seed.items():
        true = true_crossover(share, int(name))
        inside += seed.crossover.low <= true <= seed.crossover.high
        assert abs(math.log(seed.crossover.value / true)) < 0.4
        assert seed.noise_share == pytest.approx(share, rel=0.05)
    # An extrapolation over five doublings is a little too large.
    assert inside >= (3 if share == 0.01 else 4)


def test_noise_is_hidden_if_the_weights_look_smooth_so_far() -> None:
    # At L = 64 .. 512, 1 % of noise has not yet raised V1; it takes over at L = 30,000.
    hidden = 0
    for draw in range(5):
        random = np.random.default_rng(draw)
        found = experiment(paths("noise of 1 %"), SEEDS, 4, random).verdict()
        for seed in found.by_seed.values():
            hidden += seed.hidden
            smooth_so_far = seed.exponents["q1"].value < 0.25
            assert seed.hidden == (smooth_so_far and seed.verdict == "rough")
            assert not seed.hidden or seed.crossover.value > 5000
    assert hidden >= 5


def verdict(name: str, seeds: int = SEEDS, depths: int = len(DEPTHS)) -> WeightsLimit:
    return experiment(paths(name), seeds, depths, np.random.default_rng(1), noise=0.02).verdict()


@pytest.mark.parametrize(
    ("name", "words", "used"),
    [
        ("smooth", "smooth: V1", {"q1", "irel"}),
        ("diffusive with a trend", "diffusive: independent noise of", {"q1", "nu", "hurst"}),
        ("sparse", "sparse: a few layers dominate", {"pr"}),
        ("jump", "a jump", {"q1", "irel"}),
        ("noise of 1 %", "noise in every layer does not vanish", {"rho", "hurst"}),
    ],
)
def test_the_reason_names_the_intervals(name: str, words: str, used: set[str]) -> None:
    found = verdict(name)
    assert words in found.reason
    assert set(found.used) == used
    assert all(f"[{interval.low:.3f}" in found.reason for interval in found.used.values())


@pytest.mark.parametrize(("seeds", "depths"), [(1, 5), (5, 2), (1, 1)])
def test_too_little_is_undecided(seeds: int, depths: int) -> None:
    found = verdict("smooth", seeds, depths)
    assert (found.limit, found.verdict, found.used) == ("undecided", "undecided", {})
    assert found.reason.startswith(f"{depths} depth") and "at least 3 depths and 2" in found.reason
    assert len(found.by_seed) == seeds


def test_limits_have_the_names_of_the_literature() -> None:
    assert [LIMITS[kind] for kind in ("smooth", "diffusive", "rough", "other")] == [
        "H1",
        "H2",
        "neither",
        "neither",
    ]
    one = paths("smooth").verdict()
    assert [replace(one, verdict=kind).limit for kind in ("mixed", "undecided")] == [
        "undecided",
        "undecided",
    ]


# Tables of given slopes.

LONG = 2.0 ** np.arange(3, 11)


def crossing(slopes: dict[str, tuple[float, float]], seeds: int = 5) -> Table:
    """Statistics of two slopes, the second over the deepest four of eight depths."""
    x = np.log(LONG)
    values = {name: np.ones((seeds, len(x))) for name in STATISTICS}
    values["H"] *= 0.5
    for name, (first, second) in slopes.items():
        logs = first * np.minimum(x, x[4]) + second * np.maximum(x - x[4], 0.0)
        values[name] = np.exp(logs) * np.exp(0.001 * np.arange(seeds))[:, None]
    return Table(LONG, tuple(range(seeds)), values)


STILL = {"V1": (0.0, 0.0), "I": (-1.0, -1.0), "NOISE": (-1.0, -1.0)}


def by_seed(table: Table, name: str, slopes: list[float]) -> Table:
    """`table` with a slope of its own for the statistic of every seed, up to 1 % of noise."""
    noise = 0.01 * np.random.default_rng(2).standard_normal(table.values[name].shape)
    table.values[name][:] = np.exp(np.outer(slopes, np.log(table.depths)) + noise)
    return table


def test_what_bends_across_a_border_is_undecided() -> None:
    found = decide(crossing({**STILL, "V1": (0.0, 0.3)}))
    assert found.limit == "undecided"
    settled = decide(crossing({**STILL, "V1": (0.0, 0.15)}))
    assert settled.limit == "H1"
    assert any(text.startswith("q1 bends") for text in settled.cautions)


def test_the_guard_looks_at_the_deepest_depths() -> None:
    # Over all depths the interval of q1 is above .1; the deepest four say that it is smooth.
    found = decide(crossing({**STILL, "V1": (1.2, 0.2), "NOISE": (-0.5, -0.5)}))
    assert found.limit == "undecided" and found.reason.startswith("it bends: q1 =")


def test_the_guard_looks_at_four_depths() -> None:
    # A step before the last three of eight: slopes .22 over all, .27 over four, .15 over three.
    table = crossing({"V1": (0.15, 0.15), "I": (-0.5, -0.5), "NOISE": (-0.5, -0.5)})
    table.values["V1"][:, 5:] *= np.exp(0.27)
    found = decide(table)
    assert found.limit == "undecided" and found.reason.startswith("it bends: q1 = 0.220, but 0.267")


def test_deepest_depths_that_tell_nothing_guard_nothing() -> None:
    # Two of the deepest four depths per seed are too few for a slope of its own.
    table = crossing(STILL)
    for values in table.values.values():
        values[::2, 4:6] = np.nan
        values[1::2, 6:] = np.nan
    assert decide(table).limit == "H1"


@pytest.mark.parametrize("name", ["RMS", "V1", "I", "PR"])
def test_a_statistic_that_is_zero_decides_nothing(name: str) -> None:
    table = crossing({**STILL, "NOISE": (-0.5, -0.5)})
    table.values[name][:, 0] = 0.0
    found = decide(table)
    assert found.limit == "undecided" and "no interval for" in found.reason


def test_a_path_of_zeros_decides_nothing() -> None:
    # All its ratios are 0/0: it must not pass for a missing path.
    table = bank(KINDS["smooth"], (16, 32, 64, 128, 256), SEEDS).table
    assert decide(table).limit == "H1"
    zeros = path_statistics(np.zeros((64, 100)))
    for name, rows in table.values.items():
        rows[0, 2] = getattr(zeros, name)
    found = decide(table)
    assert found.limit == "undecided" and "no interval for pr, q1, irel" in found.reason
    assert found.by_seed[0].verdict == "undecided" and found.by_seed[1].verdict == "smooth"


def test_a_bend_of_what_did_not_decide_is_not_said() -> None:
    # P2 decides nothing, and irel nothing about what is rough.
    rough = {"V1": (0.5, 0.5), "NOISE": (-0.5, -0.5)}
    found = decide(crossing({**rough, "P2": (0.0, 0.5), "I": (-0.2, -0.9)}))
    assert (found.limit, found.cautions) == ("H2", ())


@pytest.mark.parametrize(
    ("slopes", "kind"),
    [
        # Both sides of 1/4, more than .3 apart.
        ([0.0, 0.0, 0.0, 0.0, 0.5], "mixed"),
        ([0.0, 0.5, 0.5, 0.5, 0.5], "mixed"),
        # The test rejects, but all are below 1/4.
        ([-0.4, 0.0, 0.0, 0.0, 0.2], "smooth"),
        # Both sides, but close.
        ([0.15, 0.15, 0.2, 0.2, 0.3], "undecided"),
    ],
    ids=str,
)
def test_seeds_on_both_sides_are_mixed(slopes: list[float], kind: str) -> None:
    table = by_seed(crossing(STILL), "V1", slopes)
    found = decide(table, replace(Parts.unknown(table), noise=np.full((5, 8), np.nan)))
    assert found.agreement["q1"].rejected
    assert found.verdict == kind
    if kind == "mixed":
        assert set(found.used) == {"q1"} and found.disagreement[0] == "q1"
        low, high = min(slopes), max(slopes)
        count = slopes.count(0.0)
        assert "the seeds do not share one limit" in found.reason
        assert f"q1 from {low:.2f} to {high:.2f}" in found.reason.replace("-0.00", "0.00")
        assert f"{count} smooth" in found.reason and f"{5 - count} rough" in found.reason


def test_seeds_that_agree_are_not_mixed_whatever_their_slopes() -> None:
    # irel on both sides of -1/2: all seeds are rough by their noise, and that is the verdict.
    rough = {"V1": (0.5, 0.5), "NOISE": (0.0, 0.0)}
    table = by_seed(crossing(rough), "I", [-0.7, -0.6, -0.5, -0.3, -0.2])
    found = decide(table)
    assert found.agreement["irel"].p_value < 1e-6
    assert {seed.verdict for seed in found.by_seed.values()} == {"rough"}
    assert found.verdict == "rough"


def test_the_verdict_of_most_seeds_counts_if_no_other_has_one() -> None:
    # The mean of nu over the seeds has an interval of its own that is too wide.
    table = by_seed(crossing({"V1": (0.5, 0.5)}), "NOISE", [-0.45, -0.5, -0.55, -0.5, -0.7])
    table.values["NOISE"][4] *= np.exp(0.3 * np.random.default_rng(4).standard_normal(8))
    found = decide(table)
    assert [seed.verdict for seed in found.by_seed.values()] == [*["diffusive"] * 4, "undecided"]
    assert found.verdict == "diffusive"
    assert found.reason.startswith("of 5 seeds 4 diffusive, 1 undecided; the first of them: diff")


def test_two_of_five_seeds_are_not_the_verdict() -> None:
    table = by_seed(crossing({"V1": (0.5, 0.5)}), "NOISE", [-0.5, -0.5, -0.7, -0.7, -0.7])
    random = np.random.default_rng(4)
    table.values["NOISE"][2:] *= np.exp(0.2 * random.standard_normal((3, 8)))
    found = decide(table)
    assert sorted(seed.verdict for seed in found.by_seed.values()) == [
        *["diffusive"] * 2,
        *["undecided"] * 3,
    ]
    assert found.verdict == "undecided"


# Seed by seed.


def test_a_seed_has_its_own_regressions_and_crossover() -> None:
    whole = paths("noise of 1 %")
    found, depths = whole.verdict(), whole.table.depths
    for i, seed in enumerate(found.by_seed.values()):
        assert (
            seed.exponents["q1"]
            == power_law(
                depths, (whole.table.values["V1"] / whole.table.values["RMS"])[i : i + 1]
            ).exponent
        )
        size = np.where(whole.parts.visible, whole.table.values["NOISE"], np.nan)[i : i + 1]
        there = np.isfinite(size[0])
        ratio = (whole.table.values["RMS"][i : i + 1] / size)[:, there]
        assert seed.exponents["rho"].value == pytest.approx(
            power_law(depths[there], ratio).exponent.value
        )
        assert seed.crossover == crossover_depth(depths, whole.parts.trend[i], whole.parts.noise[i])
    values = whole.table.values
    assert found.agreement["q1"] == agreement(depths, values["V1"] / values["RMS"])


def test_growth_is_that_of_noise_beyond_the_crossover() -> None:
    seed = next(iter(paths("noise of 1 %").verdict().by_seed.values()))
    for rho, expected in (
        ((0.0, -0.1, 0.1), (0.5, 0.4, 0.6)),
        ((0.4, 0.2, 0.6), (0.1, 0.0, 0.3)),
        ((1.0, 0.9, 1.1), (0.0, 0.0, 0.0)),
    ):
        changed = replace(seed, exponents={"rho": Interval(*rho)})
        found = changed.growth
        assert (found.value, found.low, found.high) == pytest.approx(expected)


def test_beta_scales_the_variation_norm_alone() -> None:
    whole = paths("noise of 1 %")
    plain, scaled = (decide(whole.table, whole.parts, beta) for beta in (0.0, 0.5))
    for one, other in zip(plain.by_seed.values(), scaled.by_seed.values(), strict=True):
        moved = {n: other.exponents[n].value - one.exponents[n].value for n in one.exponents}
        assert moved.pop("variation_norm") == pytest.approx(0.5)
        assert not np.any(list(moved.values())), moved
    assert (plain.verdict, plain.reason) == (scaled.verdict, scaled.reason)


def test_seeds_with_missing_depths_use_those_that_are_there() -> None:
    whole = paths("noise of 1 %")
    values = {name: rows.copy() for name, rows in whole.table.values.items()}
    for rows in values.values():
        rows[0, 3:] = np.nan
        rows[1, 0] = np.nan
    table = Table(whole.table.depths, whole.table.seeds, values)
    found = decide(table, whole.parts)
    assert len(found.by_seed) == 5
    rms, noise = values["RMS"], values["NOISE"]
    assert found.by_seed[0].noise_share == noise[0, 2] / rms[0, 2]
    short = power_law(table.depths[:3], (values["V1"] / rms)[:1, :3]).exponent
    assert found.by_seed[0].exponents["q1"] == short


def test_without_parts_there_is_no_crossover() -> None:
    found = decide(paths("smooth").table)
    assert all(math.isnan(seed.crossover.value) for seed in found.by_seed.values())
    assert found.verdict == "smooth"


@pytest.mark.parametrize("hurst", [0.3, 0.5, 0.7])
def test_hurst_exponent_beside_a_trend_five_times_the_noise(hurst: float) -> None:
    found = [
        path_statistics(5 * smooth(256, s, waves=2) + 256**hurst * fractional(256, s, hurst)).H
        for s in range(12)
    ]
    assert np.mean(found) == pytest.approx(hurst, abs=0.007)
    assert np.std(found, ddof=1) < 0.015
