"""From L to 2L: whether paths of one seed approach each other as the depth grows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resdepth.analysis.pool import seed_names, together
from resdepth.mathematics import Array
from resdepth.mathematics.interval import Interval, mean_interval
from resdepth.mathematics.slopes import PowerLaw, power_law
from resdepth.mathematics.statistics import doubling_distance
from resdepth.weights.weight_path import WeightPath


@dataclass(frozen=True)
class Doubling:
    """The distances from depth L to 2L, one per seed (NaN if missing), and their geometric mean."""

    depth: int
    values: Array
    mean: Interval


@dataclass(frozen=True)
class DoublingTable:
    """One row per pair of depths of paths scaled by L^beta, and the power of L they follow."""

    beta: float
    rows: tuple[Doubling, ...]
    law: PowerLaw

    @property
    def sentence(self) -> str:
        """Whether the distance decreases, in words."""
        exponent = self.law.exponent
        if not exponent.known:
            return "too few depths to tell whether the distance from L to 2L decreases"
        seeds = f" (from {self.law.rests_on} seeds)" if self.law.excluded else ""
        answer = "the data do not show that it decreases"
        if exponent.high < 0:
            answer = "it decreases, the paths approach each other"
        elif exponent.low > 0:
            answer = "it grows, the paths move apart"
        return f"slope of the log of the distance from L to 2L: {exponent}{seeds}; {answer}"


def doubling_table(models: Sequence[WeightPath], beta: float) -> DoublingTable | None:
    """The distances between all depths L and 2L of one seed; None if there is no such pair.

    Initial weights of one seed are coupled across depths; so are the trained ones if they have a
    limit.
    """
    models = together(models)
    known = {(name, m.depth): m for name, m in zip(seed_names(models), models, strict=True)}
    seeds = list(dict.fromkeys(name for name, _ in known))
    depths = sorted({depth for seed, depth in known if (seed, 2 * depth) in known})
    values = np.full((len(seeds), len(depths)), np.nan)
    for (seed, depth), coarse in known.items():
        if fine := known.get((seed, 2 * depth)):
            distance = doubling_distance(coarse.blocks, fine.blocks, beta)
            values[seeds.index(seed), depths.index(depth)] = distance
    if np.isnan(values).all():
        return None
    rows = []
    for depth, row in zip(depths, values.T, strict=True):
        with np.errstate(divide="ignore"):
            mean = mean_interval(np.log(row[np.isfinite(row)]))
        # Unknown if a distance is 0.
        bounds = (float(np.exp(x)) for x in (mean.value, mean.low, mean.high))
        rows.append(Doubling(depth, row, Interval(*bounds)))
    return DoublingTable(beta, tuple(rows), power_law(np.array(depths, dtype=np.float64), values))
