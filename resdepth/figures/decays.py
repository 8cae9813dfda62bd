"""Fits of many runs: a band a depth instead of a line a run, and rho against the depth."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from resdepth.analysis.decays import DepthFits, common_points
from resdepth.figures import style
from resdepth.figures.decay import SYMBOLS


@style.styled
def draw_decays(groups: Sequence[DepthFits], columns: int = 2) -> Figure:
    """Median and range over the runs of each depth, log-log; mean rho with its 95 % interval.

    Curves have the steps that all runs of a depth recorded. The dots are the fits of single runs
    that are identified.
    """
    drawn = style.figure(columns, 2.4 if columns == 2 else 4.4)
    curves, exponents = drawn.subplots(*((1, 2) if columns == 2 else (2, 1)))
    colours = style.sequence(len(groups))
    for group, colour in zip(groups, colours, strict=True):
        t, values = common_points(group.fits)
        label = f"${group.depth}$"
        curves.plot(t, np.median(values, axis=0), color=colour, linewidth=0.9, label=label)
        low, high = values.min(axis=0), values.max(axis=0)
        curves.fill_between(t, low, high, color=colour, alpha=0.22, linewidth=0)
        found = [curve.fit.rho.value for curve in group.fits if curve.fit.identified]
        exponents.plot([group.depth] * len(found), found, ".", color=colour, alpha=0.6)
        if group.rho.known:
            half = group.rho.high - group.rho.value
            exponents.errorbar(
                group.depth, group.rho.value, yerr=half, fmt="_", color=colour, capsize=2
            )
    curves.set_xscale("log", nonpositive="mask")
    curves.set_yscale("log", nonpositive="mask")
    style.log_ticks(curves.yaxis, *curves.get_ylim())
    exponents.set_xscale("log")
    exponents.set_xlim(groups[0].depth / 1.25, groups[-1].depth * 1.25)
    style.depth_ticks(exponents.xaxis, [group.depth for group in groups])
    style.few_ticks(exponents.yaxis)
    if not any(group.identified for group in groups):
        told = "no fit is identified"
        exponents.text(0.5, 0.5, told, ha="center", transform=exponents.transAxes, fontsize=7)
        exponents.set_yticks([])
    tag = group.fits[0].tag
    curves.set_xlabel("$t$")
    curves.set_ylabel(SYMBOLS.get(tag, tag))
    exponents.set_xlabel("$L$")
    exponents.set_ylabel(r"$\rho$")
    curves.legend(title="$L$", loc="best")
    return drawn
