"""Exponents in L of the statistics of many paths, which tell the limits apart."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from resdepth.mathematics import Array
from resdepth.mathematics.interval import Interval, mean_interval
from resdepth.mathematics.slopes import PowerLaw, by_seed_and_depth, power_law
from resdepth.mathematics.statistics import STATISTICS, PathStatistics

DEEPEST = 3  # A seed's Hurst exponent is the mean over this many of its deepest depths


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


def tabulate(cells: Sequence[PathObservation]) -> Table:
    """The statistics of `cells` by seed and depth; ValueError if two have the same."""
    names, found = [cell.seed for cell in cells], [astuple(cell.statistics) for cell in cells]
    at, values = [depth for depth, *_ in found], [numbers for _, *numbers in found]
    seeds, depths, table = by_seed_and_depth(names, at, values)
    return Table(depths, seeds, dict(zip(STATISTICS, table, strict=True)))


@dataclass(frozen=True)
class Exponents:
    """Effective exponents over the given depths: `laws` by name, and `hurst`.

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

    laws: Mapping[str, PowerLaw]
    hurst: Interval

    @property
    def intervals(self) -> dict[str, Interval]:
        """Every exponent with its interval, by name."""
        return {**{name: law.exponent for name, law in self.laws.items()}, "hurst": self.hurst}


def exponents(table: Table, beta: float = 0.0) -> Exponents:
    """The exponents of a table, NaN if a cell has a zero or undefined value; L^beta scales P2."""
    values = law_values(table, beta)
    laws = {name: power_law(table.depths, rows) for name, rows in values.items()}
    # Each seed has the mean of H over its deepest depths with an estimate.
    found = [row[np.isfinite(row)][-DEEPEST:] for row in table.values["H"]]
    seeds = np.array([row.mean() if len(row) else math.nan for row in found])
    return Exponents(laws, mean_interval(seeds))


def law_values(table: Table, beta: float = 0.0) -> dict[str, Array]:
    """The values (seeds, depths) whose slope each exponent is: 1/RMS, 1/NOISE, V1/RMS, ...

    NaN for a missing path; infinite if a path has none, which rules out a power law.
    """
    values, relative = table.values, {"q1": "V1", "q2": "P2", "irel": "I"}
    there = ~np.isnan(values["RMS"])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {"beta": 1.0 / values["RMS"], "nu": 1.0 / values["NOISE"]}
        found |= {name: values[size] / values["RMS"] for name, size in relative.items()}
    found |= {"pr": values["PR"], "variation_norm": values["P2"] * table.depths**beta}
    return {name: np.where(np.isnan(rows) & there, np.inf, rows) for name, rows in found.items()}
