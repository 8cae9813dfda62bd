"""`resdepth paths norm`, `paths weights`, `paths profile` and `paths scaling`."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from resdepth.cli import console
from resdepth.cli.console import aligned
from resdepth.cli.models import models_of
from resdepth.cli.parameters import command
from resdepth.cli.picture import Draw, finish, origin_of, output
from resdepth.errors import Usage
from resdepth.options.base import AnalysisInvocation
from resdepth.options.paths import NormOptions, ProfileOptions, ScalingOptions, WeightsOptions

if TYPE_CHECKING:
    from resdepth.analysis.layer_orders import NullTable
    from resdepth.analysis.path_tables import Profile, VariationTable
    from resdepth.analysis.pool import Pool
    from resdepth.mathematics.slopes import PowerLaw

LONG = 10.0  # Seconds of which the user is told in advance
NULL_NOTES = (
    "quadratic variation, V1, P2: divided by their means over random orders of the layers",
    "p: share of orders in which they are not larger",
    "increments: correlation of successive increments (-1/2 if the layers are independent)",
)
Measured = tuple[Draw | None, Any, str]
"""How to draw the result, its numbers, and its text."""


def _path_command(measure: Callable[..., Measured]) -> TyperCommand:
    """The command that reads weight paths, measures them, and writes numbers and figure."""
    name = f"paths {measure.__name__}"
    unknown = 0.0 if measure.__name__ == "scaling" else None

    def run(options: Any, call: AnalysisInvocation) -> None:
        out = output(options.out)
        paths, beta = models_of(options, call, name, unknown)
        draw, numbers, text = measure(options, paths, beta, call.quiet)
        origin = origin_of(options, (file for path in paths for file in path.files))
        finish(draw, numbers, out, origin, call, text=text, show=options.show)

    run.__doc__ = measure.__doc__
    return command(name, measure.__annotations__["options"])(run)


@_path_command
def norm(options: NormOptions, paths: "Pool", beta: float, quiet: bool) -> Measured:
    """Draw the norms L^beta |A_k| of the layers against k/L; print p-variation norms.

    There is one curve per depth. Networks of the same depth are repetitions: they are drawn as
    their mean with a 95 % band by Student's t.
    """
    from resdepth.analysis.path_tables import norm_table, norms_along, variation_table
    from resdepth.figures.path_plots import draw_norms

    if options.size and not any(len(path.shape) > 2 for path in paths):
        raise Usage("input_size", "has no effect: no layer is a convolution", "leave it out")
    numbers: dict[str, object] = {"beta": beta}
    draw, texts, norms = None, list[str](), None
    if not options.pvar_only:
        norms = norms_along(paths, beta, options.norm, options.size)
        curves = norm_table(paths, beta, options.norm, norms=norms)
        numbers |= {"norm": curves.kind, "curves": curves.curves}
        draw = partial(draw_norms, curves, options.columns)
    if options.pvar:
        variations = variation_table(paths, beta, options.pvar)
        numbers["p_variation_norm"] = variations
        _say_ways(paths, quiet)
        _warn_of_bends(variations)
        texts.append(table(variations))
    if options.null:
        null = _null(paths, beta, options.pvar, quiet, norms, options.norm, options.size)
        numbers["null"] = null
        draw = draw and partial(draw, null=null)
        texts.append(null_table(null))
    return draw, numbers, "\n\n".join(texts)


@_path_command
def weights(options: WeightsOptions, paths: "Pool", beta: float, quiet: bool) -> Measured:
    """Draw single entries (i, j) of L^beta A_k along the layers, one panel per entry."""
    from resdepth.analysis.entries import entry_table
    from resdepth.figures.path_plots import draw_entries

    entries = entry_table(paths, beta, options.entries)
    return partial(draw_entries, entries, options.columns), entries, ""


@_path_command
def profile(options: ProfileOptions, paths: "Pool", beta: float, quiet: bool) -> Measured:
    """Draw the p-variation norm of k -> L^beta A_k against p, one curve per depth."""
    import numpy as np

    from resdepth.analysis.path_tables import profile_table
    from resdepth.figures.path_plots import draw_profile

    exponents = np.linspace(options.p_min, options.p_max, options.points).tolist()
    profiles = profile_table(paths, beta, exponents)
    _say_ways(paths, quiet)
    text = "\n".join(
        f"{f'{row.family}, ' if row.family else ''}L = {row.depth}: {_critical(row)}"
        for row in profiles.rows
    )
    draw, numbers = partial(draw_profile, profiles, options.columns), vars(profiles)
    if options.null:
        null = _null(paths, beta, exponents, quiet)
        draw, numbers = partial(draw, null=null), numbers | {"null": null}
        text += "\n\n" + null_table(null)
    return draw, numbers, text


@_path_command
def scaling(options: ScalingOptions, paths: "Pool", beta: float, quiet: bool) -> Measured:
    """Estimate how the weights scale with the depth L, and which limit they approach.

    The limit is smooth (H1), diffusive (H2) or neither. An exponent is the slope of the logarithm
    of a statistic against log L, over the depths that are given, with a 95 % interval by Student's
    t. Runs with the same seed form one series, and so do files in the same folder. A verdict needs
    3 depths and 2 seeds; the error rates in docs/study-statistics.md are those of 5 and 5.
    """
    from resdepth.analysis.scaling import (
        exponent_rows,
        growth,
        growth_rows,
        mean_rows,
        model_scaling,
        notes,
        scaling_numbers,
        verdict_lines,
    )
    from resdepth.figures.depth_plots import draw_scaling, draw_statistic

    found = model_scaling(paths, beta)
    _say_ways(paths, quiet)
    if options.statistic is not None:
        shown = growth(found, options.statistic)
        numbers = {**scaling_numbers(found), "statistic": options.statistic, "growth": shown}
        draw = partial(draw_statistic, found, options.statistic, options.columns)
        return draw, numbers, f"{shown.sentence(options.statistic)}\n{aligned(growth_rows(shown))}"
    above = [*verdict_lines(found), "", aligned(exponent_rows(found)), *notes(found)]
    text = "\n".join([*above, "", aligned(mean_rows(found)), ""])
    return partial(draw_scaling, found, options.columns), scaling_numbers(found), text


def _critical(row: "Profile") -> str:
    critical = row.critical
    if critical is None and row.way == "distances":
        return "no critical exponent (needs a path that fits into memory)"
    if critical is None:
        return "no critical exponent (needs at least 257 layers and a non-constant path)"
    error = critical.standard_error
    shown = f" ± {error:.2g}" if math.isfinite(error) else ""
    runs, known = len(row.critical_runs), sum(run is not None for run in row.critical_runs)
    over = f" (over {known} of {runs} runs)" if known < runs else ""
    return f"critical exponent {critical.value:.4g}{shown}{over}"


WAYS = {
    "distances": "from the distances between layers, read in blocks, because the path is large",
    "path": "from the path in memory",
}


def _say_ways(paths: "Pool", quiet: bool) -> None:
    """Say how p-variation was measured on other programs' weights; warn of single layers."""
    for way in WAYS:
        count = sum(path.way == way for path in paths)
        which = "" if count == len(paths) else f" of {count} paths"
        if count and not all(path.own for path in paths):
            console.say(f"p-variation{which}: {WAYS[way]}", quiet=quiet)
    for path in [path for path in paths if path.depth == 1][:1]:
        console.warn(f"{path.source}: one layer is a path of one point, whose p-variation is 0")


def _null(
    paths: "Pool", beta: float, exponents: Sequence[float], quiet: bool, *norms: Any
) -> "NullTable":
    """The paths against their layers in random order, after a message if this takes long."""
    from resdepth.analysis import layer_orders

    seconds = layer_orders.null_seconds(paths, 2 + len(exponents))
    if seconds > LONG:
        counted = f"{len(paths)} path{'s' * (len(paths) > 1)}"
        cost = f"p-variation norms of {layer_orders.DRAWN} random orders of {counted}"
        console.say(f"null: {cost} take about {seconds:.0f} s", quiet=quiet)
    return layer_orders.null_table(paths, beta, exponents, *norms)


def null_table(found: "NullTable") -> str:
    """Each path against its layers in random order, and the test of each curve in words."""
    numbered = all(isinstance(row.seed, int) for row in found.paths)
    head = ["family", "L", "seed" if numbered else "file", "quadratic variation", "p", "V1", "p"]
    rows = [[*head, "P2", "p", "neighbours", "increments"]]
    for row in found.paths:
        parts = (row.quadratic_variation, row.V1, row.P2)
        numbers = [f"{x:.3g}" for part in parts for x in (part.ratio, part.p_value)]
        numbers += [f"{x:.3f}" for x in (row.neighbours, row.increments)]
        numbers = ["-" if word == "nan" else word for word in numbers]
        name = str(row.seed if numbered else row.file)
        rows.append([row.family, str(row.depth), name, *numbers])
    named = any(row.family for row in found.paths)
    lines = [aligned(rows if named else [row[1:] for row in rows]), *NULL_NOTES]
    for curve in found.curves:
        family = f"{curve.family}, " if curve.family else ""
        lines.append(f"{family}L = {curve.depth}: {curve.sentence or 'too few layers to compare'}")
    return "\n".join(lines if found.paths else lines[1 + len(NULL_NOTES) :])


def table(variations: "VariationTable") -> str:
    """Depth by exponent: p-variation norm, mean ± deviation, and the power of L that it follows."""
    rows = [["family", "L", "runs", *(f"p = {p:g}" for p in variations.exponents)]]
    for row in variations.rows:
        cells = [
            f"{mean:.6g}" + (f" ± {deviation:.2g}" if row.norm.repetitions > 1 else "")
            for mean, deviation in zip(row.norm.mean, row.norm.deviation, strict=True)
        ]
        rows.append([row.family, str(row.depth), str(row.norm.repetitions), *cells])
    named = any(row.family for row in variations.rows)
    rows = rows if named else [cells[1:] for cells in rows]
    if any(math.isfinite(growth.exponent.value) for growth in variations.growth):
        partial = any(growth.excluded for growth in variations.growth)
        runs = variations.seeds if partial else ""
        rows.append(["growth", *[""] * named, runs, *map(_growth, variations.growth)])
    return "\n".join([aligned(rows), *_signs(variations)])


def _growth(growth: "PowerLaw") -> str:
    """L to the exponent, with the exponent's interval if there is one."""
    if not math.isfinite(growth.exponent.value):
        return "-"
    value, _, bounds = str(growth.exponent).partition(" ")
    return f"L^{value} {bounds}".rstrip()


OVER = {"seeds": "over the runs' own slopes", "depths": "of the regression through the depths"}
"""Where an interval of `power_law` comes from."""


def _signs(variations: "VariationTable") -> Iterator[str]:
    """Explain the signs beside the numbers that were used."""
    from resdepth.mathematics.slopes import FEW

    if any(row.norm.repetitions > 1 for row in variations.rows):
        yield "±: standard deviation over the runs of a depth"
    if variations.seeds:
        wider = sorted({growth.wider for growth in variations.growth if growth.exponent.known})
        over = "; ".join(OVER[word] for word in wider)
        interval = f" with its 95 % interval by t ({over})" if wider else ""
        yield f"growth: effective exponent over these depths{interval}; seeds: {variations.seeds}"
    if any(growth.excluded for growth in variations.growth):
        yield f"the means are over all seeds, growth is not: {FEW}"


def _warn_of_bends(variations: "VariationTable") -> None:
    for p, growth in zip(variations.exponents, variations.growth, strict=True):
        if growth.bends:
            first, last = growth.local[0].slope.value, growth.local[-1].slope.value
            console.warn(
                f"p = {p:g}: the growth bends, from L^{first:.3f} between the shallowest depths to "
                f"L^{last:.3f} between the deepest (bend {growth.bend}): no exponent for larger L"
            )
