"""Exponents in L of the statistics of many paths, which tell the limits apart."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from resdepth.mathematics import Array
from resdepth.mathematics.interval import Interval, mean_interval
from resdepth.mathematics.slopes import PowerLaw, power_law
from resdepth.mathematics.statistics import STATISTICS, PathStatistics

DEEPEST = 3
"""A seed's Hurst exponent is the mean over this many of its deepest depths."""


@dataclass(frozen=True)
class PathObservation:
    """One path: its seed (any name that is shared across depths) and its statistics."""

    seed: int | str
    statistics: PathStatistics


@dataclass(frozen=True)
class Table:
    """Statistics by name, each (seeds, depths) with NaN for missing cells."""

    depths: Array
    seeds: tuple[int | str, ...]
    values: Mapping[str, Array]

    def deepest(self, count: int) -> "Table":
        """The table of the deepest `count` depths."""
        values = {name: table[:, -count:] for name, table in self.values.items()}
        return Table(self.depths[-count:], self.seeds, values)


def tabulate(cells: Sequence[PathObservation]) -> Table:
    """The statistics of `cells` by seed and depth; ValueError if two have the same."""
    depths = sorted({cell.statistics.depth for cell in cells})
    seeds = tuple(dict.fromkeys(cell.seed for cell in cells))
    places = [(seeds.index(cell.seed), depths.index(cell.statistics.depth)) for cell in cells]
    if len(set(places)) < len(places):
        raise ValueError("two paths are of one seed and depth")
    values = {name: np.full((len(seeds), len(depths)), np.nan) for name in STATISTICS}
    for cell, place in zip(cells, places, strict=True):
        for name in STATISTICS:
            values[name][place] = getattr(cell.statistics, name)
    return Table(np.array(depths, dtype=np.float64), seeds, values)


@dataclass(frozen=True)
class Exponents:
    """Effective exponents over the given depths.

    | name             | is                   | if A = L^(-beta) (Abar + L^(-rho) white)          |
    |------------------|----------------------|---------------------------------------------------|
    | `beta`           | -slope of RMS        | beta (rho >= 0)                                   |
    | `nu`             | -slope of NOISE      | beta + rho                                        |
    | `q1`             | slope of V1 / RMS    | max(0, 1 - rho)                                   |
    | `q2`             | slope of P2 / RMS    | max(0, 1/2 - rho)                                 |
    | `irel`           | slope of I / RMS     | max(-1, -rho), with a logarithmic bias            |
    | `pr`             | slope of PR          | 0; -1 if single layers dominate                   |
    | `variation_norm` | slope of L^beta' P2  | q2 if beta' = beta                                |
    | `hurst`          | mean over seeds of H | 1/2 if the noise dominates                        |

    beta' is the nominal exponent of the scaling k -> L^beta' A_k, 1 - alpha for a trained network.
    """

    beta: PowerLaw
    nu: PowerLaw
    q1: PowerLaw
    q2: PowerLaw
    irel: PowerLaw
    pr: PowerLaw
    variation_norm: PowerLaw
    hurst: Interval

    @property
    def laws(self) -> dict[str, PowerLaw]:
        """The power laws by name: all but `hurst`."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "hurst"}

    @property
    def intervals(self) -> dict[str, Interval]:
        """Every exponent with its interval, by name."""
        return {**{name: law.exponent for name, law in self.laws.items()}, "hurst": self.hurst}


def exponents(table: Table, beta: float = 0.0) -> Exponents:
    """The exponents of a table, NaN if a cell has a zero or undefined value; L^beta scales P2."""
    there = ~np.isnan(table.values["RMS"])
    # An undefined statistic of an existing path rules out a power law.
    laws = {
        name: power_law(table.depths, np.where(np.isnan(values) & there, np.inf, values))
        for name, values in law_values(table, beta).items()
    }
    return Exponents(**laws, hurst=_hurst(table.values["H"]))


def law_values(table: Table, beta: float = 0.0) -> dict[str, Array]:
    """The values (seeds, depths) whose slope each exponent is: 1/RMS, 1/NOISE, V1/RMS, ..."""
    values, relative = table.values, {"q1": "V1", "q2": "P2", "irel": "I"}
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {"beta": 1.0 / values["RMS"], "nu": 1.0 / values["NOISE"]}
        found |= {name: values[size] / values["RMS"] for name, size in relative.items()}
        return found | {"pr": values["PR"], "variation_norm": values["P2"] * table.depths**beta}


def _hurst(values: Array) -> Interval:
    """Over the seeds; each seed has the mean over its deepest depths with an estimate."""
    found = [row[np.isfinite(row)][-DEEPEST:] for row in values]
    return mean_interval(np.array([row.mean() if len(row) else math.nan for row in found]))
