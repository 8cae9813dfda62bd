"""Does the best learning rate depend on the depth L? Bowls of the loss in log2 of the rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from resdepth.mathematics import Array
from resdepth.mathematics.interval import UNKNOWN, Interval, mean_interval
from resdepth.mathematics.slopes import NOTHING, PowerLaw, by_seed_and_depth, depth_means, power_law

Outcome = Literal["transfers", "drifts", "undecided"]
SAME = 0.1  # An exponent closer than this to the expected one counts as equal
SHARE = 0.04  # Error of a fitted optimum from the shape of the bowl, in steps of the grid
UNIFORM = 12**-0.5  # Deviation of an optimum that is only known to lie within one step
WALL = 8.0  # Five points are fitted if the outer two rise at most this much more than the inner
SKEW = 0.2  # Largest coefficient of the cube, relative to that of the square


@dataclass(frozen=True)
class RateCurve:
    """The criterion (loss or steps) at one depth: `values` (seeds, rates), `rates` ascend.

    NaN is a missing run, infinity one that diverged (`diverged`) or missed its loss.
    """

    depth: int
    rates: Array
    seeds: tuple[int | str, ...]
    values: Array
    diverged: NDArray[np.bool_]

    @property
    def means(self) -> Array:
        """Mean over the seeds, an effect of each seed removed; infinite if one run failed.

        Except by chance: a minority failed, but no run did at a smaller and at a larger rate.
        """
        infinite = np.isinf(self.values)
        clean = np.flatnonzero(~infinite.any(0))
        failed: Any = infinite.any(0)
        if len(clean):
            chance = 2 * infinite.sum(0) < (~np.isnan(self.values)).sum(0)
            failed[clean[0] : clean[-1]] &= ~chance[clean[0] : clean[-1]]
        found = np.full(len(self.rates), np.inf)
        if (~failed).any():
            kept = np.where(infinite, np.nan, self.values)[:, ~failed]
            found[~failed] = depth_means(kept)
        return found

    @property
    def stable(self) -> float:
        """The largest rate at which no run diverged, NaN if there is none."""
        return float(max(self.rates[~self.diverged.any(0)], default=math.nan))


@dataclass(frozen=True)
class DepthOptimum:
    """The best rate at one depth, with its 95 % interval over the seeds, and what it achieves.

    `censored` is "low" or "high" if the best rate tried is the smallest or the largest. `loss` is
    the fitted mean at the best rate, `spread` its deviation over the seeds, `transferred_loss` the
    mean at the rate transferred from the shallowest depth: infinite if runs diverge there, NaN if
    the rate was not tried. `bowl` has the coefficients of 1, x, x^2, x^3 with x = log2(rate).
    """

    curve: RateCurve
    best: Interval
    tried: float  # the rate of the least mean
    censored: Literal["", "low", "high"] = ""
    loss: float = math.nan
    transferred_loss: float = math.nan
    spread: float = math.nan
    by_seed: Array | None = None  # best rates
    error: float = 0.0  # from the grid and the shape of the bowl, in octaves
    window: tuple[float, float] = (math.nan, math.nan)  # rates between which the bowl was fitted
    bowls: Array | None = None

    @property
    def known(self) -> bool:
        """Whether the grid brackets the optimum."""
        return self.by_seed is not None

    def at(self, rate: float) -> Array:
        """The criterion of every seed at a rate: the bowl, else interpolated between the means."""
        x = math.log2(rate)
        if self.bowls is not None and self.window[0] <= rate <= self.window[1]:
            found: Array = self.bowls @ x ** np.arange(4)
            return found
        places, means = np.log2(self.curve.rates), self.curve.means
        if not places[0] - 1e-9 <= x <= places[-1] + 1e-9:
            return np.array([math.nan])
        right = int(np.clip(np.searchsorted(places, x - 1e-9), 0, len(places) - 1))
        left = right if abs(places[right] - x) < 1e-9 else right - 1
        if left == right or np.isinf(means[[left, right]]).any():
            return np.array([means[right] if left == right else math.inf])
        return np.array([np.interp(x, places, means)])


@dataclass(frozen=True)
class Transfer:
    """The answer of one experiment: best rate and largest stable rate as powers of L."""

    depths: tuple[DepthOptimum, ...]
    law: PowerLaw
    exponent: Interval
    stable_exponent: Interval
    verdict: Outcome
    sentence: str
    against: float = 0.0


def transfer(curves: Sequence[RateCurve], against: float = 0.0) -> Transfer:
    """Judge whether the best rate follows L^against, by default whether it is the same at all L.

    `transfers`: the exponent's interval lies within 0.1 of `against`, and the shallowest depth's
    rate loses less than one deviation over the seeds at the deepest; `drifts`: the interval
    excludes `against`. Error rates: `benchmarks/transfer_errors.py`.
    """
    optima = [_optimum(curve) for curve in curves]
    skew = _skew(optima)
    optima = [_fitted(one, skew) for one in optima]
    first = optima[0]
    for place, one in enumerate(optima):
        rate = first.best.value * (one.curve.depth / first.curve.depth) ** against
        if math.isfinite(rate):
            optima[place] = replace(one, transferred_loss=float(one.at(rate).mean()))
    known = [one for one in optima if one.known]
    law, exponent = _power(known)
    limits = _stable_exponent(curves)
    verdict, sentence = _judged(optima, exponent, against)
    return Transfer(tuple(optima), law, exponent, limits, verdict, sentence, against)


def _optimum(curve: RateCurve) -> DepthOptimum:
    """The least mean, and whether the grid brackets it."""
    means = curve.means
    if not np.isfinite(means).any():
        return DepthOptimum(curve, UNKNOWN, math.nan)
    place, last = int(np.argmin(means)), len(means) - 1
    rate = float(curve.rates[place])
    row = curve.values[:, place]
    row = row[np.isfinite(row)]
    spread = float(row.std(ddof=1)) if len(row) > 1 else math.nan
    found = DepthOptimum(
        curve, Interval(rate, math.nan, math.nan), rate, loss=float(means[place]), spread=spread
    )
    if place == 0:
        return replace(found, best=Interval(rate, math.nan, rate), censored="low")
    if place == last:
        return replace(found, best=Interval(rate, rate, math.nan), censored="high")
    around = [place - 1, place, place + 1]
    if not np.isfinite(means[around]).all():
        # Runs fail at a neighbour: the optimum is bracketed, but there is no bowl.
        ends = [float(curve.rates[i]) for i in (place - 1, place + 1)]
        error = math.log2(ends[1] / ends[0]) / 2 * UNIFORM
        rates = np.full(len(curve.seeds), rate)
        return replace(found, best=Interval(rate, *ends), by_seed=rates, error=error)
    wide = [place - 2, *around, place + 2]
    if wide[0] >= 0 and wide[-1] <= last and np.isfinite(means[wide]).all():
        rise = means - means[place]
        if rise[wide[0]] + rise[wide[-1]] <= WALL * (rise[around[0]] + rise[around[-1]]):
            around = wide
    step = math.log2(curve.rates[place + 1] / curve.rates[place - 1]) / 2
    window = float(curve.rates[around[0]]), float(curve.rates[around[-1]])
    return replace(found, window=window, error=SHARE * step)


def _points(one: DepthOptimum) -> tuple[Array, Array, NDArray[np.bool_]]:
    """log2 of the rates of the window relative to the best one tried, values, usable seeds."""
    low, high = one.window
    inside = (one.curve.rates >= low) & (one.curve.rates <= high)
    values = one.curve.values[:, inside]
    usable = np.asarray(np.isfinite(values).all(1))
    return np.log2(one.curve.rates[inside] / one.tried), values[usable], usable


def _skew(optima: Sequence[DepthOptimum]) -> float:
    """Coefficient of the cube relative to the square, shared by all bowls of five points."""
    squares = cubes = 0.0
    for one in optima:
        if math.isfinite(one.window[0]) and (points := _points(one))[0].size == 5:
            x, values, _ = points
            found = np.polynomial.polynomial.polyfit(x, values.T, 3)
            squares, cubes = squares + found[2].sum(), cubes + found[3].sum()
    return float(np.clip(cubes / squares, -SKEW, SKEW)) if squares > 0 else 0.0


def _fitted(one: DepthOptimum, skew: float) -> DepthOptimum:
    """The bowl c + b x + a (x^2 + skew x^3) of every seed, its lowest point within the window."""
    if math.isnan(one.window[0]):
        return one
    x, values, usable = _points(one)
    if not len(values):
        return replace(one, window=(math.nan, math.nan))
    base = np.stack([np.ones_like(x), x, x**2 + skew * x**3], 1)
    c, b, a = np.linalg.lstsq(base, values.T, rcond=None)[0]
    inner = np.maximum(a * a - 3.0 * skew * a * b, 0.0)
    with np.errstate(all="ignore"):
        lowest = -b / (a + np.sqrt(inner))
    lowest = np.where(a > 0, lowest, x[np.argmin(values, 1)])
    lowest = np.clip(lowest, x[0], x[-1])
    by_seed = np.full(len(one.curve.seeds), np.nan)
    by_seed[usable] = one.tried * 2.0**lowest
    bowls = _shifted(np.stack([c, b, a, skew * a], 1), math.log2(one.tried))
    best = mean_interval(np.log2(by_seed))
    best = Interval.around(best.value, math.hypot(best.high - best.value, 2.0 * one.error))
    rates = Interval(*(2.0**end for end in (best.value, best.low, best.high)))
    found = replace(one, best=rates, by_seed=by_seed, bowls=bowls)
    losses = found.at(rates.value)
    spread = float(losses.std(ddof=1)) if len(losses) > 1 else math.nan
    return replace(found, loss=float(losses.mean()), spread=spread)


def _shifted(bowls: Array, by: float) -> Array:
    """Cubics in x - `by` as cubics in x."""
    powers = [np.polynomial.polynomial.polypow([-by, 1.0], k) for k in range(4)]
    matrix = np.array([np.pad(power, (0, 4 - len(power))) for power in powers])
    found: Array = bowls @ matrix
    return found


def _power(known: Sequence[DepthOptimum]) -> tuple[PowerLaw, Interval]:
    """The power of L that the best rates follow; the interval includes the error of the grid."""
    cells = [
        (seed, one.curve.depth, rate)
        for one in known
        if one.by_seed is not None
        for seed, rate in zip(one.curve.seeds, one.by_seed, strict=True)
    ]
    if len(known) < 2:
        return NOTHING, UNKNOWN
    _, depths, rates = by_seed_and_depth(*zip(*cells, strict=True))
    law = power_law(depths, rates)
    return law, _widened(law.exponent, depths, np.array([one.error for one in known]))


def _widened(slope: Interval, depths: Array, errors: Array) -> Interval:
    """The interval of a slope, with independent `errors` (octaves) of the points added."""
    x = np.log2(depths) - np.log2(depths).mean()
    deviation = math.sqrt(float(np.square(x * errors).sum())) / float(x @ x)
    return Interval.around(slope.value, math.hypot(slope.high - slope.value, 2.0 * deviation))


def _stable_exponent(curves: Sequence[RateCurve]) -> Interval:
    """The power of L of the largest stable rate, at depths where a larger rate diverged."""
    cells, depths, errors = [], [], []
    for curve in curves:
        tops = [_top(curve, seed) for seed in range(len(curve.seeds))]
        if curve.stable < curve.rates[-1] and len(curve.rates) > 1:
            cells += [(s, curve.depth, top) for s, top in zip(curve.seeds, tops, strict=True)]
            depths.append(float(curve.depth))
            errors.append(UNIFORM * float(np.median(np.diff(np.log2(curve.rates)))))
    if len(depths) < 2:
        return UNKNOWN
    law = power_law(*by_seed_and_depth(*zip(*cells, strict=True))[1:])
    return _widened(law.exponent, np.array(depths), np.array(errors))


def _top(curve: RateCurve, seed: int) -> float:
    """The largest rate at which this seed did not diverge, NaN if there is none."""
    there = ~np.isnan(curve.values[seed]) & ~curve.diverged[seed]
    return float(max(curve.rates[there], default=math.nan))


def _judged(
    optima: Sequence[DepthOptimum], exponent: Interval, against: float
) -> tuple[Outcome, str]:
    deepest = optima[-1]
    lost = deepest.transferred_loss - deepest.loss
    power = f"the best rate goes like L^{exponent}"
    law = f"lr ∝ L^{against:g}" if against else "one rate"
    known = sum(one.known for one in optima)
    close = exponent.known and exponent.within(against - SAME, against + SAME)
    if close and deepest.known and lost < deepest.spread:
        return "transfers", (
            f"{law} is the best at all depths: {power}, and the best rate of L = "
            f"{optima[0].curve.depth} loses {lost:.2g} at L = {deepest.curve.depth}, less than "
            f"the deviation over seeds ({deepest.spread:.2g})"
        )
    if exponent.known and exponent.outside(against, against):
        factor = 2.0**exponent.value
        return "drifts", f"{power}: multiply the rate by {factor:.3g} for each doubling of L"
    shown = power if math.isfinite(exponent.value) else "the exponent is unknown"
    return "undecided", f"{shown}; {_needed(optima, exponent, known)} would decide it"


def _needed(optima: Sequence[DepthOptimum], exponent: Interval, known: int) -> str:
    """What would decide whether the rate transfers."""
    lows, highs = (
        [str(one.curve.depth) for one in optima if one.censored == side] for side in ("low", "high")
    )
    if lows or highs:
        smaller = f"smaller rates at L = {', '.join(lows)}" if lows else ""
        larger = f"larger rates at L = {', '.join(highs)}" if highs else ""
        return " and ".join(filter(None, (smaller, larger)))
    if known < 3:
        return "more depths with a known best rate"
    seeds = max(len(one.curve.seeds) for one in optima)
    if seeds < 3 or math.isnan(optima[-1].spread):
        return "more seeds"
    grid = math.hypot(*(one.error for one in optima)) / known
    wide = exponent.known and exponent.high - exponent.low > 4 * SAME
    return "a finer grid" if grid > SAME else "more depths" if wide and known < 5 else "more seeds"
