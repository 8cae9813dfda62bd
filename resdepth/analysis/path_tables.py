"""Norms of the layers and p-variation norms of weight paths k -> L^beta A_k, as tables by depth.

Paths of one family and depth are repetitions; `together` decides which may be averaged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from resdepth import html
from resdepth.analysis.measure import critical, layer_norms, variation_norms
from resdepth.analysis.pool import seed_names, together
from resdepth.mathematics import Array
from resdepth.mathematics.interval import MeanBand, mean_band
from resdepth.mathematics.layer_norms import Norm
from resdepth.mathematics.pvariation import CriticalExponent
from resdepth.mathematics.slopes import NOTHING, PowerLaw, by_seed_and_depth, power_law
from resdepth.weights.weight_path import Way, WeightPath

NORMS = "p-variation norms, means over runs"  # Caption of the tables in notebooks


@dataclass(frozen=True)
class NormCurve:
    """L^beta |A_k| at `position` k/L for one depth: mean and 95 % band, (L,) each."""

    depth: int
    files: tuple[Path, ...]
    position: Array
    norm: MeanBand
    family: str = ""  # a pattern, "" for our own weights


@dataclass(frozen=True)
class NormTable:
    """One curve per family and depth, depths ascending; `kind` is the norm."""

    beta: float
    curves: tuple[NormCurve, ...]
    kind: Norm = "frobenius"

    def _repr_html_(self) -> str:
        means = [curve.norm.mean for curve in self.curves]
        rows = [(mean.min(), mean.mean(), mean.max()) for mean in means]
        caption = f"L^{self.beta:g} ‖A_k‖ along the layers"
        return curve_html(self.curves, ("least", "mean", "largest"), rows, caption)


@dataclass(frozen=True)
class Variation:
    """p-variation norms of one depth, one per exponent of the table; `way` is their source."""

    depth: int
    files: tuple[Path, ...]
    norm: MeanBand
    family: str = ""
    way: Way = "path"


@dataclass(frozen=True)
class VariationTable:
    """Depth by exponent; `growth` is the power of L, NaN for one depth or several families."""

    beta: float
    exponents: tuple[float, ...]
    rows: tuple[Variation, ...]
    growth: tuple[PowerLaw, ...]

    @property
    def seeds(self) -> str:
        """How many seeds the powers of L rest on, as in "3" or "1 of 3"; "" if there are none."""
        return ", ".join(dict.fromkeys(law.rests_on for law in self.growth if law.seeds))

    def _repr_html_(self) -> str:
        means = [row.norm.mean for row in self.rows]
        growth = ("power of L", *(str(law.exponent) for law in self.growth))
        rests = f"; powers of L from {self.seeds} seeds" if self.seeds else ""
        names = [f"p = {p:g}" for p in self.exponents]
        return curve_html(self.rows, names, means, NORMS + rests, growth)


@dataclass(frozen=True)
class Profile(Variation):
    """With the critical exponent of each run, None if its path is too short, and their mean."""

    critical: CriticalExponent | None = None
    critical_runs: tuple[CriticalExponent | None, ...] = ()


@dataclass(frozen=True)
class ProfileTable:
    """p-variation norms against p: for each depth its norms at `exponents`."""

    beta: float
    exponents: tuple[float, ...]
    rows: tuple[Profile, ...]

    def _repr_html_(self) -> str:
        means = [(*r.norm.mean, r.critical and r.critical.value) for r in self.rows]
        names = [*(f"p = {p:g}" for p in self.exponents), "critical exponent"]
        return curve_html(self.rows, names, means, NORMS)


def curve_html(
    rows: Sequence[Any],
    names: Sequence[str],
    numbers: Sequence[Iterable[Any]],
    caption: str,
    last: Sequence[str] = (),
) -> str:
    """A table of `numbers` by family (if there are any) and depth, with a last row."""
    unnamed = not any(row.family for row in rows)
    heads = [(row.family, row.depth, len(row.files))[unnamed:] for row in rows]
    body = [(*head, *values) for head, values in zip(heads, numbers, strict=True)]
    body += [(*last[:1], *["", ""][unnamed:], *last[1:])] if last else []
    return html.table([*("family", "L", "runs")[unnamed:], *names], body, caption)


def curves_of(paths: Sequence[WeightPath]) -> list[list[WeightPath]]:
    """The paths of each curve: those of one family and depth, depths ascending."""
    families = list(dict.fromkeys(path.label for path in paths))
    ordered = sorted(paths, key=lambda path: (families.index(path.label), path.depth))
    return [list(group) for _, group in groupby(ordered, key=lambda path: (path.label, path.depth))]


def about(group: Sequence[WeightPath]) -> dict[str, Any]:
    """Depth, checkpoints and family (as tables show it) of the paths of one curve."""
    files = tuple(path.source for path in group)
    return {"depth": group[0].depth, "files": files, "family": group[0].label}


def positions(depth: int) -> Array:
    """k / L for k = 0..L-1."""
    return np.arange(depth) / depth


def norms_along(
    paths: Sequence[WeightPath], beta: float, kind: Norm = "frobenius", size: Sequence[int] = ()
) -> list[Array]:
    """L^beta |A_k| (paths, L) of each family and depth, in the order of the curves."""
    return [
        np.stack([path.scaled(layer_norms(path, kind, size), beta) for path in group])
        for group in curves_of(together(paths))
    ]


def norm_table(
    paths: Sequence[WeightPath],
    beta: float,
    kind: Norm = "frobenius",
    size: Sequence[int] = (),
    norms: Sequence[Array] | None = None,
) -> NormTable:
    """L^beta |A_k| along the layers: mean and 95 % band (NaN for one path) by family and depth.

    `size` is that of the input of convolutions, for their operator norm; `norms` may be the result
    of `norms_along`.
    """
    paths, curves = together(paths), []
    norms = norms or norms_along(paths, beta, kind, size)
    for found, group in zip(norms, curves_of(paths), strict=True):
        place = positions(group[0].depth)
        curves.append(NormCurve(**about(group), position=place, norm=mean_band(found)))
    return NormTable(beta, tuple(curves), kind)


def variations(paths: Sequence[WeightPath], beta: float, exponents: Sequence[float]) -> list[Array]:
    """p-variation norms (paths, exponents) of each family and depth, in the order of the curves."""
    groups = curves_of(together(paths))
    return [np.stack([variation_norms(path, beta, exponents) for path in g]) for g in groups]


def variation_table(
    paths: Sequence[WeightPath],
    beta: float,
    exponents: Sequence[float],
    norms: Sequence[Array] | None = None,
) -> VariationTable:
    """p-variation norms V_p^(1/p) of k -> L^beta A_k for each depth and p >= 1 (else ValueError).

    `growth` is the slope of log norm on log L; `norms` may be the result of `variations`.
    """
    paths = together(paths)
    norms = norms or variations(paths, beta, exponents)
    groups = curves_of(paths)
    rows = tuple(
        Variation(**about(group), norm=mean_band(found), way=group[0].way)
        for found, group in zip(norms, groups, strict=True)
    )
    growth = (NOTHING,) * len(exponents)
    if len({row.family for row in rows}) == 1:
        # One layer has no variation.
        positive = (np.where(norm > 0, norm, np.nan) for norm in np.concatenate(norms))
        known = [path for group in groups for path in group]
        named = zip(seed_names(known), [path.depth for path in known], positive, strict=True)
        ordered = sorted(named, key=lambda one: str(one[0]))
        _, depths, tables = by_seed_and_depth(*zip(*ordered, strict=True))
        places = depths > 1
        growth = tuple(power_law(depths[places], table[:, places]) for table in tables)
    return VariationTable(beta, tuple(exponents), rows, growth)


def profile_table(
    paths: Sequence[WeightPath],
    beta: float,
    exponents: Sequence[float],
    norms: Sequence[Array] | None = None,
) -> ProfileTable:
    """p-variation norms along a grid of p >= 1, and critical exponents (None below 257 layers).

    By Bayer, Friz & Tapia, SIAM J. Math. Data Sci. 5 (2023); `norms` as for `variation_table`.
    """
    paths, rows = together(paths), []
    norms = norms or variations(paths, beta, exponents)
    for found, group in zip(norms, curves_of(paths), strict=True):
        runs = tuple(critical(path, beta) for path in group)
        measured = about(group) | {"norm": mean_band(found), "way": group[0].way}
        rows.append(Profile(**measured, critical=_mean_critical(runs), critical_runs=runs))
    return ProfileTable(beta, tuple(exponents), tuple(rows))


def _mean_critical(runs: Sequence[CriticalExponent | None]) -> CriticalExponent | None:
    found = [run for run in runs if run is not None]
    if len(found) < 2:
        return found[0] if found else None
    values = np.array([run.value for run in found])
    if not np.isfinite(values).all():
        return CriticalExponent(float("inf"), float("nan"))
    error = values.std(ddof=1) / np.sqrt(len(values))
    return CriticalExponent(float(values.mean()), float(error))
