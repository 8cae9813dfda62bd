"""Single entries of trained weights as paths k -> L^beta (A_k)_ij."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth import html
from resdepth.analysis.paths import by_depth, files, positions
from resdepth.errors import AnalysisImpossible
from resdepth.mathematics.interval import MeanBand, mean_band
from resdepth.mathematics.pvariation import path_scale
from resdepth.runs.models import Model

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EntryCurves:
    """Entries of L^beta A_k for one depth at `position` k/L.

    `values` (models, entries, L) has every model, `mean` (entries, L) their mean and 95 % band.
    """

    depth: int
    files: tuple[Path, ...]
    position: Array
    values: Array
    mean: MeanBand


@dataclass(frozen=True)
class EntryTable:
    """The paths of single entries (row, column), counted from 0; depths ascending."""

    beta: float
    entries: tuple[tuple[int, int], ...]
    curves: tuple[EntryCurves, ...]

    def _repr_html_(self) -> str:
        head = ("L", "models", *(str(entry) for entry in self.entries))
        rows = [(c.depth, len(c.values), *c.mean.mean.mean(axis=1).tolist()) for c in self.curves]
        return html.table(head, rows, f"means along the layers of L^{self.beta:g} (A_k)_ij")


def spread_entries(width: int) -> tuple[tuple[int, int], ...]:
    """Four entries spread over a d x d matrix (all of them where d <= 2)."""
    if width <= 2:
        return tuple((row, column) for row in range(width) for column in range(width))
    evenly = [int((i + 0.5) * width / 4) for i in range(4)]
    return tuple((evenly[i], evenly[turned]) for i, turned in enumerate((1, 3, 0, 2)))


def entry_table(
    models: Sequence[Model], beta: float, entries: Sequence[tuple[int, int]] = ()
) -> EntryTable:
    """Single entries of L^beta A_k along the layers; without `entries` some that spread evenly.

    Raises
    ------
    AnalysisImpossible
        An entry lies outside the matrix.
    """
    width = models[0].width
    chosen = tuple(entries) or spread_entries(width)
    for row, column in chosen:
        if not (0 <= row < width and 0 <= column < width):
            raise AnalysisImpossible(
                path=models[0].path,
                reason=f"has no entry ({row}, {column}): the matrices are {width} x {width}",
                remedy=f"rows and columns count from 0 to {width - 1}",
            )
    rows, columns = np.array(chosen).T
    curves = []
    for depth, group in by_depth(models):
        found = np.stack([model.blocks[:, rows, columns].T for model in group])
        values = path_scale(depth, beta) * found
        curves.append(EntryCurves(depth, files(group), positions(depth), values, mean_band(values)))
    return EntryTable(beta, chosen, tuple(curves))
