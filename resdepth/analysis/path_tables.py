"""What is measured along the paths of trained weights: tables of norms and p-variation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth import html
from resdepth.analysis.measure import Way
from resdepth.mathematics.interval import MeanBand
from resdepth.mathematics.norms import Norm
from resdepth.mathematics.pvariation import CriticalExponent
from resdepth.mathematics.slopes import PowerLaw

Array = NDArray[np.float64]

NORMS = "p-variation norms, means over runs"
"""What notebooks write above tables of them."""


@dataclass(frozen=True)
class NormCurve:
    """L^beta |A_k| at `position` k/L for one depth: mean and 95 % band, (L,) each.

    `family` names the path among several of a checkpoint of others; ours have no name.
    """

    depth: int
    files: tuple[Path, ...]
    position: Array
    norm: MeanBand
    family: str = ""


@dataclass(frozen=True)
class NormTable:
    """One curve a family and depth, depths ascending; `kind` is the norm."""

    beta: float
    curves: tuple[NormCurve, ...]
    kind: Norm = "frobenius"

    def _repr_html_(self) -> str:
        shown = [(*_named(c), c.norm.repetitions, *_ends(c.norm.mean)) for c in self.curves]
        caption = f"L^{self.beta:g} ‖A_k‖ along the layers"
        return html.table(
            (*_depth(self.curves), "runs", "least", "mean", "largest"), shown, caption
        )


@dataclass(frozen=True)
class Variation:
    """p-variation norms of one depth, one for each exponent of the table.

    `way` says whether they are from the path in memory or from its distances; both are exact.
    """

    depth: int
    files: tuple[Path, ...]
    norm: MeanBand
    family: str = ""
    way: Way = "path"


@dataclass(frozen=True)
class VariationTable:
    """Depth by exponent; `growth[i]` is the power of L that the norms for exponent i follow.

    Its exponent is NaN where fewer than two depths have positive norms, and for several families.
    """

    beta: float
    exponents: tuple[float, ...]
    rows: tuple[Variation, ...]
    growth: tuple[PowerLaw, ...]

    @property
    def seeds(self) -> str:
        """On how many seeds the powers of L rest, as in "3" or "1 of 3"; "" if there are none."""
        known = [law.rests_on for law in self.growth if law.seeds]
        return ", ".join(dict.fromkeys(known))

    def _repr_html_(self) -> str:
        rows = [(*_named(row), row.norm.repetitions, *row.norm.mean.tolist()) for row in self.rows]
        blank = [""] * len(_depth(self.rows))
        growth = ("power of L", *blank, *(str(law.exponent) for law in self.growth))
        rests = f"; powers of L from {self.seeds} seeds" if self.seeds else ""
        return html.table(_head(self.rows, self.exponents), [*rows, growth], NORMS + rests)


@dataclass(frozen=True)
class Profile:
    """p-variation norms of one depth along the exponents, and the critical exponent.

    `critical_runs` holds the estimate of each run, None where a path is too short to tell;
    `critical` is their mean with its standard error, that of the single estimate for one run.
    `way` is as in `Variation`.
    """

    depth: int
    files: tuple[Path, ...]
    norm: MeanBand
    critical: CriticalExponent | None
    critical_runs: tuple[CriticalExponent | None, ...]
    family: str = ""
    way: Way = "path"


@dataclass(frozen=True)
class ProfileTable:
    """p-variation norms against p: for each depth its norms at `exponents`."""

    beta: float
    exponents: tuple[float, ...]
    rows: tuple[Profile, ...]

    def _repr_html_(self) -> str:
        rows = [
            (
                *_named(row),
                row.norm.repetitions,
                *row.norm.mean.tolist(),
                row.critical and row.critical.value,
            )
            for row in self.rows
        ]
        head = (*_head(self.rows, self.exponents), "critical exponent")
        return html.table(head, rows, NORMS)


Row = NormCurve | Variation | Profile
"""What belongs to one family and depth."""


def _ends(values: Array) -> tuple[float, float, float]:
    return float(values.min()), float(values.mean()), float(values.max())


def _named(row: Row) -> tuple[object, ...]:
    """Family, where it has a name, and depth."""
    return (row.family, row.depth) if row.family else (row.depth,)


def _depth(rows: Sequence[Row]) -> tuple[str, ...]:
    return ("family", "L") if any(row.family for row in rows) else ("L",)


def _head(rows: Sequence[Row], exponents: Sequence[float]) -> tuple[str, ...]:
    return (*_depth(rows), "runs", *(f"p = {p:g}" for p in exponents))
