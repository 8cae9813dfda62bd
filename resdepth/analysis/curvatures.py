"""The curvature of the training loss at the weights of a study, against the depth."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from resdepth.analysis.study_runs import CellRow
from resdepth.mathematics import Array
from resdepth.mathematics.slopes import PowerLaw, by_seed_and_depth, power_law


@dataclass(frozen=True)
class HessianRow:
    """One run: largest eigenvalue of the Hessian, the last rate times it (stable below `edge`)."""

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
    laws: dict[str, PowerLaw] = field(default_factory=dict)

    def values(self, name: str) -> Array:
        """Return one value as (seeds, depths), NaN if a run is missing."""
        rows = sorted(self.rows, key=lambda row: row.seed)
        found = [(row.seed, row.depth, getattr(row, name)) for row in rows]
        return by_seed_and_depth(*zip(*found, strict=True))[2]


def hessian_table(rows: Sequence[HessianRow]) -> HessianTable:
    """Return the rows with the power of L that each value follows."""
    table = HessianTable(tuple(rows), tuple(sorted({row.depth for row in rows})))
    depths = np.array(table.depths, dtype=np.float64)
    return replace(table, laws={name: power_law(depths, table.values(name)) for name in VALUES})


def read_hessians(cells: Sequence[CellRow], files: Mapping[Path, Path]) -> HessianTable | None:
    """Read the .json that `resdepth spectrum` wrote of each run in `files`; None without any."""
    rows = []
    for cell in (cell for cell in cells if cell.run in files):
        found = json.loads(files[cell.run].read_text(encoding="utf-8"))
        traces, rate = found["trace"], found["rate_times_top"]
        values = found["top"][0], rate, traces["hessian"], traces["gauss_newton"], found["edge"]
        rows.append(HessianRow(cell.depth, cell.seed, *values))
    return hessian_table(rows) if rows else None
