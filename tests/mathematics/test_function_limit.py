"""The verdict on the network's function: its rule, its words, and networks of known kind."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from resdepth.mathematics.function_limit import (
    MEANINGS,
    FunctionLimit,
    function_limit,
    geometric_mean,
)
from resdepth.mathematics.interval import UNKNOWN, Interval
from resdepth.mathematics.interventions import INTERVENTIONS
from tests.support.function_kinds import FUNCTIONS, D, judged, last_states, measured, relu

DEPTHS = 2.0 ** np.arange(4, 11)
DENSE = Interval(0.0, -0.05, 0.05)
SPARSE = Interval(-1.0, -1.1, -0.9)
SLOPES = {
    "curve": (-1.0, -1.5, -1.0),
    "mean-field": (0.0, -0.5, -1.0),
    "realisation": (-0.1, 0.0, -0.4),
}


def powers(*slopes: tuple[float, float, float], depths=DEPTHS) -> dict[str, np.ndarray]:
    """Output changes (seeds, depths) that are exact powers of L, one triple of slopes per seed."""
    return {
        name: np.array([0.3 * depths ** triple[i] for triple in slopes])
        for i, name in enumerate(INTERVENTIONS)
    }


def verdict(
    changes: dict[str, np.ndarray], ratios: Interval = DENSE, depths=DEPTHS
) -> FunctionLimit:
    seeds = tuple(range(len(changes["pair"])))
    return function_limit(depths, changes, seeds, dict.fromkeys(seeds, ratios))


# The rule, on powers of L without noise.


@pytest.mark.parametrize("kind", SLOPES)
def test_the_slopes_of_theory_have_their_verdict(kind: str) -> None:
    found = verdict(powers(SLOPES[kind], SLOPES[kind]))
    assert found.verdict == kind
    assert found.sentence == f"{MEANINGS[kind]} (of 2 seeds 2 {kind})"
    slopes = [found.by_seed[1].slopes[name].value for name in INTERVENTIONS]
    assert slopes == pytest.approx(list(SLOPES[kind]), abs=1e-9)


@pytest.mark.parametrize(
    ("slopes", "kind"),
    [
        ((-0.51, -1.01, 0.0), "curve"),
        ((-0.49, -1.01, 0.0), "undecided"),
        ((-0.51, -0.99, 0.0), "undecided"),
        ((-0.49, -0.74, -0.76), "mean-field"),
        ((-0.49, -0.26, -0.76), "mean-field"),
        ((-0.49, -0.76, -0.76), "undecided"),
        ((-0.49, -0.50, -0.74), "undecided"),
        ((-0.51, -0.50, -0.76), "undecided"),
        ((-0.49, -0.24, -0.76), "realisation"),
        ((-0.49, -0.29, -0.74), "realisation"),
        ((-0.49, -0.31, -0.74), "undecided"),
    ],
    ids=str,
)
def test_thresholds(slopes: tuple[float, float, float], kind: str) -> None:
    assert verdict(powers(slopes)).by_seed[0].verdict == kind


@pytest.mark.parametrize("kind", SLOPES)
def test_single_layers_come_first_if_the_function_sees_them(kind: str) -> None:
    changes = powers(SLOPES[kind])
    # Where resampling layers changes less and less, single ones do not carry the function.
    expected = kind if SLOPES[kind][1] < -0.3 else "none"
    assert verdict(changes, SPARSE).verdict == expected
    # The whole interval has to lie below the threshold.
    assert verdict(changes, Interval(-0.5, -0.7, -0.3)).verdict == kind
    assert verdict(changes, UNKNOWN).verdict == kind


@given(
    seed=st.integers(0, 2**31),
    size=st.sampled_from([0.05, 0.3, 1.0]),
    kind=st.sampled_from(sorted(SLOPES)),
)
def test_the_rule_is_on_intervals_of_regressions(seed: int, size: float, kind: str) -> None:
    random, changes = np.random.default_rng(seed), powers(SLOPES[kind])
    changes = {k: v * np.exp(size * random.standard_normal(v.shape)) for k, v in changes.items()}
    low, high = {}, {}
    for name, values in changes.items():
        line = stats.linregress(np.log(DEPTHS), np.log(values[0]))
        half = stats.t.ppf(0.975, 4) * line.stderr
        low[name], high[name] = line.slope - half, line.slope + half
    expected = "undecided"
    deepest = stats.linregress(np.log(DEPTHS[-4:]), np.log(changes["pair"][0][-4:])).slope
    if high["pair"] < -1 and high["smooth"] < -0.5 and deepest < -1:
        expected = "curve"
    elif low["pair"] >= -0.75 and high["pair"] <= -0.25 and high["shuffle"] < -0.75:
        expected = "mean-field" if low["smooth"] > -0.5 else "undecided"
    if expected == "undecided" and low["pair"] > -0.3:
        expected = "realisation"
    found = verdict(changes).by_seed[0]
    assert found.verdict == expected
    for name, interval in found.slopes.items():
        assert (interval.low, interval.high) == pytest.approx((low[name], high[name]))


# Studies of several seeds.


@pytest.mark.parametrize(
    ("kinds", "expected", "words"),
    [
        ("cc", "curve", "of 2 seeds 2 curve"),
        ("cu", "curve", "of 2 seeds 1 curve, 1 undecided"),
        ("ccuu", "curve", "of 4 seeds 2 curve, 2 undecided"),
        ("cuu", "undecided", "of 3 seeds 2 undecided, 1 curve"),
        ("uu", "undecided", "of 2 seeds 2 undecided"),
        ("cm", "mixed", "of 2 seeds 1 curve, 1 mean-field"),
        ("rrrrcu", "mixed", "of 6 seeds 4 realisation, 1 curve, 1 undecided"),
    ],
)
def test_seeds_are_counted(kinds: str, expected: str, words: str) -> None:
    letters = {key[0]: value for key, value in SLOPES.items()} | {"u": (-0.6, -0.9, -1.0)}
    found = verdict(powers(*(letters[letter] for letter in kinds)))
    assert found.verdict == expected and words in found.sentence


@given(order=st.permutations(["curve", "curve", "mean-field", "realisation"]))
def test_the_order_of_the_seeds_does_not_matter(order: list[str]) -> None:
    found = verdict(powers(*(SLOPES[kind] for kind in order)))
    assert [found.by_seed[i].verdict for i in range(4)] == order
    assert found.verdict == "mixed"


@pytest.mark.parametrize("count", [1, 2])
def test_two_depths_have_no_verdict(count: int) -> None:
    found = verdict(powers(SLOPES["curve"], depths=DEPTHS[:count]), depths=DEPTHS[:count])
    assert found.verdict == "undecided" and "three" in found.sentence
    assert found.by_seed[0].verdict == "undecided"


@pytest.mark.parametrize("hole", [np.nan, np.inf])
@pytest.mark.parametrize("kind", SLOPES)
def test_missing_depths_are_left_out(kind: str, hole: float) -> None:
    changes = powers(SLOPES[kind], SLOPES[kind])
    for values in changes.values():
        values[1, [0, 4]] = hole
    assert verdict(changes).by_seed[1].verdict == kind


@pytest.mark.parametrize("missing", [7, 6, 5])
@pytest.mark.filterwarnings("error")
def test_a_seed_with_hardly_any_depth_is_undecided(missing: int) -> None:
    changes = powers(SLOPES["curve"], SLOPES["curve"])
    for values in changes.values():
        values[1, :missing] = np.nan
    found = verdict(changes)
    assert found.by_seed[1].verdict == "undecided"
    assert found.verdict == "curve"


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e3])
@pytest.mark.parametrize("kind", SLOPES)
def test_a_common_factor_changes_nothing(kind: str, scale: float) -> None:
    changes = {name: scale * values for name, values in powers(SLOPES[kind]).items()}
    assert verdict(changes).verdict == kind


# The mean over draws.


@given(st.lists(st.floats(1e-100, 1e100), min_size=1, max_size=8))
def test_geometric_mean_is_that_of_scipy(samples: list[float]) -> None:
    assert geometric_mean(np.array(samples)) == pytest.approx(float(stats.gmean(samples)))


@pytest.mark.parametrize("samples", [[0.0, 1.0], [1.0, np.nan], [-1.0]], ids=str)
@pytest.mark.filterwarnings("error")
def test_samples_without_a_logarithm_have_no_mean(samples: list[float]) -> None:
    assert math.isnan(geometric_mean(np.array(samples)))


# Networks of known kind; benchmarks/function_errors.py has the whole table.

SHORT = (16, 32, 64, 128, 256)


def test_the_forward_pass_is_the_recursion() -> None:
    random = np.random.default_rng(0)
    weights, h0 = random.standard_normal((3, 5, D, D)), random.standard_normal((4, D))
    found = last_states(weights, h0, 0.5, relu)
    for network, state in zip(weights, found, strict=True):
        for sample, end in zip(h0, state, strict=True):
            h = sample.copy()
            for block in network:
                h = h + 5**-0.5 * np.array([max(float(row @ h), 0.0) for row in block])
            np.testing.assert_allclose(end, h, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name, kind in FUNCTIONS.items() if not kind.borderline])
def test_networks_of_known_kind_are_recognised(name: str) -> None:
    kind = FUNCTIONS[name]
    found = measured(kind, SHORT, 4)
    assert judged(kind, found)["wrong"] == 0
    assert judged(kind, found)["right"] >= 3
    assert found.verdict == kind.limit


@pytest.mark.parametrize("name", ["fractional .7", "fractional .8", "fractional .9"])
def test_a_fractional_driver_is_no_curve_and_no_mean_field(name: str) -> None:
    found = measured(FUNCTIONS[name], SHORT, 3)
    assert {seed.verdict for seed in found.by_seed.values()} <= {"realisation", "undecided"}


@pytest.mark.parametrize("name", ["noise of 10 %, tanh", "noise of 10 %, relu"])
def test_small_noise_is_no_curve(name: str) -> None:
    found = measured(FUNCTIONS[name], SHORT, 3)
    assert {seed.verdict for seed in found.by_seed.values()} <= {"mean-field", "undecided"}


@pytest.mark.parametrize("name", ["curve, tanh", "mean field, tanh", "mean field, relu"])
def test_slopes_are_those_of_theory(name: str) -> None:
    kind = FUNCTIONS[name]
    found = measured(kind, SHORT, 4)
    for i, key in enumerate(INTERVENTIONS):
        slopes = [seed.slopes[key].value for seed in found.by_seed.values()]
        assert np.mean(slopes) == pytest.approx(SLOPES[kind.limit][i], abs=0.1)


@pytest.mark.long
@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_rates(name: str) -> None:
    # Those of few seeds; the table of many is that of the benchmark.
    kind = FUNCTIONS[name]
    found = judged(kind, measured(kind, tuple(DEPTHS.astype(int).tolist()), 12))
    assert found["wrong"] == 0
    assert kind.borderline or found["right"] >= 10
