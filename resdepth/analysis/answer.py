"""The answer to how weights scale with the depth, in words and rows of tables."""

from collections.abc import Iterable, Iterator

from resdepth.analysis.scaling import ScalingTable
from resdepth.mathematics.interval import three
from resdepth.mathematics.slopes import FEW

SLOPES = {
    "beta": "-slope of RMS",
    "nu": "-slope of NOISE",
    "q1": "slope of V1/RMS",
    "q2": "slope of P2/RMS",
    "irel": "slope of I/RMS",
    "pr": "slope of PR",
}
"""What an exponent is, beside those that depend on the table."""


def sentences(found: ScalingTable) -> Iterator[str]:
    """The verdict with its reason, then what limits it."""
    yield f"{found.verdict.limit}: {found.verdict.reason}"
    for caution in found.verdict.cautions:
        yield f"caution: {caution}"


def verdict_lines(found: ScalingTable | None, cautions: Iterable[str]) -> list[str]:
    """What is said of runs, the verdict first; `cautions` are those of the runs themselves."""
    said = ["no answer yet: none of its cells counts"] if found is None else sentences(found)
    return [*said, *(f"caution: {text}" for text in cautions)]


def exponent_rows(found: ScalingTable) -> list[list[str]]:
    """A line an exponent: value, interval, which one it is, bend, slopes between the depths."""
    pairs = list(zip(found.depths, found.depths[1:], strict=False))
    steps = [f"{shallow}-{deep}" for shallow, deep in pairs]
    rows = [["", "what", "value", "95 % interval", "wider over", "bend", *steps]]
    scaled = {"variation_norm": f"slope of {f'L^{found.beta:g} ' if found.beta else ''}P2"}
    for name, law in found.exponents.laws.items():
        # The laws of beta and nu are those of 1/RMS and 1/NOISE, and so are all of their slopes.
        local = {(part.shallow, part.deep): f"{three(part.slope.value)}" for part in law.local}
        bend = f"{three(law.bend.value)}{' !' if law.bends else ''}"
        rows.append(
            [
                name,
                (SLOPES | scaled)[name],
                three(law.exponent.value),
                _bounds(law.exponent.low, law.exponent.high),
                law.wider,
                bend,
                *(local.get(pair, "") for pair in pairs),
            ]
        )
    hurst = found.exponents.hurst
    bounds = _bounds(hurst.low, hurst.high)
    rows.append(
        ["hurst", "mean of H", three(hurst.value), bounds, "seeds", "", *("" for _ in steps)]
    )
    return [[cell.replace("nan", "-") for cell in row] for row in rows]


def _bounds(low: float, high: float) -> str:
    return "-" if low != low else f"[{three(low)}, {three(high)}]"


def notes(found: ScalingTable) -> Iterator[str]:
    """What the exponents are, and whether the noise moves the hidden state."""
    first, last, seeds = found.depths[0], found.depths[-1], len(found.seeds)
    yield (
        f"effective exponents over L = {first} … {last}, {seeds} seed{'s' * (seeds != 1)}; on the "
        "right the local slopes: between neighbouring depths"
    )
    partial = {law.rests_on for law in found.exponents.laws.values() if law.excluded}
    if partial:
        yield f"exponents rest on {', '.join(sorted(partial))} seeds, means on all: {FEW}"
    if any(law.bends for law in found.exponents.laws.values()):
        yield "! the exponent has not settled: the interval of its bend excludes 0"
    if (total := found.alpha_plus_nu) is not None:
        moves = "moves h" if total.high <= 0.5 else "does not move h"
        if total.low <= 0.5 < total.high:
            moves = "may move h or not"
        yield f"alpha + nu = {total}, to be compared with 1/2: in the limit the noise {moves}"


def mean_rows(found: ScalingTable) -> list[list[str]]:
    """Mean over the seeds of every statistic, a line a depth."""
    values = found.table.values
    rows = [["L", "seeds", *values]]
    for place, depth in enumerate(found.depths):
        columns = [table[:, place] for table in values.values()]
        kept = [[float(x) for x in column if x == x] for column in columns]
        means = [f"{sum(column) / len(column):.4g}" if column else "-" for column in kept]
        rows.append([str(depth), str(len(kept[0])), *means])
    return rows
