"""Loss against the learning rate at each depth: where the best rate lies, and whether it moves."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from resdepth.analysis.study_runs import CellRow

ENDED = ("finished", "diverged")
FAILED = ("missed", "diverged")


@dataclass(frozen=True)
class RateCurve:
    """Means over the seeds at one depth, for each base rate; infinite if a run diverged."""

    depth: int
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    at_depth: tuple[float, ...] = ()  # the rates at this depth
    steps: tuple[float, ...] = ()  # to the loss at which training stops

    @property
    def values(self) -> tuple[float, ...]:
        """What is smallest at the best rate: steps if training stops at a loss, else losses."""
        return self.steps or self.losses

    @property
    def best(self) -> float:
        """The base rate of the smallest mean, NaN if runs failed at every rate."""
        place = int(np.argmin(self.values))
        return self.rates[place] if math.isfinite(self.values[place]) else math.nan

    @property
    def at_the_end(self) -> bool:
        """Whether the best rate is the smallest or the largest of those that were tried."""
        return self.best in (self.rates[0], self.rates[-1])


@dataclass(frozen=True)
class RateTable:
    """The curves of runs that differ in seed, depth and rate alone; `label` has their options."""

    label: str
    curves: tuple[RateCurve, ...]


def rate_curves(cells: Sequence[CellRow], *, stops: bool = False) -> tuple[RateCurve, ...]:
    """One curve per depth over the seeds that ended at every rate; () for less than two rates."""
    ended = [row for row in cells if row.outcome in ENDED and row.reason != "repeated"]
    found = []
    for depth in sorted({row.depth for row in ended}) if len({row.lr for row in ended}) > 1 else ():
        rows = [row for row in ended if row.depth == depth]
        rates = tuple(sorted({row.lr for row in rows}))
        seeds = set.intersection(*({row.seed for row in rows if row.lr == rate} for rate in rates))
        groups = [[row for row in rows if row.lr == rate and row.seed in seeds] for rate in rates]
        if not seeds:
            continue
        # Without runs that diverged, a rate would look the better the fewer runs survive it.
        losses = ([r.loss if r.outcome == "finished" else math.inf for r in g] for g in groups)
        steps = ([math.inf if r.reason in FAILED else r.steps for r in g] for g in groups)
        at_depth = tuple(group[0].rate for group in groups)
        taken = tuple(map(_mean, steps)) if stops else ()
        found.append(RateCurve(depth, rates, tuple(map(_mean, losses)), at_depth, taken))
    return tuple(found)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if np.isfinite(values).all() else math.inf


def transfer(curves: Sequence[RateCurve]) -> Iterator[str]:
    """Say whether one rate is the best at all depths."""
    known = [curve for curve in curves if math.isfinite(curve.best)]
    if not known:
        yield f"{_failure(curves[0])} at every rate"
        return
    shown = ", ".join(f"{curve.best:g} at L = {curve.depth}" for curve in known)
    if len(known) == 1:
        yield f"the best base rate (`lr`) is {shown}; one depth does not tell whether it transfers"
    elif len({curve.best for curve in known}) == 1:
        yield f"one rate is the best at all depths: it transfers ({shown})"
    else:
        yield f"the best of these rates depends on the depth: {shown}"
    if ends := [str(curve.depth) for curve in known if curve.at_the_end]:
        yield (
            f"at L = {', '.join(ends)} the best rate is the smallest or the largest that was "
            "tried: there may be a better one beyond it"
        )


def _failure(curve: RateCurve) -> str:
    return "runs missed the loss or diverged" if curve.steps else "runs diverged"


def rate_rows(curves: Sequence[RateCurve]) -> list[list[str]]:
    """Return one row per depth: best base rate, rate at this depth, loss, place among the rates."""
    steps = any(curve.steps for curve in curves)
    rows = [["L", "best base rate", "rate at L", "steps" if steps else "loss", "among those tried"]]
    for curve in curves:
        if math.isnan(curve.best):
            rows.append([str(curve.depth), "-", "-", "-", f"{_failure(curve)} at all"])
            continue
        place = curve.rates.index(curve.best)
        where = {0: "smallest", len(curve.rates) - 1: "largest"}.get(place, "inside")
        rate = f"{curve.at_depth[place]:.4g}" if curve.at_depth else "-"
        value = f"{curve.values[place]:.4g}"
        rows.append([str(curve.depth), f"{curve.best:g}", rate, value, where])
    return rows
