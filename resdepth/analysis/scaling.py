"""How weights scale with the depth: one table of statistics, exponents and verdict."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from resdepth import html
from resdepth.analysis.measure import statistics
from resdepth.analysis.pool import seed_names, together
from resdepth.errors import Usage
from resdepth.mathematics import Array
from resdepth.mathematics.crossover import UNKNOWN_PARTS, PathParts, path_parts
from resdepth.mathematics.exponents import Exponents, PathObservation, Table, exponents, tabulate
from resdepth.mathematics.growth import GrowthTable, growth_table
from resdepth.mathematics.interval import Interval, three
from resdepth.mathematics.limits import Parts, WeightsLimit, decide
from resdepth.mathematics.slopes import FEW
from resdepth.weights.weight_path import Way, WeightPath

LIMITS = {"smooth": "smooth limit (H1)", "diffusive": "diffusive limit (H2)"}
LIMITS |= dict.fromkeys(("rough", "other"), "neither limit")
"""Verdicts as a reader sees them."""
SLOPES = {
    "beta": "-slope of RMS",
    "nu": "-slope of NOISE",
    "q1": "slope of V1/RMS",
    "q2": "slope of P2/RMS",
    "irel": "slope of I/RMS",
    "pr": "slope of PR",
}
"""What an exponent is, if it does not depend on the table."""


@dataclass(frozen=True)
class ScalingTable:
    """What is known of the scaling in L; `cells` by depth, then in the order they came."""

    cells: tuple[PathObservation, ...]
    table: Table
    exponents: Exponents
    verdict: WeightsLimit
    beta: float = 0.0  # scales the 2-variation norms
    alpha: float | None = None  # that of the training
    ways: tuple[Way, ...] = ("path",)  # how the 2-variation norms were measured
    parts: tuple[PathParts, ...] = ()  # trend and noise of each of `cells`

    @property
    def depths(self) -> tuple[int, ...]:
        """The depths, ascending."""
        return tuple(map(int, self.table.depths))

    @property
    def alpha_plus_nu(self) -> Interval | None:
        """At most 1/2 if noise of this size moves the hidden state; None without an alpha."""
        nu = self.exponents.intervals["nu"]
        if self.alpha is None or not nu.known:
            return None
        return Interval(*(self.alpha + bound for bound in (nu.value, nu.low, nu.high)))

    def _repr_html_(self) -> str:
        found = self.exponents.intervals
        rows = [(name, i.value, i.low, i.high) for name, i in found.items()]
        caption = f"{self.verdict.limit}: {self.verdict.reason}"
        return html.table(("exponent", "value", "low", "high"), rows, caption)


def scaling_table(
    cells: Sequence[PathObservation],
    beta: float = 0.0,
    alpha: float | None = None,
    ways: tuple[Way, ...] = ("path",),
    parts: Sequence[PathParts] | None = None,
) -> ScalingTable:
    """Return the table of `cells`, one per depth and seed (else ValueError); L^beta scales P2.

    `parts` are trend and noise of each of `cells`.
    """
    table = tabulate(cells)
    known = parts or [UNKNOWN_PARTS] * len(cells)
    both = sorted(zip(cells, known, strict=True), key=lambda one: one[0].statistics.depth)
    ordered, separated = zip(*both, strict=True)
    verdict = decide(table, _parts(table, cells, known), beta)
    known_exponents = exponents(table, beta)
    return ScalingTable(ordered, table, known_exponents, verdict, beta, alpha, ways, separated)


def _parts(table: Table, cells: Sequence[PathObservation], parts: Sequence[PathParts]) -> Parts:
    found = Parts.unknown(table)
    for cell, part in zip(cells, parts, strict=True):
        depth = float(cell.statistics.depth)
        place = table.seeds.index(cell.seed), table.depths.tolist().index(depth)
        found.trend[place], found.noise[place] = part.trend, part.noise
        found.visible[place] = part.visible
    return found


def _separated(models: Sequence[WeightPath], cells: Sequence[PathObservation]) -> list[PathParts]:
    """Trend and noise of each path; unknown for a path too large to hold."""
    hursts: dict[int | str, float] = {}
    for cell in sorted(cells, key=lambda cell: cell.statistics.depth):
        if cell.statistics.H == cell.statistics.H:
            # The Hurst exponent of the deepest path of a seed is the least biased by the trend.
            hursts[cell.seed] = cell.statistics.H
    return [
        path_parts(model.blocks, cell.statistics, hursts.get(cell.seed, math.nan))
        if model.way == "path"
        else UNKNOWN_PARTS
        for model, cell in zip(models, cells, strict=True)
    ]


def model_scaling(models: Sequence[WeightPath], beta: float = 0.0) -> ScalingTable:
    """Return the table of the weights of one family (else Usage); `alpha` if its runs share it."""
    models = together(models)
    families = list(dict.fromkeys(model.family for model in models))
    if len(families) > 1:
        reason = f"fits {len(families)} families, and the scaling is that of one"
        raise Usage("pattern", reason, f"name one of {', '.join(families)}")
    cells = [*map(PathObservation, seed_names(models), map(statistics, models))]
    shared, *others = {model.beta for model in models}
    alpha = None if others or shared is None else 1.0 - shared
    ways = tuple(dict.fromkeys(path.way for path in models))
    return scaling_table(cells, beta, alpha, ways, _separated(models, cells))


def scaling_numbers(table: ScalingTable) -> dict[str, Any]:
    """Return the table as it is printed in JSON."""
    laws = table.exponents.laws
    return {
        "verdict": {n: getattr(table.verdict, n) for n in ("limit", "reason", "cautions")},
        "exponents": table.exponents.intervals,
        "by_seed": {str(name): one.exponents for name, one in table.verdict.by_seed.items()},
        "agreement": table.verdict.agreement,
        "wider": {name: law.wider for name, law in laws.items()},
        "local_slopes": {
            name: [{"shallow": p.shallow, "deep": p.deep, **asdict(p.slope)} for p in law.local]
            for name, law in laws.items()
        },
        "bend": {name: law.bend for name, law in laws.items()},
        **{n: getattr(table, n) for n in ("beta", "alpha", "alpha_plus_nu", "ways", "depths")},
        "seeds": len(table.table.seeds),
        "statistics": [
            {"depth": cell.statistics.depth, "seed": cell.seed, **asdict(cell.statistics)}
            for cell in table.cells
        ],
    }


def verdict_lines(found: ScalingTable | None, cautions: Iterable[str] = ()) -> list[str]:
    """Return the verdict with its reason, then what limits it; `cautions` are those of the runs."""
    verdict = "no answer yet: all cells are excluded"
    if found is not None:
        limit = found.verdict.verdict
        verdict = f"{LIMITS.get(limit, limit)}: {found.verdict.reason.removeprefix(f'{limit}: ')}"
        cautions = (*found.verdict.cautions, *cautions)
    return [verdict, *(f"caution: {text}" for text in cautions)]


def exponent_rows(found: ScalingTable) -> list[list[str]]:
    """Return one row per exponent: value, interval, its origin, bend, slopes between the depths."""
    pairs = list(zip(found.depths, found.depths[1:], strict=False))
    steps = [f"{shallow}-{deep}" for shallow, deep in pairs]
    rows = [["", "what", "value", "95 % interval", "wider over", "bend", *steps]]
    what = SLOPES | {"variation_norm": f"slope of {f'L^{found.beta:g} ' if found.beta else ''}P2"}
    for name, law in found.exponents.laws.items():
        # The laws of beta and nu are those of 1/RMS and 1/NOISE, and so are their local slopes.
        local = {(part.shallow, part.deep): three(part.slope.value) for part in law.local}
        bend = f"{three(law.bend.value)}{' !' if law.bends else ''}"
        slopes = [local.get(pair, "") for pair in pairs]
        pooled = (*_shown(law.exponent), law.wider)
        if found.verdict.agreement[name].rejected:
            pooled = ("by seed", _range(found, name), "")
        rows.append([name, what[name], *pooled, bend, *slopes])
    hurst = _shown(found.exponents.hurst)
    rows.append(["hurst", "mean of H", *hurst, "seeds", "", *([""] * len(steps))])
    return [[cell.replace("nan", "-") for cell in row] for row in rows]


def _shown(found: Interval) -> tuple[str, str]:
    known = found.low == found.low
    return three(found.value), f"[{three(found.low)}, {three(found.high)}]" if known else "-"


def _range(found: ScalingTable, name: str) -> str:
    """Smallest and largest exponent of the seeds, for which there is no common value."""
    values = [one.exponents[name].value for one in found.verdict.by_seed.values()]
    known = [value for value in values if math.isfinite(value)]
    return f"{three(min(known))} … {three(max(known))}"


SCALED = ("RMS", "M", "R", "I", "V1", "P2", "NOISE")
"""Statistics that L^beta scales as it does the path."""


def statistic_values(found: ScalingTable, name: str) -> Array:
    """A statistic (seeds, depths) of the scaled path k -> L^beta A_k."""
    values = found.table.values[name]
    return values * found.table.depths**found.beta if name in SCALED else values


def growth(found: ScalingTable, name: str) -> GrowthTable:
    """Whether the statistic `name` of the scaled path is bounded or grows."""
    return growth_table(found.table.depths, statistic_values(found, name), found.table.seeds)


def growth_rows(found: GrowthTable) -> list[list[str]]:
    """Return one row per seed: verdict, effective exponent, slope at the deepest depth."""
    rows = [["seed", "", "exponent", f"slope at L = {found.last}"]]
    for name, seed in found.by_seed.items():
        rows.append([str(name), seed.verdict, str(seed.exponent), str(seed.last)])
    return [[cell.replace("nan", "-") for cell in row] for row in rows]


def notes(found: ScalingTable) -> Iterator[str]:
    """Say what the exponents are, and whether the noise moves the hidden state."""
    first, last, seeds = found.depths[0], found.depths[-1], len(found.table.seeds)
    yield (
        f"effective exponents over L = {first} … {last}, {seeds} seed{'s' * (seeds != 1)}; the "
        "columns on the right have the slopes between neighbouring depths"
    )
    partial = {law.rests_on for law in found.exponents.laws.values() if law.excluded}
    if partial:
        yield f"exponents use {', '.join(sorted(partial))} seeds, means use all: {FEW}"
    if any(law.bends for law in found.exponents.laws.values()):
        yield "! the exponent has not settled: the interval of its bend excludes 0"
    if any(test.rejected for test in found.verdict.agreement.values()):
        yield "by seed: the seeds differ (F test, 1 %), so there is no common exponent; their range"
    if (total := found.alpha_plus_nu) is not None:
        moves = "does not move h" if total.low > 0.5 else "may or may not move h"
        moves = "moves h" if total.high <= 0.5 else moves
        yield f"alpha + nu = {total}, to be compared with 1/2: in the limit the noise {moves}"


def mean_rows(found: ScalingTable) -> list[list[str]]:
    """Return the mean over the seeds of every statistic, one row per depth."""
    values = found.table.values
    rows = [["L", "seeds", *values]]
    for place, depth in enumerate(found.depths):
        columns = [[float(x) for x in table[:, place] if x == x] for table in values.values()]
        means = [f"{sum(column) / len(column):.4g}" if column else "-" for column in columns]
        rows.append([str(depth), str(len(columns[0])), *means])
    return rows
