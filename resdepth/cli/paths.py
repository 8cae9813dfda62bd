"""`resdepth paths norm`, `paths weights`, `paths profile` and `paths scaling`."""

import math
from typing import TYPE_CHECKING

from resdepth.cli import console
from resdepth.cli.parameters import command
from resdepth.cli.picture import finish
from resdepth.cli.tables import aligned
from resdepth.options.paths import (
    NormOptions,
    PathInvocation,
    PathOptions,
    ProfileOptions,
    ScalingOptions,
    WeightsOptions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resdepth.analysis.paths import Profile, VariationTable
    from resdepth.analysis.scaling import ScalingTable
    from resdepth.mathematics.slopes import PowerLaw
    from resdepth.runs.models import Model


def norm(options: NormOptions, call: PathInvocation, given: frozenset[str]) -> None:
    """Norms of the layers L^beta |A_k|_F against k/L, one curve a depth, and p-variation norms.

    Models of one depth in different folders are repetitions: mean and 95 % band by Student's t.
    """
    from resdepth.analysis.paths import norm_table, variation_table
    from resdepth.figures.paths import draw_norms
    from resdepth.figures.style import output_path

    out = output_path(options.out, command="paths norm")
    models, beta = _models(options, call)
    numbers: dict[str, object] = {"beta": beta}
    drawn = None
    if not options.pvar_only:
        curves = norm_table(models, beta)
        numbers["curves"] = curves.curves
        drawn = draw_norms(curves, options.columns)
    if options.pvar:
        variations = variation_table(models, beta, options.pvar)
        numbers["p_variation_norm"] = variations
        _warn_of_points(models)
        _warn_of_bends(variations)
        if not call.json_:
            print(table(variations))
    finish(drawn, numbers, out, json=call.json_, show=options.show)


def weights(options: WeightsOptions, call: PathInvocation, given: frozenset[str]) -> None:
    """Single entries (i, j) of L^beta A_k as paths through the layers, a panel an entry."""
    from resdepth.analysis.entries import entry_table
    from resdepth.figures.paths import draw_entries
    from resdepth.figures.style import output_path

    out = output_path(options.out, command="paths weights")
    models, beta = _models(options, call)
    entries = entry_table(models, beta, options.entries)
    finish(draw_entries(entries, options.columns), entries, out, json=call.json_, show=options.show)


def profile(options: ProfileOptions, call: PathInvocation, given: frozenset[str]) -> None:
    """p-variation norm of k -> L^beta A_k against p, one curve a depth."""
    import numpy as np

    from resdepth.analysis.paths import profile_table
    from resdepth.figures.paths import draw_profile
    from resdepth.figures.style import output_path

    out = output_path(options.out, command="paths profile")
    models, beta = _models(options, call)
    exponents = np.linspace(options.p_min, options.p_max, options.points).tolist()
    profiles = profile_table(models, beta, exponents)
    _warn_of_points(models)
    if not call.json_:
        for row in profiles.rows:
            print(f"L = {row.depth}: {_critical(row)}")
    drawn = draw_profile(profiles, options.columns)
    finish(drawn, profiles, out, json=call.json_, show=options.show)


def scaling(options: ScalingOptions, call: PathInvocation, given: frozenset[str]) -> None:
    """How the weights scale with the depth L, and which limit they show: H1, H2 or neither.

    Exponents are slopes of log statistic on log L over the depths at hand, their intervals 95 %
    by Student's t. Runs of one seed belong together, and so do the files of one folder; it takes 3
    depths and 2 seeds for a verdict, 5 of each for the error rates in docs/study-statistics.md.
    """
    from resdepth.analysis.scaling import model_scaling, scaling_numbers
    from resdepth.figures.scaling import draw_scaling
    from resdepth.figures.style import output_path

    out = output_path(options.out, command="paths scaling")
    models, beta = _models(options, call, unknown=0.0)
    found = model_scaling(models, beta)
    if not call.json_:
        print(answer(found))
    drawn = draw_scaling(found, options.columns)
    finish(drawn, scaling_numbers(found), out, json=call.json_, show=options.show)


def answer(found: "ScalingTable") -> str:
    """Verdict with its reason and cautions, exponents, and the means by depth."""
    from resdepth.analysis.answer import exponent_rows, mean_rows, notes, sentences

    above = [*sentences(found), "", aligned(exponent_rows(found)), *notes(found)]
    return "\n".join([*above, "", aligned(mean_rows(found)), ""])


def _critical(row: "Profile") -> str:
    critical = row.critical
    if critical is None:
        return "no critical exponent (it takes 257 layers and a path that moves)"
    error = critical.standard_error
    shown = f" ± {error:.2g}" if math.isfinite(error) else ""
    return f"critical exponent {critical.value:.4g}{shown}"


def _models(
    options: PathOptions, call: PathInvocation, unknown: float | None = None
) -> "tuple[list[Model], float]":
    """The models that belong together and beta, `unknown` where no model belongs to a run."""
    from resdepth.analysis.paths import common_beta
    from resdepth.analysis.pool import pooled
    from resdepth.runs.models import read_models

    console.route_warnings()
    found = read_models(options.sources, options.ext)
    known = options.beta is not None or any(model.beta is not None for model in found)
    beta = common_beta(found, options.beta if known else unknown)
    pool = pooled(found, allow_mixed=options.allow_mixed)
    for line in pool.left_out:
        console.warn(line)
    models = list(pool.models)
    depths = sorted({model.depth for model in models})
    shown = ", ".join(map(str, depths))
    count = f"{len(models)} model{'s' * (len(models) > 1)}"
    console.say(f"{count} of depth {shown}, beta = {beta:g}", quiet=call.quiet)
    return models, beta


def _warn_of_points(models: "list[Model]") -> None:
    single = next((model.path for model in models if model.depth == 1), None)
    if single is not None:
        console.warn(f"{single}: one layer is a path of one point, whose p-variation is 0")


def table(variations: "VariationTable") -> str:
    """Depth by exponent: p-variation norm, mean ± deviation, and the power of L that it follows."""
    heads = ["L", "runs", *(f"p = {p:g}" for p in variations.exponents)]
    rows = [heads]
    for row in variations.rows:
        cells = [
            f"{mean:.6g}" + (f" ± {deviation:.2g}" if row.norm.repetitions > 1 else "")
            for mean, deviation in zip(row.norm.mean, row.norm.deviation, strict=True)
        ]
        rows.append([str(row.depth), str(row.norm.repetitions), *cells])
    if any(math.isfinite(growth.exponent.value) for growth in variations.growth):
        rows.append(["growth", "", *map(_growth, variations.growth)])
    return "\n".join([aligned(rows), *_signs(variations)])


def _growth(growth: "PowerLaw") -> str:
    """L to the exponent, with the exponent's interval where there is one."""
    if not math.isfinite(growth.exponent.value):
        return "-"
    value, _, bounds = str(growth.exponent).partition(" ")
    return f"L^{value} {bounds}".rstrip()


def _signs(variations: "VariationTable") -> "Iterator[str]":
    """What the signs behind the numbers are, as far as they were used."""
    if any(row.norm.repetitions > 1 for row in variations.rows):
        yield "±: standard deviation over the runs of a depth"
    if any(growth.exponent.known for growth in variations.growth):
        wider = {growth.wider for growth in variations.growth if growth.wider}
        over = "; ".join(f"{WIDER[word]}" for word in sorted(wider))
        yield f"growth: effective exponent over these depths with its 95 % interval by t ({over})"


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
