"""Which limit the weights approach, seed by seed: smooth, diffusive, rough, other, or mixed.

The rules are those of `verdict` on the exponents of one seed, with one more: what the weights look
like at the given depths is not their limit if noise that is still small does not vanish. Then the
exponent of the noise relative to the weights decides, not the slope of V1.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resdepth.mathematics import Array
from resdepth.mathematics.agreement import LEVEL, Agreement, agreement
from resdepth.mathematics.crossover import crossover_depth
from resdepth.mathematics.exponents import DEEPEST, Table, law_values
from resdepth.mathematics.interval import Interval, mean_interval
from resdepth.mathematics.slopes import PowerLaw, power_law
from resdepth.mathematics.verdict import (
    DIFFUSIVE_H,
    DIFFUSIVE_NU,
    FEWEST_DEPTHS,
    GUARD_DEPTHS,
    OTHER_NU,
    ROUGH_Q1,
    SMOOTH_IREL,
    SMOOTH_Q1,
    SPARSE,
)

Kind = Literal["smooth", "diffusive", "rough", "other", "mixed", "undecided"]

BOUNDED = 0.5
"""Noise that vanishes faster than L^(-1/2), relative to the weights, leaves P2 bounded."""
DEPENDENT = 1.0
"""A Hurst exponent above this is no noise: a jump and a Brownian path of weights have 3/2."""
THRESHOLDS = {"q1": SMOOTH_Q1, "irel": SMOOTH_IREL, "rho": BOUNDED}
"""Seeds on both sides of one of these may have different limits."""
APART = 0.3
"""Extreme slopes of a mixed study differ by more than this."""


@dataclass(frozen=True)
class Parts:
    """2-variation norms of trend and noise (seeds, depths), see `crossover.PathParts`.

    `visible` says whether noise can be told from the trend; it is true where nothing is known.
    """

    trend: Array
    noise: Array
    visible: NDArray[np.bool_]


@dataclass(frozen=True)
class SeedLimit:
    """The limit of one seed: verdict, reason, exponents, and its noise.

    `exponents` are by name, with `rho`, the slope of RMS / NOISE; `noise_share` is NOISE / RMS at
    the deepest depth, `crossover` the depth L* beyond which the noise dominates P2. `growth` is the
    exponent of P2 relative to RMS beyond it, max(0, 1/2 - rho). `hidden`: at the given depths the
    weights look smooth, and the noise takes over later.
    """

    verdict: Kind
    reason: str
    exponents: Mapping[str, Interval]
    noise_share: float
    crossover: Interval
    hidden: bool = False

    @property
    def growth(self) -> Interval:
        """The exponent of P2 / RMS as L goes to infinity."""
        rho = self.exponents["rho"]
        return Interval(*(max(0.0, 0.5 - x) for x in (rho.value, rho.high, rho.low)))


@dataclass(frozen=True)
class WeightsLimit:
    """The limit of an experiment, in one sentence; `agreement` tests each exponent over seeds."""

    verdict: Kind
    sentence: str
    agreement: Mapping[str, Agreement]
    by_seed: Mapping[int | str, SeedLimit]

    @property
    def disagreement(self) -> tuple[str, Agreement]:
        """The deciding exponent whose slopes differ most, and its test."""
        tested = {name: self.agreement[name] for name in THRESHOLDS}
        known = {n: a for n, a in tested.items() if not math.isnan(a.p_value)} or tested
        return min(known.items(), key=lambda item: item[1].p_value)


def weights_limit(table: Table, parts: Parts, beta: float = 0.0) -> WeightsLimit:
    """The limit of each seed, whether they agree, and the verdict on all of them."""
    values = _visible(table, parts, beta)
    tests = {name: agreement(table.depths, found) for name, found in values.items()}
    seeds = {
        name: _seed_limit(
            table.depths, {key: row[i : i + 1] for key, row in values.items()}, table, parts, i
        )
        for i, name in enumerate(table.seeds)
    }
    verdict, sentence = _study(table, values, parts.visible, tests, seeds)
    return WeightsLimit(verdict, sentence, tests, seeds)


def _visible(table: Table, parts: Parts, beta: float) -> dict[str, Array]:
    """The values whose slopes decide; `rho` and `nu` only where the noise can be seen."""
    seen = parts.visible
    values = law_values(table, beta)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = table.values["RMS"] / table.values["NOISE"]
    # H and rho of a seed whose noise has vanished at its deepest depth are those of its trend.
    values |= {
        name: np.where(seen, v, np.nan) for name, v in {"rho": rho, "nu": values["nu"]}.items()
    }
    return values


Rows = Mapping[str, Array]


def _laws(depths: Array, values: Rows) -> dict[str, PowerLaw]:
    return {name: power_law(depths, rows) for name, rows in values.items()}


def _intervals(
    depths: Array, values: Rows, hursts: Array, seen: NDArray[np.bool_]
) -> dict[str, Interval]:
    """The intervals of all exponents, and H over the deepest depths at which noise is visible."""
    found = {name: law.exponent for name, law in _laws(depths, values).items()}
    rows = [h[s & np.isfinite(h)][-DEEPEST:] for h, s in zip(hursts, seen, strict=True)]
    if len(rows) > 1:
        means = np.array([row.mean() if len(row) else math.nan for row in rows])
        return found | {"hurst": mean_interval(means)}
    return found | {"hurst": mean_interval(rows[0])}


def _seed_limit(depths: Array, own: Rows, table: Table, parts: Parts, i: int) -> SeedLimit:
    trend, noise, seen = parts.trend[i], parts.noise[i], parts.visible[i]
    there = np.isfinite(table.values["RMS"][i])
    found = _intervals(
        depths[there],
        {n: v[:, there] for n, v in own.items()},
        table.values["H"][i : i + 1, there],
        seen[None, there],
    )
    deepest = np.flatnonzero(there)[-1]
    vanished = not seen[deepest]
    made = _rule(found, vanished)
    share = table.values["NOISE"][i, deepest] / table.values["RMS"][i, deepest]
    crossover = crossover_depth(depths[there], trend[there], noise[there])
    return SeedLimit(made.verdict, made.reason, found, float(share), crossover, made.hidden)


class Decision(NamedTuple):
    """A verdict, its reason, the exponents it rests on, and whether it looks smooth so far."""

    verdict: Kind
    reason: str
    used: tuple[str, ...] = ()
    hidden: bool = False


def _rule(found: Mapping[str, Interval], vanished: bool) -> Decision:
    """The first rule that matches; `vanished`: no noise can be seen at the deepest depth."""
    names = ("pr", "q1", "irel", "rho", "nu", "hurst")
    pr, q1, irel, rho, nu, hurst = (found[name] for name in names)
    if not (pr.known and q1.known and irel.known):
        return Decision("undecided", "too few depths, or weights that are 0 or constant")
    if pr.high < SPARSE:
        return Decision("other", f"sparse: a few layers dominate, pr = {pr}", ("pr",))
    if pr.low < SPARSE:
        text = f"a few layers may dominate: pr = {pr} reaches below {SPARSE}"
        return Decision("undecided", text, ("pr",))
    if q1.low > ROUGH_Q1:
        return _rough(found)
    shown, both = f"q1 = {q1}, irel = {irel}", ("q1", "irel")
    noise, smooth_so_far = f"rho = {rho}, H = {hurst}, {shown}", q1.value < SMOOTH_Q1
    noisy = not vanished and rho.known and hurst.value < DEPENDENT
    if noisy and rho.high < OTHER_NU[0]:
        text = f"noise in every layer does not vanish: {noise}"
        return Decision("rough", text, ("rho", "hurst"), smooth_so_far)
    if noisy and nu.within(*DIFFUSIVE_NU) and hurst.within(*DIFFUSIVE_H):
        text = f"small noise of size L^(-1/2): nu = {nu}, {noise}"
        return Decision("diffusive", text, ("nu", "hurst"), smooth_so_far)
    if irel.high < SMOOTH_IREL and q1.high < SMOOTH_Q1:
        if noisy and not rho.low > BOUNDED:
            return Decision("undecided", f"smooth so far, but noise may stay: {noise}", both)
        text = f"V1 and the increments scale as for a smooth path: {shown}"
        return Decision("smooth", text, both)
    if q1.high < SMOOTH_Q1 and irel.low > SMOOTH_IREL and not (noisy and rho.value < BOUNDED):
        text = f"a jump: V1 is bounded, the largest increment does not vanish: {shown}"
        return Decision("other", text, both)
    return Decision("undecided", f"the intervals allow smooth and rough paths: {shown}", both)


def _rough(found: Mapping[str, Interval]) -> Decision:
    used = ("q1", "nu", "hurst")
    nu, hurst = found["nu"], found["hurst"]
    shown = f"q1 = {found['q1']}, nu = {nu}, H = {hurst}"
    if nu.within(*DIFFUSIVE_NU) and hurst.within(*DIFFUSIVE_H):
        text = f"independent noise of size L^(-1/2) per layer: {shown}"
        return Decision("diffusive", text, used)
    if hurst.outside(*DIFFUSIVE_H):
        return Decision("rough", f"the layers are dependent (H is not 1/2): {shown}", used)
    if nu.outside(*OTHER_NU):
        text = f"independent noise in every layer, not of size L^(-1/2): {shown}"
        return Decision("rough", text, used)
    return Decision("undecided", f"rough, but the interval of nu or H is too wide: {shown}", used)


def _study(
    table: Table,
    values: Rows,
    seen: NDArray[np.bool_],
    tests: Mapping[str, Agreement],
    seeds: Mapping[int | str, SeedLimit],
) -> tuple[Kind, str]:
    counts = Counter(seed.verdict for seed in seeds.values())
    counted = ", ".join(f"{n} {kind}" for kind, n in counts.most_common())
    whole = f"of {len(seeds)} seeds {counted}"
    if len(table.depths) < FEWEST_DEPTHS:
        return "undecided", f"{len(table.depths)} depths: an exponent needs {FEWEST_DEPTHS}"
    differing = [name for name in THRESHOLDS if _mixed(name, seeds, tests[name])]
    if differing:
        name = differing[0]
        slopes = [seed.exponents[name].value for seed in seeds.values()]
        span = f"{name} from {min(slopes):.2f} to {max(slopes):.2f}"
        return (
            "mixed",
            f"the seeds do not share one limit ({whole}): {span}, p = {tests[name].p_value:.1g}",
        )
    decided = [kind for kind in counts if kind != "undecided"]
    agreed = decided[0] if len(decided) == 1 else None
    if agreed and (len(seeds) == 1 or counts[agreed] == len(seeds)):
        return agreed, f"{whole}; {_example(agreed, seeds)}"
    found = _intervals(table.depths, values, table.values["H"], seen)
    vanished = not seen[np.isfinite(table.values["RMS"][:, -1]), -1].any()
    whole_decision = _guarded(_rule(found, vanished), table, values, found)
    kind, reason = whole_decision.verdict, whole_decision.reason
    if kind == "undecided" and agreed and 2 * counts[agreed] > len(seeds):
        return agreed, f"{whole}; {_example(agreed, seeds)}"
    return kind, reason


def _example(kind: Kind, seeds: Mapping[int | str, SeedLimit]) -> str:
    return next(seed.reason for seed in seeds.values() if seed.verdict == kind)


def _mixed(name: str, seeds: Mapping[int | str, SeedLimit], test: Agreement) -> bool:
    slopes = np.array([seed.exponents[name].value for seed in seeds.values()])
    slopes = slopes[np.isfinite(slopes)]
    # One of three tests may reject by chance.
    if len(slopes) < 2 or not test.p_value < LEVEL / len(THRESHOLDS):
        return False
    border = THRESHOLDS[name]
    return slopes.min() < border < slopes.max() and float(np.ptp(slopes)) > APART


def _guarded(made: Decision, table: Table, values: Rows, found: Mapping[str, Interval]) -> Decision:
    """Undecided if the deepest depths alone lie on the other side of a threshold."""
    for name in ("q1", "irel"):
        deep = power_law(table.depths[-GUARD_DEPTHS:], values[name][:, -GUARD_DEPTHS:])
        last, border = deep.exponent.value, THRESHOLDS[name]
        crossed = (found[name].value < border) != (last < border)
        if name in made.used and crossed and not math.isnan(last):
            bends = f"it bends: {name} = {found[name].value:.3f}, but {last:.3f} over the deepest"
            text = f"{bends} {GUARD_DEPTHS} depths ({made.reason})"
            return Decision("undecided", text, made.used)
    return made
