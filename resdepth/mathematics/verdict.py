"""The rules that tell limits of weights apart: smooth, diffusive, rough, other, or undecided.

A.-S. Cohen, R. Cont, A. Rossier & R. Xu, ICML 2021, arXiv 2105.12245: H1, A_k = L^(-beta) Abar(k/L)
with a smooth Abar; H2, such a trend plus the increments of a diffusion, noise of size L^(-1/2).
Intervals of exponents decide, by one rule more than the slopes of V1 and I: weights that look
smooth at the given depths are not, if noise that is still small does not vanish.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from resdepth.mathematics.exponents import Table
from resdepth.mathematics.interval import Interval

Kind = Literal["smooth", "diffusive", "rough", "other", "mixed", "undecided"]
"""Rough: noise of another size, or dependent; other: sparse or a jump; mixed: several seeds."""

SPARSE = -0.4  # `pr` below this: single layers dominate
SMOOTH_Q1 = 0.25  # `q1` below this: noise, if any, vanishes faster than L^(-3/4)
SMOOTH_IREL = -0.5  # `irel` below this: the increments vanish, there are no jumps
ROUGH_Q1 = 0.1  # `q1` above this: V1 grows with L
DIFFUSIVE_NU = (0.35, 0.65)  # `nu` of a diffusion is 1/2; the whole interval must lie in here
OTHER_NU = (0.4, 0.6)  # If the interval of `nu` lies outside, the noise has another size
DIFFUSIVE_H = (0.4, 0.6)  # `hurst` of a diffusion is 1/2
GUARD_DEPTHS = 4  # The estimates of this many deepest depths must lie on the same side
BOUNDED = 0.5  # noise that vanishes faster than L^(-1/2), relative to the weights: P2 is bounded
DEPENDENT = 1.0  # a Hurst exponent above this is no noise: a jump of the weights has 3/2
ENOUGH = 5  # Dyadic depths, and seeds, needed for the documented error rates
FEWEST_DEPTHS, FEWEST_SEEDS = 3, 2  # With fewer depths or seeds there is no verdict


class Decision(NamedTuple):
    """A verdict, its reason, the exponents it rests on, and whether it looks smooth so far."""

    verdict: Kind
    reason: str
    used: tuple[str, ...] = ()
    hidden: bool = False


def rule(found: Mapping[str, Interval], noise_seen: bool) -> Decision:
    """The first rule that matches; `noise_seen`: noise is visible at the deepest depth.

    `found` has the intervals of all exponents, with `rho`, the slope of RMS / NOISE.
    """
    pr, q1, irel, rho, hurst = (found[n] for n in ("pr", "q1", "irel", "rho", "hurst"))
    if not (pr.known and q1.known and irel.known):
        unknown = ", ".join(name for name in ("pr", "q1", "irel") if not found[name].known)
        text = f"no interval for {unknown}: too few depths, or weights that are 0 or constant"
        return Decision("undecided", text)
    if pr.high < SPARSE:
        return Decision("other", f"sparse: a few layers dominate, pr = {pr}", ("pr",))
    if pr.low < SPARSE:
        text = f"a few layers may dominate: pr = {pr} reaches below {SPARSE}"
        return Decision("undecided", text, ("pr",))
    looks_smooth = irel.high < SMOOTH_IREL and q1.high < SMOOTH_Q1
    if q1.low > ROUGH_Q1 and not looks_smooth:
        return _rough(found)
    shown, both = f"q1 = {q1}, irel = {irel}", ("q1", "irel")
    noise, smooth_so_far = f"rho = {rho}, H = {hurst}, {shown}", q1.value < SMOOTH_Q1
    noisy = noise_seen and rho.known and hurst.value < DEPENDENT
    # The noise exponent over the depths at which the noise can be seen.
    seen = Interval(*(found["beta"].value + end for end in (rho.value, rho.low, rho.high)))
    if noisy and seen.within(*DIFFUSIVE_NU) and hurst.within(*DIFFUSIVE_H):
        text = f"diffusive: small noise of size L^(-1/2), nu = {seen}, {noise}"
        return Decision("diffusive", text, ("rho", "hurst"), smooth_so_far)
    another = seen.outside(*OTHER_NU) or hurst.outside(*DIFFUSIVE_H)
    if noisy and rho.high < OTHER_NU[0] and another:
        text = f"noise in every layer does not vanish: {noise}"
        return Decision("rough", text, ("rho", "hurst"), smooth_so_far)
    if looks_smooth:
        if noisy and not rho.low > BOUNDED:
            return Decision("undecided", f"smooth so far, but noise may stay: {noise}", both)
        text = f"smooth: V1 and the increments scale as for a smooth path, {shown}"
        return Decision("smooth", text, both)
    if q1.high < SMOOTH_Q1 and irel.low > SMOOTH_IREL and not (noisy and rho.value < BOUNDED):
        text = f"a jump: V1 is bounded, but the largest increment does not vanish, {shown}"
        return Decision("other", text, both)
    return Decision("undecided", f"the intervals allow smooth and rough paths: {shown}", both)


def _rough(found: Mapping[str, Interval]) -> Decision:
    used = ("q1", "nu", "hurst")
    nu, hurst = found["nu"], found["hurst"]
    shown = f"q1 = {found['q1']}, nu = {nu}, H = {hurst}"
    if nu.within(*DIFFUSIVE_NU) and hurst.within(*DIFFUSIVE_H):
        text = f"diffusive: independent noise of size L^(-1/2) per layer, {shown}"
        return Decision("diffusive", text, used)
    if hurst.outside(*DIFFUSIVE_H):
        text = f"rough, but the layers are dependent (H is not 1/2): {shown}"
        return Decision("rough", text, used)
    if nu.outside(*OTHER_NU):
        text = f"independent noise in every layer, but not of size L^(-1/2): {shown}"
        return Decision("rough", text, used)
    return Decision("undecided", f"rough, but the interval of nu or H is too wide: {shown}", used)


def few(table: Table) -> Iterator[str]:
    """What the number of depths and seeds costs."""
    span = 1 + math.floor(math.log2(table.depths[-1] / table.depths[0]) + 1e-9)
    depths, seeds = min(span, len(table.depths)), len(table.seeds)
    if depths < ENOUGH:
        decided = "about four cases in five are" if depths == 4 else "hardly any case is"
        yield (
            f"{counted(depths, 'dyadic depth')} instead of {ENOUGH}: {decided} decided, "
            "and a bend cannot be told from a power law"
        )
    if seeds < ENOUGH:
        yield f"{counted(seeds, 'seed')} instead of {ENOUGH}: fewer cases are decided"


def counted(count: int, word: str) -> str:
    """A number of things, as in "1 seed" or "2 seeds"."""
    return f"{count} {word}{'s' * (count != 1)}"
