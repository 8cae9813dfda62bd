"""One entry of the weights along the layers, divided into a trend and noise."""

from dataclasses import dataclass

from resdepth.analysis.entries import spread_entries
from resdepth.analysis.paths import positions
from resdepth.mathematics.interval import Array
from resdepth.mathematics.pvariation import path_scale
from resdepth.mathematics.statistics import trend
from resdepth.weights.models import Model


@dataclass(frozen=True)
class TrendTable:
    """`values` (L,) of an entry (row, column) of L^beta A_k at `position` k/L.

    `trend` is their moving mean over a tenth of the depth.
    """

    depth: int
    beta: float
    entry: tuple[int, int]
    position: Array
    values: Array
    trend: Array

    @property
    def noise(self) -> Array:
        """The values without their trend."""
        return self.values - self.trend


def trend_table(model: Model, beta: float) -> TrendTable:
    """Divide the first of the entries that `entry_table` chooses."""
    row, column = spread_entries(model.width)[0]
    values = path_scale(model.depth, beta) * model.blocks[:, row, column]
    place = positions(model.depth)
    return TrendTable(model.depth, beta, (row, column), place, values, trend(values))
