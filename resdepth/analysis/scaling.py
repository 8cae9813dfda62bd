"""Weights of several depths and seeds: their statistics, exponents and verdict as one table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from resdepth.mathematics.exponents import Cell, Exponents, exponents, tabulate
from resdepth.mathematics.verdict import Verdict, decide


@dataclass(frozen=True)
class ScalingTable:
    """What is known of the scaling in L; `cells` by depth, then in the order they came."""

    cells: tuple[Cell, ...]
    depths: tuple[int, ...]
    seeds: tuple[int | str, ...]
    exponents: Exponents
    verdict: Verdict


def scaling_table(cells: Sequence[Cell], beta: float = 0.0) -> ScalingTable:
    """The table of `cells`, one a depth and seed; `beta` scales the 2-variation norm by L^beta.

    Raises
    ------
    ValueError
        Two cells are of one seed and depth.
    """
    table = tabulate(cells)
    ordered = sorted(cells, key=lambda cell: cell.statistics.depth)
    depths = tuple(int(depth) for depth in table.depths)
    return ScalingTable(tuple(ordered), depths, table.seeds, exponents(table, beta), decide(table))


def scaling_numbers(table: ScalingTable) -> dict[str, Any]:
    """The table as `--json` prints it."""
    laws = table.exponents.laws
    return {
        "verdict": {
            "limit": table.verdict.limit,
            "reason": table.verdict.reason,
            "cautions": table.verdict.cautions,
        },
        "exponents": table.exponents.intervals,
        "local_slopes": {
            name: [
                {"shallow": part.shallow, "deep": part.deep, **asdict(part.slope)}
                for part in law.local
            ]
            for name, law in laws.items()
        },
        "bend": {name: law.bend for name, law in laws.items()},
        "depths": table.depths,
        "seeds": len(table.seeds),
        "statistics": [
            {"depth": cell.statistics.depth, "seed": cell.seed, **asdict(cell.statistics)}
            for cell in table.cells
        ],
    }
