"""Curvature as pictures: counts of eigenvalues, traces by layer, norms of blocks, the edge."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.figures.parts import band, log_axis, log_ticks
from resdepth.mathematics import Array
from resdepth.mathematics.probes import Band
from resdepth.probing.hessian import Spectrum
from resdepth.probing.products import LayerTraces

HEIGHT = 2.3  # inches of a row of panels
MATRICES = {"hessian": "H", "gauss-newton": "GN"}
LINES = {"tr H": "-", "tr GN": "--", "tr H − GN": ":"}


@style.styled
def draw_spectra(found: Sequence[Spectrum], columns: int = 2) -> Figure:
    """Draw all that is known of the spectra, one colour per run.

    Counts n(lambda > x) with their bands, n(lambda <= -x) dashed and hollow; traces by layer; for
    several spectra, the edge and traces against step or depth; a heat map for each interaction.
    """
    layered = [spectrum.layers for spectrum in found if spectrum.layers is not None]
    maps = [spectrum for spectrum in found if spectrum.interaction is not None]
    panels = 1 + bool(layered) + 2 * (len(found) > 1) + len(maps)
    rows = -(-panels // columns)
    drawn = style.figure(columns, HEIGHT * rows)
    axes = iter(drawn.subplots(rows, columns, squeeze=False).flat)
    _draw_counts(next(axes), found)
    if layered:
        _draw_layers(next(axes), layered)
    if len(found) > 1:
        _draw_edge(next(axes), found)
        _draw_traces(next(axes), found)
    for spectrum in maps:
        _draw_interaction(drawn, next(axes), spectrum, several=len(maps) > 1)
    for left in axes:
        left.set_axis_off()
    return drawn


def _label(spectrum: Spectrum, found: Sequence[Spectrum]) -> str:
    """What distinguishes this spectrum from the others: depth, step, or both."""
    depths = len({other.depth for other in found})
    depth, step = f"$L = {spectrum.depth}$", f"step {spectrum.step}"
    return depth if depths == len(found) else step if depths == 1 else f"{depth}, {step}"


def _draw_counts(axes: Axes, found: Sequence[Spectrum]) -> None:
    several = len(found) > 1
    for spectrum, colour in zip(found, style.categories(len(found)), strict=True):
        # The colour distinguishes several spectra, or the two sides of one.
        other = colour if several else style.CATEGORIES[1]
        above = _label(spectrum, found) if several else r"$n(\lambda > x)$"
        below = None if several else r"$n(\lambda \leq -x)$"
        _draw_ranks(axes, spectrum.top, color=colour, mfc=colour, label=above)
        _draw_ranks(axes, -spectrum.smallest, color=other, mfc="white", label=below)
        if (counts := spectrum.counts) is not None:
            half = len(counts.x) // 2
            positive, negative = slice(half, None), slice(half - 1, None, -1)
            _draw_count(axes, counts.x[positive], counts.above, positive, colour, "-")
            _draw_count(axes, -counts.x[negative], counts.below, negative, other, "--")
    log_axis(axes, "x")
    log_axis(axes, "y", whole=True)
    axes.set_xlabel(f"$x$, eigenvalues of {MATRICES[found[0].matrix]}")
    axes.set_ylabel("eigenvalues beyond $x$")
    _legend(axes)


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="best")


def _draw_ranks(axes: Axes, values: Array, **marks: Any) -> None:
    """Draw eigenvalues found one by one: the count passes i at the i-th."""
    shown = np.flatnonzero(values > 0)
    if len(shown):
        axes.plot(values[shown], shown + 1, "o", **marks)


def _draw_count(axes: Axes, x: Array, counts: Band, part: slice, colour: Any, line: str) -> None:
    estimate, lower, upper = counts.estimate[part], counts.lower[part], counts.upper[part]
    # A logarithmic axis has no zero; less than half an eigenvalue is none.
    shown = upper > 0.5
    axes.plot(x, np.where(estimate > 0.5, estimate, np.nan), line, color=colour)
    band(axes, x[shown], lower[shown].clip(0.5), upper[shown], colour)


def _draw_layers(axes: Axes, found: Sequence[LayerTraces]) -> None:
    several = len(found) > 1
    for layers, run in zip(found, style.categories(len(found)), strict=True):
        place = (np.arange(len(layers.names)) + 0.5) / len(layers.names)
        values = (layers.hessian, layers.gauss_newton, layers.hessian - layers.gauss_newton)
        errors = (layers.hessian_error, layers.gauss_newton_error, np.zeros(1))
        colours = [run] * 3 if several else style.categories(3)
        for name, y, error, colour in zip(LINES, values, errors, colours, strict=True):
            axes.plot(place, y, LINES[name], color=colour, label=None if several else name)
            if error.any():
                band(axes, place, y - 2 * error, y + 2 * error, colour)
    if several:
        _name_lines(axes, *LINES)
    axes.axhline(0.0, color=style.FAINT, linewidth=0.5, zorder=0)
    axes.set(xlim=(0.0, 1.0), xlabel="$k/L$", ylabel="trace of the layer's block")
    axes.legend(loc="best")


def _name_lines(axes: Axes, *names: str) -> None:
    for name in names:
        axes.plot([], [], LINES[name], color="black", label=name)


def _draw_edge(axes: Axes, found: Sequence[Spectrum]) -> None:
    for line, places, colour, label in _lines(axes, found):
        axes.plot(places, [one.rate_times_top for one in line], "o-", color=colour, label=label)
    for edge in sorted({spectrum.edge for spectrum in found}):
        axes.axhline(edge, color=style.FAINT, linestyle="--", linewidth=0.8, zorder=0)
    axes.set_ylabel(r"rate $\times\ \lambda_1$")
    axes.set_ylim(bottom=min(0.0, *(spectrum.rate_times_top for spectrum in found)))
    _legend(axes)


def _draw_traces(axes: Axes, found: Sequence[Spectrum]) -> None:
    """Draw tr H and, dashed, tr GN with two standard errors."""
    traces = list[float]()
    for line, places, colour, _ in _lines(axes, found):
        for name, kind in (("hessian", "o-"), ("gauss_newton", "o--")):
            values = [getattr(one.trace, name) for one in line]
            errors = 2 * np.array([getattr(one.trace, f"{name}_error") for one in line])
            bars: Any = {"yerr": errors if errors.any() else None, "elinewidth": 0.8}
            axes.errorbar(places, values, fmt=kind, color=colour, **bars)
            traces += values
    _name_lines(axes, "tr H", "tr GN")
    if min(traces) > 0.0:
        axes.set_yscale("log")
        log_ticks(axes.yaxis, min(traces), max(traces))
    axes.set_ylabel("trace")
    axes.legend(loc="best")


Line = tuple[list[Spectrum], list[int], str, str | None]


def _lines(axes: Axes, found: Sequence[Spectrum]) -> Iterator[Line]:
    """Name the horizontal axis; yield one line over different depths, else one per depth."""
    depths = sorted({spectrum.depth for spectrum in found})
    deep = len(depths) == len(found)
    axes.set_xlabel("$L$" if deep else "step")
    if deep:
        yield sorted(found, key=lambda one: one.depth), depths, style.CATEGORIES[0], None
        axes.set_xscale("log")
        axes.set_xticks(depths, [str(depth) for depth in depths])
        axes.minorticks_off()
        return
    for depth, colour in zip(depths, style.categories(len(depths)), strict=True):
        line = sorted((one for one in found if one.depth == depth), key=lambda one: one.step)
        label = f"$L = {depth}$" if len(depths) > 1 else None
        yield line, [one.step for one in line], colour, label


def _draw_interaction(drawn: Figure, axes: Axes, spectrum: Spectrum, *, several: bool) -> None:
    values = np.asarray(spectrum.interaction)
    positive = np.unique(values[values > 0])
    norm = LogNorm(positive[0], positive[-1]) if len(positive) > 1 else None
    image = axes.imshow(values, norm=norm, origin="lower", extent=(0, 1, 0, 1), cmap="viridis")
    axes.set(xlabel="$k/L$", ylabel="$j/L$")
    if several:
        axes.set_title(f"$L = {spectrum.depth}$, step {spectrum.step}")
    drawn.colorbar(image, ax=axes, label=rf"$\|{MATRICES[spectrum.matrix]}_{{jk}}\|_F$")
