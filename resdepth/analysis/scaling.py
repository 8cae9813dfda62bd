"""Weights of several depths and seeds: their statistics, exponents and verdict as one table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from resdepth import html
from resdepth.analysis.measure import statistics
from resdepth.analysis.pool import seed_names, together
from resdepth.errors import Usage
from resdepth.mathematics.exponents import Exponents, PathObservation, Table, exponents, tabulate
from resdepth.mathematics.interval import Interval
from resdepth.mathematics.verdict import Verdict, decide
from resdepth.weights.weight_path import Way, WeightPath


@dataclass(frozen=True)
class ScalingTable:
    """What is known of the scaling in L; `cells` by depth, then in the order they came.

    `beta` scales the 2-variation norm; `alpha` is the exponent of delta = L^(-alpha) that the
    weights were trained with, None if it is unknown. `ways` are those of the 2-variation norms.
    """

    cells: tuple[PathObservation, ...]
    depths: tuple[int, ...]
    seeds: tuple[int | str, ...]
    table: Table
    exponents: Exponents
    verdict: Verdict
    beta: float = 0.0
    alpha: float | None = None
    ways: tuple[Way, ...] = ("path",)

    @property
    def alpha_plus_nu(self) -> Interval | None:
        """At most 1/2 if noise of this size moves the hidden state; None without an alpha."""
        nu = self.exponents.nu.exponent
        if self.alpha is None or not nu.known:
            return None
        return Interval(*(self.alpha + bound for bound in (nu.value, nu.low, nu.high)))

    def _repr_html_(self) -> str:
        found = self.exponents.intervals
        rows = [(name, i.value, i.low, i.high) for name, i in found.items()]
        caption = f"{self.verdict.limit}: {self.verdict.reason}"
        return html.table(("exponent", "value", "low", "high"), rows, caption)


def scaling_table(
    cells: Sequence[PathObservation], beta: float = 0.0, alpha: float | None = None
) -> ScalingTable:
    """Return the table of `cells`, one per depth and seed; L^beta scales the 2-variation norm.

    Raises ValueError: two cells are of one seed and depth.
    """
    table = tabulate(cells)
    ordered = sorted(cells, key=lambda cell: cell.statistics.depth)
    depths = tuple(int(depth) for depth in table.depths)
    return ScalingTable(
        tuple(ordered),
        depths,
        table.seeds,
        table,
        exponents(table, beta),
        decide(table),
        beta,
        alpha,
    )


def model_scaling(models: Sequence[WeightPath], beta: float = 0.0) -> ScalingTable:
    """Return the table of trained weights; `alpha` is that of their runs if they share it.

    Raises Usage: the models are of several families.
    """
    models = together(models)
    families = list(dict.fromkeys(model.family for model in models))
    if len(families) > 1:
        reason = f"fits {len(families)} families, and the scaling is that of one"
        remedy = f"name one of {', '.join(families)}"
        raise Usage("pattern", reason, remedy)
    cells = [
        PathObservation(seed, statistics(model))
        for seed, model in zip(seed_names(models), models, strict=True)
    ]
    betas = {model.beta for model in models}
    shared = betas.pop() if len(betas) == 1 else None
    found = scaling_table(cells, beta, None if shared is None else 1.0 - shared)
    return replace(found, ways=tuple(dict.fromkeys(path.way for path in models)))


def scaling_numbers(table: ScalingTable) -> dict[str, Any]:
    """Return the table as it is printed in JSON."""
    laws = table.exponents.laws
    return {
        "verdict": {n: getattr(table.verdict, n) for n in ("limit", "reason", "cautions")},
        "exponents": table.exponents.intervals,
        "wider": {name: law.wider for name, law in laws.items()},
        "local_slopes": {
            name: [{"shallow": p.shallow, "deep": p.deep, **asdict(p.slope)} for p in law.local]
            for name, law in laws.items()
        },
        "bend": {name: law.bend for name, law in laws.items()},
        **{n: getattr(table, n) for n in ("beta", "alpha", "alpha_plus_nu", "ways", "depths")},
        "seeds": len(table.seeds),
        "statistics": [
            {"depth": cell.statistics.depth, "seed": cell.seed, **asdict(cell.statistics)}
            for cell in table.cells
        ],
    }
