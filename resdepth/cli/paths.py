"""`resdepth paths norm`, `paths weights`, `paths profile` and `paths scaling`."""

import math
from functools import partial
from typing import TYPE_CHECKING

from resdepth.cli import console
from resdepth.cli.models import models_of
from resdepth.cli.parameters import command
from resdepth.cli.picture import finish, origin_of, output
from resdepth.cli.tables import aligned
from resdepth.errors import Usage
from resdepth.options.paths import (
    NormOptions,
    PathInvocation,
    ProfileOptions,
    ScalingOptions,
    WeightsOptions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resdepth.analysis.measure import AnyModel
    from resdepth.analysis.path_tables import Profile, VariationTable
    from resdepth.analysis.scaling import ScalingTable
    from resdepth.mathematics.slopes import PowerLaw


def norm(options: NormOptions, call: PathInvocation, given: frozenset[str]) -> None:
    """Norms of the layers L^beta |A_k| against k/L, one curve per depth, and p-variation norms.

    Models of one depth in different folders are repetitions: mean and 95 % band by Student's t.
    """
    from resdepth.analysis.paths import norm_table, variation_table
    from resdepth.analysis.sources import model_files
    from resdepth.figures.paths import draw_norms

    out = output(options.out, "paths norm")
    models, beta = models_of(options, call, "paths norm")
    if options.size and not any(len(getattr(model, "shape", ())) > 2 for model in models):
        reason, remedy = "has no effect: no layer is a convolution", "leave it out"
        raise Usage("input_size", reason, remedy)
    numbers: dict[str, object] = {"beta": beta}
    draw, text = None, ""
    if not options.pvar_only:
        curves = norm_table(models, beta, options.norm, options.size)
        numbers |= {"norm": curves.kind, "curves": curves.curves}
        draw = partial(draw_norms, curves, options.columns)
    if options.pvar:
        variations = variation_table(models, beta, options.pvar)
        numbers["p_variation_norm"] = variations
        _warn_of_points(models)
        _warn_of_bends(variations)
        _say_ways(models, call)
        text = table(variations)
    origin = origin_of(options, model_files(models))
    finish(draw, numbers, out, origin, text=text, json=call.json_, show=options.show)


def weights(options: WeightsOptions, call: PathInvocation, given: frozenset[str]) -> None:
    """Single entries (i, j) of L^beta A_k as paths through the layers, a panel an entry."""
    from resdepth.analysis.entries import entry_table
    from resdepth.analysis.sources import model_files
    from resdepth.figures.paths import draw_entries

    out = output(options.out, "paths weights")
    models, beta = models_of(options, call, "paths weights")
    entries = entry_table(models, beta, options.entries)
    draw = partial(draw_entries, entries, options.columns)
    origin = origin_of(options, model_files(models))
    finish(draw, entries, out, origin, json=call.json_, show=options.show)


def profile(options: ProfileOptions, call: PathInvocation, given: frozenset[str]) -> None:
    """p-variation norm of k -> L^beta A_k against p, one curve per depth."""
    import numpy as np

    from resdepth.analysis.paths import profile_table
    from resdepth.analysis.sources import model_files
    from resdepth.figures.paths import draw_profile

    out = output(options.out, "paths profile")
    models, beta = models_of(options, call, "paths profile")
    exponents = np.linspace(options.p_min, options.p_max, options.points).tolist()
    profiles = profile_table(models, beta, exponents)
    _warn_of_points(models)
    _say_ways(models, call)
    text = "\n".join(
        f"{f'{row.family}, ' if row.family else ''}L = {row.depth}: {_critical(row)}"
        for row in profiles.rows
    )
    draw = partial(draw_profile, profiles, options.columns)
    origin = origin_of(options, model_files(models))
    finish(draw, profiles, out, origin, text=text, json=call.json_, show=options.show)


def scaling(options: ScalingOptions, call: PathInvocation, given: frozenset[str]) -> None:
    """How the weights scale with the depth L, and which limit they show: H1, H2 or neither.

    Exponents are slopes of log statistic on log L over the depths at hand, their intervals 95 %
    by Student's t. Runs of one seed belong together, and so do the files of one folder; it takes 3
    depths and 2 seeds for a verdict, 5 of each for the error rates in docs/study-statistics.md.
    """
    from resdepth.analysis.scaling import model_scaling, scaling_numbers
    from resdepth.analysis.sources import model_files
    from resdepth.figures.scaling import draw_scaling

    out = output(options.out, "paths scaling")
    models, beta = models_of(options, call, "paths scaling", unknown=0.0)
    found = model_scaling(models, beta)
    _say_ways(models, call)
    draw, numbers = partial(draw_scaling, found, options.columns), scaling_numbers(found)
    origin = origin_of(options, model_files(models))
    finish(draw, numbers, out, origin, text=answer(found), json=call.json_, show=options.show)


def answer(found: "ScalingTable") -> str:
    """Verdict with its reason and cautions, exponents, and the means by depth."""
    from resdepth.analysis.answer import exponent_rows, mean_rows, notes, sentences

    above = [*sentences(found), "", aligned(exponent_rows(found)), *notes(found)]
    return "\n".join([*above, "", aligned(mean_rows(found)), ""])


def _critical(row: "Profile") -> str:
    critical = row.critical
    if critical is None:
        if row.way == "distances":
            return "no critical exponent (needs a path that fits into memory)"
        return "no critical exponent (needs at least 257 layers and a non-constant path)"
    error = critical.standard_error
    shown = f" ± {error:.2g}" if math.isfinite(error) else ""
    runs, known = len(row.critical_runs), sum(run is not None for run in row.critical_runs)
    over = f" (over {known} of {runs} runs)" if known < runs else ""
    return f"critical exponent {critical.value:.4g}{shown}{over}"


def _say_ways(models: "Sequence[AnyModel]", call: PathInvocation) -> None:
    """Whether p-variation was measured on paths in memory or on distances of theirs."""
    from resdepth.analysis.measure import way

    ways = {way(model) for model in models}
    told = {
        "path": "from the path in memory",
        "distances": "from the distances of the layers, read in blocks: the path is too large",
    }
    for one in sorted(ways if any(model.family for model in models) else ()):
        which = "" if len(ways) == 1 else f" of {sum(way(model) == one for model in models)} paths"
        console.say(f"p-variation{which}: {told[one]}", quiet=call.quiet)


def _warn_of_points(models: "Sequence[AnyModel]") -> None:
    single = next((model.path for model in models if model.depth == 1), None)
    if single is not None:
        console.warn(f"{single}: one layer is a path of one point, whose p-variation is 0")


def table(variations: "VariationTable") -> str:
    """Depth by exponent: p-variation norm, mean ± deviation, and the power of L that it follows."""
    named = any(row.family for row in variations.rows)
    heads = ["L", "runs", *(f"p = {p:g}" for p in variations.exponents)]
    rows = [heads]
    for row in variations.rows:
        cells = [
            f"{mean:.6g}" + (f" ± {deviation:.2g}" if row.norm.repetitions > 1 else "")
            for mean, deviation in zip(row.norm.mean, row.norm.deviation, strict=True)
        ]
        rows.append([str(row.depth), str(row.norm.repetitions), *cells])
    if named:
        rows = [
            [first, *cells]
            for first, cells in zip(
                ["family", *(r.family for r in variations.rows)], rows, strict=True
            )
        ]
    if any(math.isfinite(growth.exponent.value) for growth in variations.growth):
        blank = [""] if named else []
        partial = any(growth.excluded for growth in variations.growth)
        runs = variations.seeds if partial else ""
        rows.append(["growth", *blank, runs, *map(_growth, variations.growth)])
    return "\n".join([aligned(rows), *_signs(variations)])


def _growth(growth: "PowerLaw") -> str:
    """L to the exponent, with the exponent's interval where there is one."""
    if not math.isfinite(growth.exponent.value):
        return "-"
    value, _, bounds = str(growth.exponent).partition(" ")
    return f"L^{value} {bounds}".rstrip()


def _signs(variations: "VariationTable") -> "Iterator[str]":
    """What the signs behind the numbers are, as far as they were used."""
    from resdepth.mathematics.slopes import FEW

    if any(row.norm.repetitions > 1 for row in variations.rows):
        yield "±: standard deviation over the runs of a depth"
    if variations.seeds:
        wider = {growth.wider for growth in variations.growth if growth.exponent.known}
        over = "; ".join(f"{WIDER[word]}" for word in sorted(wider))
        interval = f" with its 95 % interval by t ({over})" if wider else ""
        yield f"growth: effective exponent over these depths{interval}; seeds: {variations.seeds}"
    if any(growth.excluded for growth in variations.growth):
        yield f"the means are over all seeds, growth is not: {FEW}"


WIDER = {"seeds": "over the runs' own slopes", "depths": "of the regression through the depths"}
"""Where an interval of `power_law` is from."""


def _warn_of_bends(variations: "VariationTable") -> None:
    for p, growth in zip(variations.exponents, variations.growth, strict=True):
        if growth.bends:
            first, last = growth.local[0].slope.value, growth.local[-1].slope.value
            console.warn(
                f"p = {p:g}: the growth bends, from L^{first:.3f} between the shallowest depths to "
                f"L^{last:.3f} between the deepest (bend {growth.bend}): no exponent for larger L"
            )


COMMANDS = {
    "norm": command("paths norm", NormOptions, PathInvocation, norm),
    "weights": command("paths weights", WeightsOptions, PathInvocation, weights),
    "profile": command("paths profile", ProfileOptions, PathInvocation, profile),
    "scaling": command("paths scaling", ScalingOptions, PathInvocation, scaling),
}
