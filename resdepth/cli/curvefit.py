"""`resdepth curvefit`."""

import math
from functools import partial
from typing import TYPE_CHECKING

from resdepth.cli import console
from resdepth.cli.parameters import command
from resdepth.cli.picture import finish, origin_of, output
from resdepth.options.base import AnalysisInvocation
from resdepth.options.curvefit import CurvefitOptions

if TYPE_CHECKING:
    from resdepth.analysis.fits import CurveFit, DepthFits
    from resdepth.mathematics.decay_fit import Estimate


@command("curvefit")
def curvefit(options: CurvefitOptions, call: AnalysisInvocation) -> None:
    """Fit g(t) = C / (t + T0)^rho to a recorded scalar by least squares of the logarithms.

    The time t of a point is its number 1, 2, …; with --time step it is the step. --window-size
    removes the extremes of each window, and then --filter-period removes every n-th point. Standard
    errors are those of C, T0 and rho, not of their logarithms; intervals are 95 %. More than 7 runs
    are averaged by depth, with the mean of rho and its interval by Student's t. If a run was
    restarted at a step, the new points from that step on replace the old ones.
    """
    from resdepth.analysis.fits import (
        Filters,
        curve_files,
        depth_numbers,
        fit_files,
        fit_numbers,
        fits_by_depth,
    )
    from resdepth.figures.decay import draw_decays, draw_fits

    out = output(options.out)
    warned = console.route_warnings()
    filters = Filters(options.window_size, options.filter_period, options.scaling_x, options.time)
    fits = fit_files(options.sources, options.tag, filters, options.fixed_shift)
    for curve in fits:
        if curve.fit.dropped:
            console.warn(
                f"{curve.file}: {curve.fit.dropped} points are not positive and are left out"
            )
        if not curve.fit.identified:
            console.warn(f"{curve.file}: the fit is not identified: {curve.fit.reason}")
    groups = fits_by_depth(fits) if len(fits) > MANY else ()
    numbers = fit_numbers(fits, warned)
    if groups:
        numbers["depths"] = [depth_numbers(group) for group in groups]
    draw = partial(draw_decays, groups) if groups else partial(draw_fits, fits)
    origin = origin_of(options, curve_files(fits))
    text = "\n".join([*map(line, fits), *map(mean_line, groups)])
    finish(partial(draw, options.columns), numbers, out, origin, call, text=text, show=options.show)


MANY = 7
"""Runs up to which each has a colour and a caption of its own; more are drawn by depth."""


def mean_line(group: "DepthFits") -> str:
    """Mean rho of one depth in words; the interval is over the runs."""
    counted = f"{group.identified} of {len(group.fits)} fits"
    return f"L = {group.depth}: mean rho = {group.rho} over the {counted} that are identified"


def line(curve: "CurveFit") -> str:
    """One fit in words."""
    fit = curve.fit
    return (
        f"{curve.file}: C = {_shown(fit.C)}, T0 = {_shown(fit.T0)}, rho = {_shown(fit.rho)}, "
        f"R² = {fit.r_squared:.5f}, residual deviation {fit.residual_deviation:.3g}, "
        f"{fit.points} points"
    )


def _shown(estimate: "Estimate") -> str:
    error = estimate.standard_error
    return f"{estimate.value:.6g}" + (f" ± {error:.2g}" if math.isfinite(error) and error else "")
