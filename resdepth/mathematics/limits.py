"""Which limit the weights approach, seed by seed, and whether the seeds agree."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resdepth.mathematics import Array
from resdepth.mathematics.agreement import Agreement, agreement
from resdepth.mathematics.crossover import crossover_depth
from resdepth.mathematics.exponents import DEEPEST, Table, law_values
from resdepth.mathematics.interval import Interval, mean_interval
from resdepth.mathematics.slopes import PowerLaw, power_law
from resdepth.mathematics.verdict import (
    BOUNDED,
    ENOUGH,
    FEWEST_DEPTHS,
    FEWEST_SEEDS,
    GUARD_DEPTHS,
    SMOOTH_IREL,
    SMOOTH_Q1,
    Decision,
    Kind,
    counted,
    few,
    rule,
)

THRESHOLDS = {"q1": SMOOTH_Q1, "irel": SMOOTH_IREL, "rho": BOUNDED}
"""Seeds on both sides of one of these may have different limits."""
SURE = 1e-4  # p-value below which seeds may be mixed: three tests, and exponents near thresholds
APART = 0.3  # extreme slopes of a mixed study differ by more than this
LIMITS = {"smooth": "H1", "diffusive": "H2", "rough": "neither", "other": "neither"}
"""Names of the limits in the literature; "undecided" for the other verdicts."""


@dataclass(frozen=True)
class Parts:
    """2-variation norms of trend and noise (seeds, depths), see `crossover.PathParts`.

    `visible` says whether noise can be told from the trend; it is true where nothing is known.
    """

    trend: Array
    noise: Array
    visible: NDArray[np.bool_]

    @classmethod
    def unknown(cls, table: Table) -> "Parts":
        """Nothing is known about the parts of any path."""
        shape = len(table.seeds), len(table.depths)
        return cls(np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, True))


@dataclass(frozen=True)
class SeedLimit:
    """The limit of one seed: verdict, reason, exponents by name, and its noise.

    `hidden`: at the given depths the weights look smooth, and the noise takes over later.
    """

    verdict: Kind
    reason: str
    exponents: Mapping[str, Interval]  # with `rho`, the slope of RMS / NOISE
    noise_share: float  # NOISE / RMS at the deepest depth
    crossover: Interval  # the depth L* beyond which the noise dominates P2
    hidden: bool = False

    @property
    def noise_takes_over(self) -> bool | None:
        """Whether there is a crossover depth; None if it is not known."""
        return None if math.isnan(self.crossover.value) else math.isfinite(self.crossover.value)

    @property
    def growth(self) -> Interval:
        """The exponent of P2 / RMS as L goes to infinity, max(0, 1/2 - rho)."""
        rho = self.exponents["rho"]
        return Interval(*(max(0.0, 0.5 - x) for x in (rho.value, rho.high, rho.low)))


@dataclass(frozen=True)
class WeightsLimit:
    """The limit of an experiment, with the reason in one sentence and cautions.

    `used` are the intervals that decided, `agreement` tests each exponent over the seeds.
    """

    verdict: Kind
    reason: str
    used: Mapping[str, Interval]
    cautions: tuple[str, ...]
    agreement: Mapping[str, Agreement]
    by_seed: Mapping[int | str, SeedLimit]

    @property
    def limit(self) -> str:
        """The verdict in the words of the literature: H1, H2, neither, or undecided."""
        return LIMITS.get(self.verdict, "undecided")

    @property
    def disagreement(self) -> tuple[str, Agreement]:
        """The deciding exponent whose slopes differ most, and its test."""
        tested = {name: self.agreement[name] for name in THRESHOLDS}
        known = {n: a for n, a in tested.items() if not math.isnan(a.p_value)} or tested
        return min(known.items(), key=lambda item: item[1].p_value)


Rows = Mapping[str, Array]


def decide(table: Table, parts: Parts | None = None, beta: float = 0.0) -> WeightsLimit:
    """The limit of each seed, whether they agree, and the verdict on all of them.

    It needs 3 depths and 2 seeds, with cautions below 5 of either. Noise that vanishes faster than
    L^(-3/4) passes as smooth; Hurst exponents near .4 and .6 remain undecided.
    """
    parts = parts or Parts.unknown(table)
    values = _values(table, parts, beta)
    tests = {name: agreement(table.depths, found) for name, found in values.items()}
    seeds = {name: _seed_limit(table, values, parts, i) for i, name in enumerate(table.seeds)}
    laws = {name: power_law(table.depths, rows) for name, rows in values.items()}
    intervals = _intervals(laws, table.values["H"], parts.visible)
    made = _whole(table, values, parts, intervals, tests, seeds)
    bending = (
        f"{name} bends ({law.bend}): the exponent is an effective one over these depths"
        for name, law in laws.items()
        if name in made.used and law.bends
    )
    used = {name: intervals[name] for name in made.used}
    cautions = (*few(table), *bending) if made.used else ()
    return WeightsLimit(made.verdict, made.reason, used, cautions, tests, seeds)


def _values(table: Table, parts: Parts, beta: float) -> dict[str, Array]:
    """The values whose slopes decide; `rho`, RMS / NOISE, only where the noise can be seen."""
    values = law_values(table, beta)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = table.values["RMS"] / table.values["NOISE"]
    return values | {"rho": np.where(parts.visible, rho, np.nan)}


def _intervals(
    laws: Mapping[str, PowerLaw], hursts: Array, seen: NDArray[np.bool_]
) -> dict[str, Interval]:
    """The intervals of all exponents, and H over the deepest depths at which noise is visible."""
    found = {name: law.exponent for name, law in laws.items()}
    rows = [h[s & np.isfinite(h)][-DEEPEST:] for h, s in zip(hursts, seen, strict=True)]
    means = np.array([row.mean() if len(row) else math.nan for row in rows])
    return found | {"hurst": mean_interval(rows[0] if len(rows) == 1 else means)}


def _seed_limit(table: Table, values: Rows, parts: Parts, i: int) -> SeedLimit:
    there = ~np.isnan(table.values["RMS"][i])
    depths, deepest = table.depths[there], np.flatnonzero(there)[-1]
    laws = {name: power_law(depths, rows[i : i + 1, there]) for name, rows in values.items()}
    found = _intervals(laws, table.values["H"][i : i + 1, there], parts.visible[i : i + 1, there])
    made = rule(found, bool(np.isfinite(parts.noise[i, deepest])))
    size = float(table.values["RMS"][i, deepest])
    share = float(table.values["NOISE"][i, deepest]) / size if size > 0 else math.nan
    crossover = crossover_depth(depths, parts.trend[i, there], parts.noise[i, there])
    return SeedLimit(made.verdict, made.reason, found, share, crossover, made.hidden)


def _whole(
    table: Table,
    values: Rows,
    parts: Parts,
    found: Mapping[str, Interval],
    tests: Mapping[str, Agreement],
    seeds: Mapping[int | str, SeedLimit],
) -> Decision:
    """The verdict on all seeds: mixed, that of `found`, the pooled exponents, or of most seeds."""
    depths, number = len(table.depths), len(seeds)
    if depths < FEWEST_DEPTHS or number < FEWEST_SEEDS:
        needed = f"at least {FEWEST_DEPTHS} depths and {FEWEST_SEEDS} seeds, better {ENOUGH} each"
        have = f"{counted(depths, 'depth')} and {counted(number, 'seed')}"
        return Decision("undecided", f"{have}: a verdict needs {needed}")
    kinds = Counter(seed.verdict for seed in seeds.values())
    shown = f"of {number} seeds {', '.join(f'{n} {kind}' for kind, n in kinds.most_common())}"
    decided = kinds.keys() - {"undecided"}
    agree = len(kinds) == len(decided) == 1
    for name in (name for name in THRESHOLDS if not agree and _mixed(name, seeds, tests[name])):
        slopes = [seed.exponents[name].value for seed in seeds.values()]
        span = f"{name} from {np.nanmin(slopes):.2f} to {np.nanmax(slopes):.2f}"
        text = f"the seeds do not share one limit ({shown}): {span}, p = {tests[name].p_value:.1g}"
        return Decision("mixed", text, (name,))
    deepest = parts.noise[np.isfinite(table.values["RMS"][:, -1]), -1]
    made = rule(found, bool(np.isfinite(deepest).any()))
    # A path of zeros has no exponents (`used` is empty): no majority speaks for it.
    if len(decided) == 1 and made.verdict == "undecided" and made.used:
        (kind,) = decided
        first, *more = (seed for seed in seeds.values() if seed.verdict == kind)
        if 2 * (1 + len(more)) > number:
            text = f"{shown}; the first of them: {first.reason}"
            made = Decision(kind, text, made.used, first.hidden)
    contrary = number - kinds[made.verdict] - kinds["undecided"]
    if made.verdict != "undecided" and 2 * contrary > number:
        return Decision("undecided", f"{shown}; their mean: {made.reason}", made.used)
    # Noise that takes over makes V1 bend.
    return made if made.hidden else _guarded(made, table, values, found)


def _mixed(name: str, seeds: Mapping[int | str, SeedLimit], test: Agreement) -> bool:
    """Whether the seeds differ and two of them surely lie on both sides of the threshold."""
    slopes, border = [seed.exponents[name] for seed in seeds.values()], THRESHOLDS[name]
    below = [slope.value for slope in slopes if slope.high < border]
    above = [slope.value for slope in slopes if slope.low > border]
    return test.p_value < SURE and bool(below and above) and max(above) - min(below) > APART


def _guarded(made: Decision, table: Table, values: Rows, found: Mapping[str, Interval]) -> Decision:
    """Undecided if the deepest depths alone lie on the other side of a threshold."""
    for name in (name for name in ("q1", "irel") if name in made.used):
        deep = power_law(table.depths[-GUARD_DEPTHS:], values[name][:, -GUARD_DEPTHS:])
        whole, last, border = found[name].value, deep.exponent.value, THRESHOLDS[name]
        if made.verdict != "undecided" and (whole < border) != (last < border) and last == last:
            bends = f"it bends: {name} = {whole:.3f}, but {last:.3f} over the deepest"
            text = f"{bends} {GUARD_DEPTHS} depths ({made.reason})"
            return Decision("undecided", text, made.used)
    return made
