"""What a picture of spectra shows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resdepth.figures.spectra import draw_spectra
from resdepth.mathematics.probes import Band, Counts
from resdepth.probing.hessian import Spectrum
from resdepth.probing.products import LayerTraces, Traces
from tests.support.artists import bands, bars, corners, curves, same

X = np.geomspace(1e-3, 1.0, 9)
SIGNED = np.concatenate([-X[::-1], X])
ABOVE = np.linspace(30.0, 0.0, 18)
ZEROS = np.zeros(4)


@pytest.fixture
def spectrum() -> Spectrum:
    """Everything that can be known of a network of depth 4."""
    return Spectrum(
        checkpoint=Path("last.safetensors"),
        step=7,
        depth=4,
        parameters=30,
        samples=9,
        matrix="hessian",
        engine="eager",
        dtype="float64",
        seed=0,
        loss=1.0,
        top=np.array([1.0, 0.5, -0.1]),
        smallest=np.array([-0.7]),
        residuals=np.full(4, 1e-9),
        search=None,
        trace=Traces(2.0, 1.0, 0.0, 0.0),
        layers=LayerTraces(list("0123"), np.arange(4.0), np.ones(4), ZEROS, ZEROS),
        products=30,
        rate=1.9,
        rate_times_top=1.9,
        edge=2.0,
        rounding=0.0,
        counts=Counts(
            SIGNED,
            Band(ABOVE, ABOVE - 1.0, ABOVE + 1.0),
            Band(30.0 - ABOVE, 29.0 - ABOVE, 31.0 - ABOVE),
        ),
        spectra=None,
        interaction=np.array([[2.0, 0.5], [0.5, 1.0]]),
    )


def shown(drawn) -> list:
    return [axes for axes in drawn.axes if axes.axison]


def test_one_spectrum_has_counts_layers_and_a_map(spectrum) -> None:
    counts, layers, interaction, bar = shown(draw_spectra([spectrum]))
    assert counts.get_xscale() == counts.get_yscale() == "log"
    marks = [line for line in counts.lines if line.get_marker() == "o"]
    # The third of the largest is negative and has no place on this side.
    np.testing.assert_array_equal(marks[0].get_xydata(), [[1.0, 1], [0.5, 2]])
    np.testing.assert_array_equal(marks[1].get_xydata(), [[0.7, 1]])
    above, below = (line for line in counts.lines if line.get_marker() != "o")
    np.testing.assert_array_equal(above.get_xydata(), np.stack([X, [*ABOVE[9:-1], np.nan]], axis=1))
    np.testing.assert_array_equal(below.get_xdata(), X)
    # The last count is none, which a logarithmic axis does not have.
    ranks = (30.0 - ABOVE)[8::-1]
    np.testing.assert_array_equal(below.get_ydata(), [*ranks[:-1], np.nan])
    traces = (np.arange(4.0), np.ones(4), np.arange(4.0) - 1.0)
    for found, values in zip(curves(layers)[:3], traces, strict=True):
        same(found, [0.125, 0.375, 0.625, 0.875], values)
    (image,) = interaction.images
    np.testing.assert_array_equal(image.get_array(), [[2.0, 0.5], [0.5, 1.0]])
    assert image.get_extent() == [0, 1, 0, 1] and image.origin == "lower"
    assert "F" in bar.get_ylabel()


def test_bands_of_counts_are_those_of_the_table(spectrum) -> None:
    above, below = bands(draw_spectra([spectrum]).axes[0])
    x, counted = X, ABOVE[9:]
    shown = counted + 1.0 > 0.5
    # Less than half an eigenvalue is none.
    assert above == corners(x[shown], (counted - 1).clip(0.5)[shown], (counted + 1)[shown])
    counted = (30.0 - ABOVE)[8::-1]
    shown = counted + 1.0 > 0.5
    assert below == corners(x[shown], (counted - 1).clip(0.5)[shown], (counted + 1)[shown])


def test_bands_of_traces_are_two_standard_errors(spectrum) -> None:
    errors = np.array([0.1, 0.2, 0.3, 0.4])
    layers = replace(spectrum.layers, hessian_error=errors, gauss_newton_error=3 * errors)
    drawn = draw_spectra([replace(spectrum, layers=layers)]).axes[1]
    hessian, gauss_newton = bands(drawn)
    place = [0.125, 0.375, 0.625, 0.875]
    assert hessian == corners(place, np.arange(4.0) - 2 * errors, np.arange(4.0) + 2 * errors)
    assert gauss_newton == corners(place, 1 - 6 * errors, 1 + 6 * errors)


def test_several_depths_are_shown_against_depth(spectrum) -> None:
    bare = replace(spectrum, counts=None, layers=None, interaction=None)
    deep = replace(bare, depth=16, rate_times_top=3.0)
    _, edge, traces = shown(draw_spectra([deep, bare], columns=1))
    np.testing.assert_array_equal(edge.lines[0].get_xydata(), [[4, 1.9], [16, 3.0]])
    np.testing.assert_array_equal(edge.lines[1].get_ydata(), [2.0, 2.0])
    assert edge.get_xlabel() == traces.get_xlabel() == "$L$"


def test_traces_are_shown_with_two_standard_errors(spectrum) -> None:
    bare = replace(spectrum, counts=None, layers=None, interaction=None)
    deep = replace(bare, depth=16, trace=Traces(8.0, 3.0, 0.25, 0.5))
    axes = draw_spectra([deep, bare]).axes[2]
    hessian, gauss_newton = curves(axes)[:2]
    same(hessian, [4, 16], [2.0, 8.0])
    same(gauss_newton, [4, 16], [1.0, 3.0])
    sides = [[(4, 2.0, 2.0), (16, 7.5, 8.5)], [(4, 1.0, 1.0), (16, 2.0, 4.0)]]
    np.testing.assert_array_equal(bars(axes), sides)


def test_checkpoints_are_shown_against_the_step_a_line_a_depth(spectrum) -> None:
    found = [replace(spectrum, step=s, depth=d) for d in (4, 8) for s in (9, 2)]
    edge = draw_spectra(found).axes[2]
    lines = [line for line in edge.lines if line.get_marker() == "o"]
    assert [line.get_xdata().tolist() for line in lines] == [[2, 9], [2, 9]]
    assert edge.get_xlabel() == "step"


def test_nothing_positive_can_be_drawn(spectrum) -> None:
    flat = replace(spectrum, top=np.zeros(2), smallest=np.zeros(1), counts=None)
    flat = replace(flat, interaction=np.zeros((2, 2)), trace=Traces(-1.0, 0.0, 0.0, 0.0))
    assert draw_spectra([flat]).axes
    assert draw_spectra([flat, replace(flat, depth=5)]).axes
