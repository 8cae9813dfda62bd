"""Loss against the learning rate at each depth: where the best rate lies, and whether it moves."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from resdepth.analysis.cells import CellRow


@dataclass(frozen=True)
class RateCurve:
    """Mean final loss over the seeds against `--lr` at one depth, infinite where a run diverged."""

    depth: int
    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def best(self) -> float:
        """The rate of the least mean loss, NaN where runs diverged at every rate."""
        place = int(np.argmin(self.losses))
        return self.rates[place] if math.isfinite(self.losses[place]) else math.nan

    @property
    def at_the_end(self) -> bool:
        """Whether the best rate is the first or the last of those that were tried."""
        return self.best in (self.rates[0], self.rates[-1])


def rate_curves(cells: Sequence[CellRow]) -> tuple[RateCurve, ...]:
    """A curve a depth of the cells that ended; nothing where fewer than two rates are there."""
    rows = [row for row in cells if row.outcome in ("finished", "diverged")]
    curves = []
    for depth in sorted({row.depth for row in rows}):
        here = [row for row in rows if row.depth == depth]
        rates = sorted({row.lr for row in here})
        losses = [_mean_loss([row for row in here if row.lr == rate]) for rate in rates]
        curves.append(RateCurve(depth, tuple(rates), tuple(losses)))
    several = len({row.lr for row in rows}) > 1
    return tuple(curves) if several else ()


def _mean_loss(rows: Sequence[CellRow]) -> float:
    # Without those that diverged a rate would look the better the fewer runs survive it.
    losses = [row.loss if row.outcome == "finished" else math.inf for row in rows]
    return float(np.mean(losses)) if all(math.isfinite(loss) for loss in losses) else math.inf


def transfer(curves: Sequence[RateCurve]) -> Iterator[str]:
    """Whether one rate is the best at all depths, in sentences."""
    known = [curve for curve in curves if math.isfinite(curve.best)]
    if not known:
        yield "runs diverged at every rate"
        return
    shown = ", ".join(f"{curve.best:g} at L = {curve.depth}" for curve in known)
    bests = {curve.best for curve in known}
    if len(bests) == 1:
        yield f"one rate is the best at all depths: it transfers ({shown})"
    else:
        yield f"the best rate depends on the depth, as far as these rates tell: {shown}"
    if ends := [str(curve.depth) for curve in known if curve.at_the_end]:
        yield (
            f"at L = {', '.join(ends)} the best rate is at the end of those that were tried: "
            "a better one may lie beyond"
        )
