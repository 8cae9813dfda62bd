"""The curvature of the training loss around the weights of a study, against the depth."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from resdepth.analysis.cells import CellRow
from resdepth.errors import ResdepthError
from resdepth.mathematics.interval import Array
from resdepth.mathematics.slopes import PowerLaw, power_law
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.hessian import spectrum
from resdepth.probing.objectives import Source
from resdepth.runs.run import Run

Say = Callable[[str], None]


@dataclass(frozen=True)
class Curvature:
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


VALUES = tuple(f.name for f in fields(Curvature) if f.name not in ("depth", "seed", "edge"))


@dataclass(frozen=True)
class CurvatureTable:
    """Every run, by depth and seed, and the power of L that each value follows."""

    rows: tuple[Curvature, ...]
    depths: tuple[int, ...]
    laws: dict[str, PowerLaw]

    def values(self, name: str) -> Array:
        """One value as (seeds, depths), NaN where a run is missing."""
        seeds = sorted({row.seed for row in self.rows})
        table = np.full((len(seeds), len(self.depths)), np.nan)
        for row in self.rows:
            table[seeds.index(row.seed), self.depths.index(row.depth)] = getattr(row, name)
        return table


def curvature_table(
    cells: Sequence[CellRow], options: SpectrumOptions, say: Say = lambda _: None
) -> CurvatureTable | None:
    """The curvature around the newest weights of each run, one after another.

    A run for which it cannot be computed is left out with a warning; None if no run remains.
    """
    rows = []
    for cell in sorted(cells, key=lambda cell: (cell.depth, cell.seed)):

        def announce(price: int, run: Path = cell.run) -> None:
            say(f"{run}: about {price} gradients of the loss")

        try:
            found = spectrum(Source.of(Run(cell.run)), options, announce)
        except ResdepthError as error:
            warnings.warn(f"{cell.run}: {error}; left out of the curvature", stacklevel=2)
            continue
        trace, top = found.trace, float(found.top[0])
        rows.append(
            Curvature(
                cell.depth,
                cell.seed,
                top,
                found.rate_times_top,
                trace.hessian,
                trace.gauss_newton,
                found.edge,
            )
        )
    if not rows:
        return None
    depths = tuple(sorted({row.depth for row in rows}))
    bare = CurvatureTable(tuple(rows), depths, {})
    places = np.array(depths, dtype=np.float64)
    laws = {name: power_law(places, bare.values(name)) for name in VALUES}
    return CurvatureTable(bare.rows, depths, laws)
