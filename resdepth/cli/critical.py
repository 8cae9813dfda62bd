"""`resdepth critical`."""

from typing import TYPE_CHECKING

from resdepth.cli import console
from resdepth.cli.parameters import command
from resdepth.cli.picture import finish, origin_of, output
from resdepth.options.base import AnalysisInvocation
from resdepth.options.critical import CriticalOptions

if TYPE_CHECKING:
    from resdepth.mathematics.critical import CriticalScaling


def critical(options: CriticalOptions, call: AnalysisInvocation, given: frozenset[str]) -> None:
    """Estimate the scaling at which untrained networks neither explode nor become the identity.

    The weights are fractional Gaussian noise of Hurst exponent H along the layers. The estimate is
    the slope of log |sum of the branches at h_0| on log L over five depths, its interval Student's
    t over the draws (95 %). At finite depth it lies below its limit, max(1/2, H): by up to 0.07 for
    res3 with H > 1/2, by up to 0.1 for skip with H < 1/2.
    """
    from resdepth.figures.critical import draw_critical
    from resdepth.mathematics.critical import CriticalTable, critical_scaling, prefixes

    out = output(options.out, "critical")
    console.route_warnings()
    estimates = []
    for hurst in sorted(set(options.hurst)):
        estimates.append(
            critical_scaling(
                hurst,
                options.structure,
                options.sigma,
                width=options.width,
                depth=options.depth,
                draws=options.draws,
                seed=options.seed,
            )
        )
        if not call.json_:
            print(line(estimates[-1]), flush=True)
    table = CriticalTable(
        options.structure,
        options.sigma,
        options.width,
        prefixes(options.depth),
        options.draws,
        options.seed,
        tuple(estimates),
    )
    finish(
        lambda: draw_critical(table, options.columns),
        table,
        out,
        origin_of(options),
        json=call.json_,
        show=options.show,
    )


def line(found: "CriticalScaling") -> str:
    """One estimate in words."""
    error = f"± {found.standard_error:.2g} (95 % [{found.beta.low:.3f}, {found.beta.high:.3f}])"
    return f"H = {found.hurst:g}: beta = {found.beta.value:.3f} {error}, limit {found.limit:g}"


COMMANDS = {"critical": command("critical", CriticalOptions, AnalysisInvocation, critical)}
