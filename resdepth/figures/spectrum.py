"""Curvature as pictures: counts of eigenvalues, traces by layer, norms of blocks, the edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from resdepth.figures import style
from resdepth.mathematics.counting import Band
from resdepth.probing.hessian import Spectrum

HEIGHT = 2.3
"""Inches of a row of panels."""
MATRICES = {"hessian": "H", "gauss-newton": "GN"}


@style.styled
def draw_spectra(found: Sequence[Spectrum], columns: int = 2) -> Figure:
    """Panels for all that is known of the spectra, runs in colours.

    Counts n(lambda > x) with their bands, and n(lambda <= -x) dashed and hollow; traces of
    either matrix by layer over k/L; where there are several spectra, rates times largest
    eigenvalues and traces against step or depth; a heat map for each interaction.
    """
    layered = [spectrum for spectrum in found if spectrum.layers is not None]
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


def _colours(found: Sequence[object]) -> list[Any]:
    return style.categories(len(found))


def _label(spectrum: Spectrum, found: Sequence[Spectrum]) -> str:
    """What tells this spectrum from the others: depth, step, or both."""
    depths = {other.depth for other in found}
    if len(depths) == len(found):
        return f"$L = {spectrum.depth}$"
    if len(depths) == 1:
        return f"step {spectrum.step}"
    return f"$L = {spectrum.depth}$, step {spectrum.step}"


def _draw_counts(axes: Axes, found: Sequence[Spectrum]) -> None:
    several = len(found) > 1
    colours = _colours(found)
    for spectrum, colour in zip(found, colours, strict=True):
        label = _label(spectrum, found) if several else r"$n(\lambda > x)$"
        # With several spectra the colour tells them apart; alone it tells the sides apart.
        other = colour if several else style.categories(2)[1]
        beside = None if several else r"$n(\lambda \leq -x)$"
        _draw_ranks(axes, spectrum.top, colour, label, hollow=False)
        _draw_ranks(axes, -spectrum.smallest, other, beside, hollow=True)
        if spectrum.counts is not None:
            x, half = spectrum.counts.x, len(spectrum.counts.x) // 2
            _draw_band(axes, x[half:], spectrum.counts.above, slice(half, None), colour, "-")
            negative = slice(half - 1, None, -1)
            _draw_band(axes, -x[negative], spectrum.counts.below, negative, other, "--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    style.log_ticks(axes.xaxis, *axes.get_xlim())
    style.log_ticks(axes.yaxis, *axes.get_ylim(), whole=True)
    matrix = MATRICES[found[0].matrix]
    axes.set_xlabel(f"$x$, eigenvalues of {matrix}")
    axes.set_ylabel("eigenvalues beyond $x$")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="best")


def _draw_ranks(
    axes: Axes, values: NDArray[np.float64], colour: Any, label: str | None, *, hollow: bool
) -> None:
    """Eigenvalues found one by one: the i-th is where the count passes i."""
    shown = values > 0
    ranks = np.arange(1, len(values) + 1)
    if shown.any():
        inside = "white" if hollow else colour
        axes.plot(values[shown], ranks[shown], "o", color=colour, mfc=inside, label=label)


def _draw_band(
    axes: Axes, x: NDArray[np.float64], band: Band, part: slice, colour: Any, line: str
) -> None:
    estimate, lower, upper = band.estimate[part], band.lower[part], band.upper[part]
    # A logarithmic axis has no zero; less than half an eigenvalue is none.
    floor = 0.5
    shown = upper > floor
    axes.plot(x, np.where(estimate > floor, estimate, np.nan), line, color=colour)
    axes.fill_between(
        x[shown], lower[shown].clip(floor), upper[shown], color=colour, alpha=0.2, linewidth=0
    )


def _draw_layers(axes: Axes, found: Sequence[Spectrum]) -> None:
    several = len(found) > 1
    curves = (("H", "-"), ("GN", "--"), ("H − GN", ":"))
    runs = _colours(found) if several else ["black"]
    for spectrum, run in zip(found, runs, strict=True):
        layers = spectrum.layers
        if layers is None:
            continue
        count = len(layers.names)
        place = (np.arange(count) + 0.5) / count
        values = (layers.hessian, layers.gauss_newton, layers.hessian - layers.gauss_newton)
        errors = (layers.hessian_error, layers.gauss_newton_error, None)
        colours = [run] * 3 if several else style.categories(3)
        for (name, line), y, error, colour in zip(curves, values, errors, colours, strict=True):
            axes.plot(place, y, line, color=colour, label=None if several else f"tr {name}")
            if error is not None and error.any():
                axes.fill_between(
                    place, y - 2 * error, y + 2 * error, color=colour, alpha=0.2, linewidth=0
                )
    if several:
        # The colours are those of the counts; here the lines tell the matrices apart.
        for name, line in curves:
            axes.plot([], [], line, color="black", label=f"tr {name}")
    axes.axhline(0.0, color=style.FAINT, linewidth=0.5, zorder=0)
    axes.set_xlim(0.0, 1.0)
    axes.set_xlabel("$k/L$")
    axes.set_ylabel("trace of the layer's block")
    axes.legend(loc="best")


@dataclass(frozen=True)
class Line:
    """Spectra to be joined, in the order of their places: depths, or the steps of one depth."""

    spectra: list[Spectrum]
    places: list[int]
    label: str | None


def _lines(found: Sequence[Spectrum]) -> list[Line]:
    """One line over the depths where no two are equal, else a line a depth over the steps."""
    depths = sorted({spectrum.depth for spectrum in found})
    if len(depths) == len(found):
        return [Line(sorted(found, key=lambda spectrum: spectrum.depth), depths, None)]
    lines = []
    for depth in depths:
        of_depth = [spectrum for spectrum in found if spectrum.depth == depth]
        of_depth.sort(key=lambda spectrum: spectrum.step)
        label = f"$L = {depth}$" if len(depths) > 1 else None
        lines.append(Line(of_depth, [spectrum.step for spectrum in of_depth], label))
    return lines


def _draw_edge(axes: Axes, found: Sequence[Spectrum]) -> None:
    """Rate times largest eigenvalue beside the edge."""
    lines = _lines(found)
    for line, colour in zip(lines, _colours(lines), strict=True):
        values = [spectrum.rate_times_top for spectrum in line.spectra]
        axes.plot(line.places, values, "o-", color=colour, label=line.label)
    for edge in sorted({spectrum.edge for spectrum in found}):
        axes.axhline(edge, color=style.FAINT, linestyle="--", linewidth=0.8, zorder=0)
    _label_places(axes, found)
    axes.set_ylabel(r"rate $\times\ \lambda_1$")
    axes.set_ylim(bottom=min(0.0, *(spectrum.rate_times_top for spectrum in found)))
    if len(lines) > 1:
        axes.legend(loc="best")


def _draw_traces(axes: Axes, found: Sequence[Spectrum]) -> None:
    """tr H and, dashed, tr GN."""
    lines = _lines(found)
    for line, colour in zip(lines, _colours(lines), strict=True):
        for name, style_of in (("hessian", "o-"), ("gauss_newton", "o--")):
            values = [getattr(spectrum.trace, name) for spectrum in line.spectra]
            errors = [getattr(spectrum.trace, f"{name}_error") for spectrum in line.spectra]
            shown = 2 * np.array(errors) if any(errors) else None
            axes.errorbar(line.places, values, shown, fmt=style_of, color=colour, elinewidth=0.8)
    axes.plot([], [], "-", color="black", label="tr H")
    axes.plot([], [], "--", color="black", label="tr GN")
    traces = [t for s in found for t in (s.trace.hessian, s.trace.gauss_newton)]
    if min(traces) > 0.0:
        axes.set_yscale("log")
        style.log_ticks(axes.yaxis, min(traces), max(traces))
    _label_places(axes, found)
    axes.set_ylabel("trace")
    axes.legend(loc="best")


def _label_places(axes: Axes, found: Sequence[Spectrum]) -> None:
    depths = {spectrum.depth for spectrum in found}
    deep = len(depths) == len(found)
    axes.set_xlabel("$L$" if deep else "step")
    if deep:
        axes.set_xscale("log")
        axes.set_xticks(sorted(depths), [str(depth) for depth in sorted(depths)], minor=False)
        axes.minorticks_off()


def _draw_interaction(drawn: Figure, axes: Axes, spectrum: Spectrum, *, several: bool) -> None:
    values = spectrum.interaction
    if values is None:
        return
    positive = values[values > 0]
    norm = None  # one value has no scale
    if positive.size and positive.max() > positive.min():
        norm = LogNorm(positive.min(), positive.max())
    image = axes.imshow(
        values, origin="lower", extent=(0, 1, 0, 1), norm=norm, cmap="viridis", aspect="equal"
    )
    axes.set_xlabel("$k/L$")
    axes.set_ylabel("$j/L$")
    if several:
        axes.set_title(f"$L = {spectrum.depth}$, step {spectrum.step}")
    matrix = MATRICES[spectrum.matrix]
    drawn.colorbar(image, ax=axes, label=rf"$\|{matrix}_{{jk}}\|_F$")
