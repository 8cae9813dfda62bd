"""The answer to how weights scale with the depth, in sentences and rows of tables."""

from collections.abc import Iterable, Iterator

from resdepth.analysis.scaling import ScalingTable
from resdepth.mathematics.interval import three
from resdepth.mathematics.slopes import FEW

LIMITS = {"H1": "smooth limit (H1)", "H2": "diffusive limit (H2)", "neither": "neither limit"}
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


def sentences(found: ScalingTable) -> Iterator[str]:
    """Yield the verdict with its reason, then what limits it."""
    limit = found.verdict.limit
    yield f"{LIMITS.get(limit, limit)}: {found.verdict.reason}"
    yield from (f"caution: {caution}" for caution in found.verdict.cautions)


def verdict_lines(found: ScalingTable | None, cautions: Iterable[str]) -> list[str]:
    """Return what to say of an experiment, the verdict first; `cautions` are those of its runs."""
    said = ["no answer yet: all cells are excluded"] if found is None else sentences(found)
    return [*said, *(f"caution: {text}" for text in cautions)]


def exponent_rows(found: ScalingTable) -> list[list[str]]:
    """Return one row per exponent: value, interval, its origin, bend, slopes between the depths."""
    pairs = list(zip(found.depths, found.depths[1:], strict=False))
    steps = [f"{shallow}-{deep}" for shallow, deep in pairs]
    rows = [["", "what", "value", "95 % interval", "wider over", "bend", *steps]]
    scaled = {"variation_norm": f"slope of {f'L^{found.beta:g} ' if found.beta else ''}P2"}
    for name, law in found.exponents.laws.items():
        # The laws of beta and nu are those of 1/RMS and 1/NOISE, and so are their local slopes.
        local = {(part.shallow, part.deep): three(part.slope.value) for part in law.local}
        rows.append(
            [
                name,
                (SLOPES | scaled)[name],
                three(law.exponent.value),
                _bounds(law.exponent.low, law.exponent.high),
                law.wider,
                f"{three(law.bend.value)}{' !' if law.bends else ''}",
                *(local.get(pair, "") for pair in pairs),
            ]
        )
    hurst = found.exponents.hurst
    bounds = _bounds(hurst.low, hurst.high)
    rows.append(
        ["hurst", "mean of H", three(hurst.value), bounds, "seeds", "", *([""] * len(steps))]
    )
    return [[cell.replace("nan", "-") for cell in row] for row in rows]


def _bounds(low: float, high: float) -> str:
    return "-" if low != low else f"[{three(low)}, {three(high)}]"


def notes(found: ScalingTable) -> Iterator[str]:
    """Say what the exponents are, and whether the noise moves the hidden state."""
    first, last, seeds = found.depths[0], found.depths[-1], len(found.seeds)
    yield (
        f"effective exponents over L = {first} … {last}, {seeds} seed{'s' * (seeds != 1)}; the "
        "columns on the right have the slopes between neighbouring depths"
    )
    partial = {law.rests_on for law in found.exponents.laws.values() if law.excluded}
    if partial:
        yield f"exponents use {', '.join(sorted(partial))} seeds, means use all: {FEW}"
    if any(law.bends for law in found.exponents.laws.values()):
        yield "! the exponent has not settled: the interval of its bend excludes 0"
    if (total := found.alpha_plus_nu) is not None:
        moves = (
            "changes the hidden state" if total.high <= 0.5 else "does not change the hidden state"
        )
        if total.low <= 0.5 < total.high:
            moves = "may or may not change the hidden state"
        yield f"alpha + nu = {total}, to be compared with 1/2: in the limit the noise {moves}"


def mean_rows(found: ScalingTable) -> list[list[str]]:
    """Return the mean over the seeds of every statistic, one row per depth."""
    values = found.table.values
    rows = [["L", "seeds", *values]]
    for place, depth in enumerate(found.depths):
        columns = [table[:, place] for table in values.values()]
        kept = [[float(x) for x in column if x == x] for column in columns]
        means = [f"{sum(column) / len(column):.4g}" if column else "-" for column in kept]
        rows.append([str(depth), str(len(kept[0])), *means])
    return rows
