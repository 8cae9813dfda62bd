"""The curvature of the training loss at the weights of a study, against the depth."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.analysis.cells import CellRow
from resdepth.mathematics.interval import Array
from resdepth.mathematics.slopes import PowerLaw, power_law


@dataclass(frozen=True)
class HessianRow:
    """One run: the largest eigenvalue of the Hessian, the last rate times it, and both traces.

    `edge` is what `rate_times_top` should stay below for the descent to be stable.
    """

    depth: int
    seed: int
    top: float
    rate_times_top: float
    hessian_trace: float
    gauss_newton_trace: float
    edge: float


VALUES = tuple(f.name for f in fields(HessianRow) if f.name not in ("depth", "seed", "edge"))


@dataclass(frozen=True)
class HessianTable:
    """Every run, by depth and seed, and the power of L that each value follows."""

    rows: tuple[HessianRow, ...]
    depths: tuple[int, ...]
    laws: dict[str, PowerLaw]

    def values(self, name: str) -> Array:
        """Return one value as (seeds, depths), NaN if a run is missing."""
        seeds = sorted({row.seed for row in self.rows})
        table = np.full((len(seeds), len(self.depths)), np.nan)
        for row in self.rows:
            table[seeds.index(row.seed), self.depths.index(row.depth)] = getattr(row, name)
        return table


def hessian_table(rows: Sequence[HessianRow]) -> HessianTable:
    """Return the rows with the power of L that each value follows."""
    depths = tuple(sorted({row.depth for row in rows}))
    bare = HessianTable(tuple(rows), depths, {})
    places = np.array(depths, dtype=np.float64)
    laws = {name: power_law(places, bare.values(name)) for name in VALUES}
    return HessianTable(bare.rows, depths, laws)


def read_hessians(cells: Sequence[CellRow], files: Mapping[Path, Path]) -> HessianTable | None:
    """Read what `resdepth spectrum` wrote for each run that is in `files`; None if none is.

    `files` has the .json of a run by its folder.
    """
    rows = [_row(cell, json.loads(files[cell.run].read_text())) for cell in cells
            if cell.run in files]  # fmt: skip
    return hessian_table(rows) if rows else None


def _row(cell: CellRow, found: Mapping[str, Any]) -> HessianRow:
    traces = found["trace"]
    return HessianRow(
        cell.depth,
        cell.seed,
        found["top"][0],
        found["rate_times_top"],
        traces["hessian"],
        traces["gauss_newton"],
        found["edge"],
    )
