"""One entry of the weights along the layers, divided into a trend and noise."""

from dataclasses import dataclass

from resdepth.analysis.entries import spread_entries
from resdepth.analysis.path_tables import positions
from resdepth.mathematics.interval import Array
from resdepth.mathematics.statistics import trend
from resdepth.weights.weight_path import WeightPath


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


def trend_table(model: WeightPath, beta: float) -> TrendTable:
    """Divide the first of the entries that `entry_table` chooses."""
    row, column = spread_entries(model.width)[0]
    values = model.scaled(model.blocks[:, row, column], beta)
    place = positions(model.depth)
    return TrendTable(model.depth, beta, (row, column), place, values, trend(values))
