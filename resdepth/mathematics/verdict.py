"""Which limit trained weights approach: smooth (H1), diffusive (H2), neither, or undecided.

A.-S. Cohen, R. Cont, A. Rossier & R. Xu, ICML 2021, arXiv 2105.12245: H1, A_k = L^(-beta) Abar(k/L)
with a smooth Abar; H2, such a trend plus the increments of a diffusion, noise of size L^(-1/2).
Intervals of exponents decide; error rates: `benchmarks/verdict_errors.py`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from resdepth.mathematics.exponents import Table, exponents
from resdepth.mathematics.interval import Interval

Limit = Literal["H1", "H2", "neither", "undecided"]

SPARSE = -0.4  # `pr` below this: single layers dominate
SMOOTH_Q1 = 0.25  # `q1` below this: noise, if any, vanishes faster than L^(-3/4)
SMOOTH_IREL = -0.5  # `irel` below this: the increments vanish, there are no jumps
ROUGH_Q1 = 0.1  # `q1` above this: V1 grows with L
DIFFUSIVE_NU = (0.35, 0.65)  # `nu` of a diffusion is 1/2; the whole interval must lie in here
OTHER_NU = (0.4, 0.6)  # If the interval of `nu` lies outside, the noise has another size
DIFFUSIVE_H = (0.4, 0.6)  # `hurst` of a diffusion is 1/2
GUARD_DEPTHS = 4  # The estimates of this many deepest depths must lie on the same side
ENOUGH = 5  # Dyadic depths, and seeds, needed for the documented error rates
FEWEST_DEPTHS, FEWEST_SEEDS = 3, 2  # With fewer depths or seeds there is no verdict


@dataclass(frozen=True)
class Verdict:
    """The limit, the reason in one sentence, the intervals that decided, and cautions."""

    limit: Limit
    reason: str
    used: Mapping[str, Interval]
    cautions: tuple[str, ...] = ()


def decide(table: Table) -> Verdict:
    """The verdict on one experiment, from 3 depths and 2 seeds, with cautions below 5 of either.

    Noise that vanishes faster than L^(-3/4) passes as smooth; H near .4 and .6 remains undecided.
    """
    depths, seeds = len(table.depths), len(table.seeds)
    if depths < FEWEST_DEPTHS or seeds < FEWEST_SEEDS:
        reason = (
            f"{_counted(depths, 'depth')} and {_counted(seeds, 'seed')}: a verdict "
            f"needs at least {FEWEST_DEPTHS} depths and {FEWEST_SEEDS} seeds, better {ENOUGH} each"
        )
        return Verdict("undecided", reason, {})
    found = exponents(table)
    intervals = found.intervals
    limit, reason, names = _limit(intervals)
    if limit != "undecided" and (bends := _bends(intervals, names, table)):
        limit, reason = "undecided", f"{bends} ({reason})"
    bending = (
        f"{name} bends ({law.bend}): the exponent is an effective one over these depths"
        for name, law in found.laws.items()
        if name in names and law.bends
    )
    used = {name: intervals[name] for name in names}
    return Verdict(limit, reason, used, (*_few(table), *bending))


def _limit(intervals: Mapping[str, Interval]) -> tuple[Limit, str, tuple[str, ...]]:
    """The first rule that matches: limit, reason, and the names of the exponents it used."""
    unknown = [name for name in ("pr", "q1", "irel") if not intervals[name].known]
    if unknown:
        reason = f"no interval for {', '.join(unknown)}: the weights of some path are 0 or constant"
        return "undecided", reason, ()
    pr, q1, irel, nu, hurst = (intervals[name] for name in ("pr", "q1", "irel", "nu", "hurst"))
    if pr.high < SPARSE:
        return "neither", f"sparse: a few layers dominate, pr = {pr}", ("pr",)
    if pr.low < SPARSE:
        reason = f"a few layers may dominate: pr = {pr} reaches below {SPARSE}"
        return "undecided", reason, ("pr",)
    used: tuple[str, ...] = ("q1", "irel")
    shown = f"q1 = {q1}, irel = {irel}"
    if irel.high < SMOOTH_IREL and q1.high < SMOOTH_Q1:
        return "H1", f"smooth: V1 and the increments scale as for a smooth path, {shown}", used
    if q1.low <= ROUGH_Q1:
        if q1.high < SMOOTH_Q1 and irel.low > SMOOTH_IREL:
            jump = "a jump: V1 is bounded, but the largest increment does not vanish"
            return "neither", f"{jump}, {shown}", used
        return "undecided", f"the intervals allow smooth and rough paths: {shown}", used
    used, shown = ("q1", "nu", "hurst"), f"q1 = {q1}, nu = {nu}, H = {hurst}"
    if nu.within(*DIFFUSIVE_NU) and hurst.within(*DIFFUSIVE_H):
        return "H2", f"diffusive: independent noise of size L^(-1/2) per layer, {shown}", used
    if hurst.outside(*DIFFUSIVE_H):
        return "neither", f"rough, but the layers are dependent (H is not 1/2): {shown}", used
    if nu.outside(*OTHER_NU):
        noise = "independent noise in every layer, but not of size L^(-1/2)"
        return "neither", f"{noise}: {shown}", used
    return "undecided", f"rough, but the interval of nu or H is too wide: {shown}", used


def _bends(intervals: Mapping[str, Interval], names: Sequence[str], table: Table) -> str:
    """Which exponent lies on the other side of a threshold at the deepest depths alone."""
    deepest = exponents(table.deepest(GUARD_DEPTHS)).intervals
    for name, border in (("q1", SMOOTH_Q1), ("irel", SMOOTH_IREL)):
        whole, deep = intervals[name].value, deepest[name].value
        if name in names and not math.isnan(deep) and (whole < border) != (deep < border):
            over = f"but {deep:.3f} over the deepest {GUARD_DEPTHS} depths"
            return f"it bends: {name} = {whole:.3f}, {over}"
    return ""


def _few(table: Table) -> Iterator[str]:
    span = 1 + math.floor(math.log2(table.depths[-1] / table.depths[0]) + 1e-9)
    depths, seeds = min(span, len(table.depths)), len(table.seeds)
    if depths < ENOUGH:
        decided = "about four cases in five are" if depths == 4 else "hardly any case is"
        yield (
            f"{_counted(depths, 'dyadic depth')} instead of {ENOUGH}: {decided} decided, "
            "and a bend cannot be told from a power law"
        )
    if seeds < ENOUGH:
        yield f"{_counted(seeds, 'seed')} instead of {ENOUGH}: fewer cases are decided"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"
