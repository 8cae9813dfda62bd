"""A recorded scalar and the fits C / (t + T0)^rho: run by run, or a band per depth."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from resdepth.analysis.fits import CurveFit, DepthFits, common_points
from resdepth.figures import parts, style
from resdepth.mathematics.decay_fit import Estimate

SYMBOLS = {"avg_grad_norm": r"$\Omega(t)$"}
"""Mathematical names of recorded scalars; others are shown by their tag."""


@style.styled
def draw_fits(fits: Sequence[CurveFit], columns: int = 2) -> Figure:
    """Draw data (faint), filtered data (points) and fits (lines), log-log and linear."""
    captions = [caption(curve, columns) for curve in fits]
    legend = 0.14 * (sum(text.count("\n") + 1 for text in captions) + 1)
    drawn, (logarithmic, linear) = style.panels(columns, 2, 2.3 + legend, 4.2 + legend)
    handles = []
    for curve, text, colour in zip(fits, captions, style.categories(len(fits)), strict=True):
        for axes in (logarithmic, linear):
            _draw(axes, curve, colour)
        handles.append(Line2D([], [], color=colour, label=text))
    _log_axes(logarithmic, fits[0])
    parts.few_ticks(linear.xaxis, linear.yaxis)
    linear.set(xlabel="$t$", ylabel=logarithmic.get_ylabel(), ylim=(0, _ceiling(fits)))
    linear.set_xlim(left=min(0.0, *(float(curve.t[0]) for curve in fits)))
    title = r"$g(t) = C\,/\,(t+T_0)^{\rho}$"
    drawn.legend(handles=handles, title=title, loc="outside upper left", alignment="left")
    return drawn


@style.styled
def draw_decays(groups: Sequence[DepthFits], columns: int = 2) -> Figure:
    """Draw median and range over the runs of each depth; rho of identified fits, its mean."""
    drawn, (curves, exponents) = style.panels(columns, 2, 2.4, 4.4)
    for group, colour in zip(groups, style.sequence(len(groups)), strict=True):
        t, values = common_points(group.fits)
        median = np.median(values, axis=0)
        curves.plot(t, median, color=colour, linewidth=0.9, label=f"${group.depth}$")
        parts.band(curves, t, values.min(axis=0), values.max(axis=0), colour)
        found = [curve.fit.rho.value for curve in group.fits if curve.fit.identified]
        parts.seed_dots(exponents, group.depth, np.array(found), colour)
        if group.rho.known:
            parts.mean_bars(exponents, [group.depth], [group.rho], colour)
    _log_axes(curves, groups[0].fits[0])
    parts.depth_axis(exponents, [group.depth for group in groups])
    parts.few_ticks(exponents.yaxis)
    if not any(group.identified for group in groups):
        parts.write_inside(exponents, "no fit is identified")
    exponents.set_ylabel(r"$\rho$")
    curves.legend(title="$L$", loc="best")
    return drawn


def _log_axes(axes: Axes, curve: CurveFit) -> None:
    axes.set_xscale("log", nonpositive="mask")
    parts.log_axis(axes, "y", mask=True)
    axes.set(xlabel="$t$", ylabel=SYMBOLS.get(curve.tag, curve.tag))


def _draw(axes: Axes, curve: CurveFit, colour: str) -> None:
    x, y, dense = curve.filtered_t, curve.filtered_y, len(curve.filtered_t) > 300
    alpha, size = (0.4, 2.0) if dense else (0.7, 3.5)
    dots: Any = {"markersize": size, "alpha": alpha, "markeredgewidth": 0, "rasterized": dense}
    axes.plot(curve.t, curve.y, color=colour, alpha=0.3, linewidth=0.6, zorder=1)
    axes.plot(x, y, ".", color=colour, zorder=2, **dots)
    # Recorded steps may begin at 0, which has no place on the logarithmic axis.
    after = curve.t[curve.t > 0]
    if math.isfinite(curve.fit.rho.value) and len(after):
        t = np.concatenate([curve.t[:1], np.geomspace(after[0], after[-1], 400)])
        darker = tuple(0.6 * np.array(to_rgb(colour)))
        axes.plot(t, curve.fit.curve(t), color=darker, linewidth=0.9, zorder=3)


def _ceiling(fits: Sequence[CurveFit]) -> float | None:
    """Top of the linear axis: filtered data and fits, without the spikes that were removed."""
    tops = [float(np.nanmax(c.filtered_y)) for c in fits if np.isfinite(c.filtered_y).any()]
    tops += [float(c.fit.curve(c.t[:1])[0]) for c in fits if math.isfinite(c.fit.rho.value)]
    return 1.05 * max(tops) if tops and 0 < max(tops) < math.inf else None


def caption(curve: CurveFit, columns: int = 2) -> str:
    """Return the run's name, the parameters with their standard errors, R^2, and doubts."""
    fit, place = curve.fit, curve.file if curve.file.is_dir() else curve.file.parent
    name = parts.short(place.name or curve.file.name)
    if not math.isfinite(fit.rho.value):
        return f"{name}: {fit.reason}"
    estimates = {"C": fit.C, "T_0": fit.T0, r"\rho": fit.rho}
    values = ", ".join(f"${symbol} = {number(value)}$" for symbol, value in estimates.items())
    doubt = "" if fit.identified else f"\nnot identified: {fit.reason}"
    space = " " if columns == 2 else "\n"
    return f"{name}:{space}{values}, $R^2 = {fit.r_squared:.4f}${doubt}"


def number(estimate: Estimate) -> str:
    """Return value and standard error to two digits of the error, in mathematical type."""
    value, error = estimate.value, estimate.standard_error
    if not (math.isfinite(error) and error > 0 and math.isfinite(value)):
        mantissa, e, exponent = f"{value:.4g}".replace("inf", r"\infty").partition("e")
        return rf"{mantissa}\cdot10^{{{int(exponent)}}}" if e else mantissa
    digits = 1 - math.floor(math.log10(error))
    if 0 <= digits <= 6:
        return rf"{value:.{digits}f}\pm{error:.{digits}f}"
    if -2 <= digits < 0:
        return rf"{round(value, digits):.0f}\pm{round(error, digits):.0f}"
    power = math.floor(math.log10(max(abs(value), error)))
    scale, places = 10.0**power, max(0, digits + power)
    return rf"({value / scale:.{places}f}\pm{error / scale:.{places}f})\cdot10^{{{power}}}"
