"""What the network's function sees of the noise in its weights: a verdict from interventions.

The output change of an intervention is a power of L whose exponent depends on the limit of the
network's function (Gaussian fluctuations around averages; see docs/limit.md):

| limit                                    | `smooth`   | `pair`       | `shuffle`    |
|------------------------------------------|------------|--------------|--------------|
| a curve: h' = sigma(A(t) h)              | -1         | -3/2         | -1           |
| mean field: h' = E sigma(A(t) h)         | 0          | -1/2         | -1           |
| the realisation: an SDE                  | 0 to -1/5  | 0            | -1/4 to -1/2 |
| the realisation: fractional noise of H   | -(2H - 1)  | -(H - 1/2)   | -1/2         |
| none: single layers                      | 0          | 0            | -1/2         |
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from resdepth.mathematics import Array
from resdepth.mathematics.interval import LEVEL, Interval
from resdepth.mathematics.interventions import INTERVENTIONS
from resdepth.mathematics.slopes import power_law
from resdepth.mathematics.verdict import FEWEST_DEPTHS, GUARD_DEPTHS, SPARSE

FunctionKind = Literal["curve", "mean-field", "realisation", "none", "mixed", "undecided"]

CURVE_PAIR, CURVE_SMOOTH = -1.0, -0.5
"""A curve: `pair` below the first, `smooth` below the second."""
MEAN_FIELD_PAIR, MEAN_FIELD_SHUFFLE = (-0.75, -0.25), -0.75
"""Mean field: `pair` within, `smooth` above `CURVE_SMOOTH`, `shuffle` below the second."""
REALISATION_PAIR = -0.3
"""The realisation matters: `pair` above this."""
MEANINGS = {
    "curve": "layers may be replaced by a curve, noise does not change the function",
    "mean-field": "noise changes the function, its realisation does not",
    "realisation": "the realisation of the noise changes the function",
    "none": "single layers dominate, the function has no limit along k/L",
}
"""What a verdict means."""


@dataclass(frozen=True)
class SeedFunction:
    """One seed: verdict, slopes of the log of the output changes on log L, and the changes.

    `changes` are by intervention, (depths,), NaN for missing depths.
    """

    verdict: FunctionKind
    slopes: Mapping[str, Interval]
    changes: Mapping[str, Array]


@dataclass(frozen=True)
class FunctionLimit:
    """The limit of the network's function, in one sentence and seed by seed."""

    verdict: FunctionKind
    sentence: str
    by_seed: Mapping[int | str, SeedFunction]

    def undecided(self, reason: str) -> "FunctionLimit":
        """The same numbers without a verdict."""
        seeds = {name: replace(one, verdict="undecided") for name, one in self.by_seed.items()}
        return FunctionLimit("undecided", reason, seeds)


def function_limit(
    depths: Array,
    changes: Mapping[str, Array],
    seeds: tuple[int | str, ...],
    participation: Mapping[int | str, Interval],
) -> FunctionLimit:
    """The verdict on output changes (seeds, depths) by intervention, NaN for missing cells.

    `participation` has the exponent of each seed's participation ratio.
    """
    found = {
        name: _seed(depths, {key: changes[key][i] for key in INTERVENTIONS}, participation[name])
        for i, name in enumerate(seeds)
    }
    counts = Counter(seed.verdict for seed in found.values())
    decided = [kind for kind in counts if kind != "undecided"]
    counted = ", ".join(f"{n} {kind}" for kind, n in counts.most_common())
    if len(depths) < FEWEST_DEPTHS:
        return FunctionLimit("undecided", f"{len(depths)} depths: a slope needs three", found)
    if len(decided) > 1:
        return FunctionLimit("mixed", f"of {len(seeds)} seeds {counted}", found)
    if not decided or 2 * counts[decided[0]] < len(seeds):
        return FunctionLimit("undecided", f"of {len(seeds)} seeds {counted}", found)
    kind = decided[0]
    return FunctionLimit(kind, f"{MEANINGS[kind]} (of {len(seeds)} seeds {counted})", found)


def _seed(depths: Array, changes: Mapping[str, Array], participation: Interval) -> SeedFunction:
    slopes = {name: _slope(depths, row) for name, row in changes.items()}
    # Small noise shows at the deepest depths first: there the function leaves the curve.
    deepest = _slope(depths[-GUARD_DEPTHS:], changes["pair"][-GUARD_DEPTHS:]).value
    return SeedFunction(_rule(slopes, participation, deepest), slopes, changes)


def _slope(depths: Array, row: Array) -> Interval:
    """Slope of log row on log L, with a 95 % interval by Student's t with D - 3 degrees of freedom.

    The depths of a seed share their noise, so that deviations are correlated. With D - 2 degrees
    the coverage is down to 86 %, with D - 3 it is at least 94 % (`benchmarks/function_errors.py`).
    """
    there = np.isfinite(row)
    found, freedom = power_law(depths[there], row[None, there]).exponent, int(there.sum()) - 3
    if freedom < 1:
        return Interval(found.value, math.nan, math.nan)
    more, less = (float(stdtrit(n, 0.5 + LEVEL / 2)) for n in (freedom, freedom + 1))
    half = (found.high - found.value) * more / less
    return Interval(found.value, found.value - half, found.value + half)


def _rule(slopes: Mapping[str, Interval], participation: Interval, deepest: float) -> FunctionKind:
    smooth, pair, shuffle = (slopes[name] for name in INTERVENTIONS)
    if participation.high < SPARSE and not pair.high < REALISATION_PAIR:
        return "none"
    if pair.high < CURVE_PAIR and deepest < CURVE_PAIR and smooth.high < CURVE_SMOOTH:
        return "curve"
    averaged = pair.within(*MEAN_FIELD_PAIR) and shuffle.high < MEAN_FIELD_SHUFFLE
    if averaged and smooth.low > CURVE_SMOOTH:
        return "mean-field"
    if pair.low > REALISATION_PAIR:
        return "realisation"
    return "undecided"


def geometric_mean(samples: Array) -> float:
    """Mean of the logarithms of `samples` (draws,), as a number of the same unit."""
    if not np.all(samples > 0):
        return math.nan
    return float(np.exp(np.log(samples).mean()))
