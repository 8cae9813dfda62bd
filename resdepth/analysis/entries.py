"""Single entries of weights as paths k -> L^beta (A_k)_ij."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resdepth.analysis.path_tables import about, curve_html, curves_of, positions
from resdepth.analysis.pool import together
from resdepth.errors import Impossible
from resdepth.mathematics import Array
from resdepth.mathematics.interval import MeanBand, mean_band
from resdepth.mathematics.statistics import trend
from resdepth.weights.weight_path import WeightPath


@dataclass(frozen=True)
class EntryCurves:
    """Entries of L^beta A_k for one family and depth at `position` k/L."""

    depth: int
    files: tuple[Path, ...]
    position: Array
    values: Array  # (paths, entries, L)
    mean: MeanBand  # their mean (entries, L) and 95 % band
    family: str = ""


@dataclass(frozen=True)
class EntryTable:
    """The paths of single entries (row, column), counted from 0; depths ascending."""

    beta: float
    entries: tuple[tuple[int, int], ...]
    curves: tuple[EntryCurves, ...]

    def _repr_html_(self) -> str:
        means = [curve.mean.mean.mean(axis=1) for curve in self.curves]
        caption = f"means along the layers of L^{self.beta:g} (A_k)_ij"
        return curve_html(self.curves, [*map(str, self.entries)], means, caption)


def spread_entries(rows: int, columns: int | None = None) -> tuple[tuple[int, int], ...]:
    """Four entries spread over a matrix (square without `columns`), or all of a smaller one."""
    columns = rows if columns is None else columns
    if rows * columns <= 4:
        return tuple((row, column) for row in range(rows) for column in range(columns))
    across, down = ([int((i + 0.5) * size / 4) for i in range(4)] for size in (columns, rows))
    return tuple(dict.fromkeys((down[i], across[turned]) for i, turned in enumerate((1, 3, 0, 2))))


def entry_table(
    paths: Sequence[WeightPath], beta: float, entries: Sequence[tuple[int, int]] = ()
) -> EntryTable:
    """Single entries of L^beta A_k along the layers, as matrices (first axis, all others).

    Without `entries` some spread evenly. Raises Impossible if an entry lies outside the matrix.
    """
    paths = together(paths)
    shapes = [path.matrix for path in paths]
    chosen = tuple(entries) or spread_entries(*np.min(shapes, axis=0).tolist())
    for path, (rows, columns) in zip(paths, shapes, strict=True):
        for row, column in chosen:
            if not (0 <= row < rows and 0 <= column < columns):
                reason = f"has no entry ({row}, {column}): the matrices are {rows} x {columns}"
                remedy = f"rows count from 0 to {rows - 1}, columns to {columns - 1}"
                raise Impossible(path.source, reason, remedy)
    curves = []
    for group in curves_of(paths):
        values = np.stack([path.scaled(_entries(path, chosen), beta) for path in group])
        known = about(group) | {"position": positions(group[0].depth)}
        curves.append(EntryCurves(**known, values=values, mean=mean_band(values)))
    return EntryTable(beta, chosen, tuple(curves))


def _entries(path: WeightPath, entries: Sequence[tuple[int, int]]) -> Array:
    places = [row * path.matrix[1] + column for row, column in entries]
    return np.array([path.columns(place, place + 1)[:, 0] for place in places])


@dataclass(frozen=True)
class TrendTable:
    """`values` (L,) of an entry (row, column) of L^beta A_k at k/L, and their moving mean."""

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
