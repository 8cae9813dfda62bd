"""A recorded scalar with its filtered points and the fit C / (t + T0)^rho."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from resdepth.analysis.curvefit import CurveFit
from resdepth.figures import style
from resdepth.mathematics.decay_fit import Estimate

SYMBOLS = {"avg_grad_norm": r"$\Omega(t)$"}
"""Mathematical names of recorded scalars; others go by their tag."""


@style.styled
def draw_fits(fits: Sequence[CurveFit], columns: int = 2) -> Figure:
    """Data (faint), filtered data (points) and fit (line), log-log and linear; a colour a file."""
    captions = [caption(curve, columns) for curve in fits]
    lines = sum(text.count("\n") + 1 for text in captions) + 1
    drawn = style.figure(columns, (2.3 if columns == 2 else 4.2) + 0.14 * lines)
    logarithmic, linear = drawn.subplots(*((1, 2) if columns == 2 else (2, 1)))
    handles = []
    for curve, text, colour in zip(fits, captions, style.categories(len(fits)), strict=True):
        for axes in (logarithmic, linear):
            _draw(axes, curve, colour)
        handles.append(Line2D([], [], color=colour, label=text))
    logarithmic.set_xscale("log", nonpositive="mask")
    logarithmic.set_yscale("log", nonpositive="mask")
    style.log_ticks(logarithmic.yaxis, *logarithmic.get_ylim())
    style.few_ticks(linear.xaxis)
    style.few_ticks(linear.yaxis)
    linear.set_ylim(0, _ceiling(fits))
    linear.set_xlim(left=min(0.0, *(float(curve.t[0]) for curve in fits)))
    for axes in (logarithmic, linear):
        axes.set_xlabel("$t$")
        axes.set_ylabel(SYMBOLS.get(fits[0].tag, fits[0].tag))
    title = r"$g(t) = C\,/\,(t+T_0)^{\rho}$"
    drawn.legend(handles=handles, title=title, loc="outside upper left", alignment="left")
    return drawn


def _draw(axes: Axes, curve: CurveFit, colour: str) -> None:
    dense = len(curve.filtered_t) > 300
    axes.plot(curve.t, curve.y, color=colour, alpha=0.3, linewidth=0.6, zorder=1)
    axes.plot(
        curve.filtered_t,
        curve.filtered_y,
        ".",
        color=colour,
        alpha=0.4 if dense else 0.7,
        markersize=2.0 if dense else 3.5,
        markeredgewidth=0,
        rasterized=dense,
        zorder=2,
    )
    # Recorded steps may begin at 0, which has no place on the logarithmic axis.
    after = curve.t[curve.t > 0]
    if math.isfinite(curve.fit.rho.value) and len(after):
        t = np.concatenate([curve.t[:1], np.geomspace(after[0], after[-1], 400)])
        axes.plot(t, curve.fit.curve(t), color=_darker(colour), linewidth=0.9, zorder=3)


def _darker(colour: str) -> tuple[float, ...]:
    return tuple(0.6 * part for part in to_rgb(colour))


def _ceiling(fits: Sequence[CurveFit]) -> float | None:
    """Top of the linear axis: filtered data and fits, whatever the spikes that were removed."""
    tops = [float(np.nanmax(c.filtered_y)) for c in fits if np.isfinite(c.filtered_y).any()]
    tops += [float(c.fit.curve(c.t[:1])[0]) for c in fits if math.isfinite(c.fit.rho.value)]
    return 1.05 * max(tops) if tops and 0 < max(tops) < math.inf else None


def caption(curve: CurveFit, columns: int = 2) -> str:
    """Name of the run, the parameters with their standard errors, R^2, and doubts."""
    fit = curve.fit
    name = curve.file.name if curve.file.is_dir() else curve.file.parent.name or curve.file.name
    name = style.short(name)
    if not math.isfinite(fit.rho.value):
        return f"{name}: {fit.reason}"
    parts = [
        rf"$C = {number(fit.C)}$",
        rf"$T_0 = {number(fit.T0)}$",
        rf"$\rho = {number(fit.rho)}$",
        rf"$R^2 = {fit.r_squared:.4f}$",
    ]
    doubt = "" if fit.identified else f"\nnot identified: {fit.reason}"
    return f"{name}:{' ' if columns == 2 else chr(10)}{', '.join(parts)}{doubt}"


def number(estimate: Estimate) -> str:
    """Value and standard error to two digits of the error, in mathematical type."""
    value, error = estimate.value, estimate.standard_error
    if not (math.isfinite(error) and error > 0 and math.isfinite(value)):
        return _power(f"{value:.4g}")
    digits = 1 - math.floor(math.log10(error))
    if 0 <= digits <= 6:
        return rf"{value:.{digits}f}\pm{error:.{digits}f}"
    if -2 <= digits < 0:
        return rf"{round(value, digits):.0f}\pm{round(error, digits):.0f}"
    exponent = math.floor(math.log10(max(abs(value), error)))
    scale, places = 10.0**exponent, max(0, digits + exponent)
    return rf"({value / scale:.{places}f}\pm{error / scale:.{places}f})\cdot10^{{{exponent}}}"


def _power(text: str) -> str:
    """ "7.4e+04" in mathematical type."""
    if text in ("inf", "-inf"):
        return text.replace("inf", r"\infty")
    mantissa, e, exponent = text.partition("e")
    return rf"{mantissa}\cdot10^{{{int(exponent)}}}" if e else mantissa
