"""`resdepth curvefit`."""

import math
from typing import TYPE_CHECKING

from resdepth.cli import console
from resdepth.cli.parameters import command
from resdepth.cli.picture import finish
from resdepth.options.curvefit import CurvefitInvocation, CurvefitOptions

if TYPE_CHECKING:
    from resdepth.analysis.curvefit import CurveFit
    from resdepth.mathematics.decay import Estimate


def curvefit(options: CurvefitOptions, call: CurvefitInvocation, given: frozenset[str]) -> None:
    """Fit g(t) = C / (t + T0)^rho to a recorded scalar by least squares of the logarithms.

    The points are numbered t = 1, 2, … (or t is their step); windows lose their extremes first,
    then every so many-th point goes. Standard errors are for C, T0 and rho themselves, intervals
    are 95 %. A restart replaces what was recorded from its step on.
    """
    from resdepth.analysis.curvefit import Filters, fit_files, fit_numbers
    from resdepth.figures.decay import draw_fits
    from resdepth.figures.style import output_path

    out = output_path(options.out, command="curvefit")
    said = console.route_warnings()
    filters = Filters(options.window_size, options.filter_period, options.scaling_x, options.time)
    fits = fit_files(options.sources, options.tag, filters, options.fixed_shift)
    for curve in fits:
        if not call.json_:
            print(line(curve))
        if curve.fit.dropped:
            console.warn(f"{curve.file}: {curve.fit.dropped} points are not positive, left out")
        if not curve.fit.identified:
            console.warn(f"{curve.file}: the fit is not identified: {curve.fit.reason}")
    drawn = draw_fits(fits, options.columns)
    finish(drawn, fit_numbers(fits, said), out, json=call.json_, show=options.show)


def line(curve: "CurveFit") -> str:
    """One fit in words."""
    fit = curve.fit
    parts = [
        f"C = {_shown(fit.C)}",
        f"T0 = {_shown(fit.T0)}",
        f"rho = {_shown(fit.rho)}",
        f"R² = {fit.r_squared:.5f}",
        f"residual deviation {fit.residual_deviation:.3g}",
        f"{fit.points} points",
    ]
    return f"{curve.file}: {', '.join(parts)}"


def _shown(estimate: "Estimate") -> str:
    error = estimate.standard_error
    return f"{estimate.value:.6g}" + (f" ± {error:.2g}" if math.isfinite(error) and error else "")


COMMANDS = {"curvefit": command("curvefit", CurvefitOptions, CurvefitInvocation, curvefit)}
