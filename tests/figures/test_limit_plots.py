"""What the picture of the function's limit draws: output changes, distances, slopes of theory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from resdepth.analysis.limit import FunctionTable
from resdepth.figures.limit_plots import DISTANCE_GUIDES, GUIDES, draw_limit
from resdepth.mathematics.function_limit import function_limit
from resdepth.mathematics.interval import UNKNOWN
from resdepth.mathematics.interventions import INTERVENTIONS
from tests.support.artists import curves

DEPTHS = (16, 32, 64, 128)


def table_of(changes: dict[str, np.ndarray], distances: np.ndarray, depths=DEPTHS) -> FunctionTable:
    seeds = tuple(range(len(distances)))
    places = np.array(depths, dtype=float)
    limit = function_limit(places, changes, seeds, dict.fromkeys(seeds, UNKNOWN))
    return FunctionTable(limit, depths, seeds, changes, changes, distances, {})


@pytest.mark.parametrize("columns", [1, 2])
def test_panels_have_one_line_per_seed_and_the_slopes_of_theory(columns: int) -> None:
    random = np.random.default_rng(0)
    changes = {name: random.uniform(0.1, 1, (3, 4)) for name in INTERVENTIONS}
    distances = random.uniform(0.1, 1, (3, 4))
    distances[:, -1] = np.nan
    drawn = draw_limit(table_of(changes, distances), columns)
    panels = [*((changes[n], GUIDES[n]) for n in INTERVENTIONS), (distances, DISTANCE_GUIDES)]
    for axes, (values, slopes) in zip(drawn.axes, panels, strict=True):
        lines, kept = curves(axes), np.isfinite(values).any(0)
        shown = np.array(DEPTHS)[kept]
        for line, row in zip(lines[:3], values[:, kept], strict=True):
            assert_allclose(line, (shown, row))
        for line, slope in zip(lines[3:], slopes, strict=True):
            found = np.polyfit(np.log(shown), np.log(line[1]), 1)[0]
            assert found == pytest.approx(slope, abs=1e-9)
            # A guide starts at the geometric mean of the seeds.
            assert line[1][0] == pytest.approx(np.exp(np.log(values[:, 0]).mean()))


@pytest.mark.parametrize("depths", [(16,), (16, 32)])
def test_few_depths_and_missing_cells_are_drawn(depths: tuple[int, ...]) -> None:
    shape = (2, len(depths))
    changes = {name: np.full(shape, 0.1) for name in INTERVENTIONS}
    changes["pair"] = np.zeros(shape)
    changes["smooth"][0, 0] = np.nan
    drawn = draw_limit(table_of(changes, np.full(shape, np.nan), depths))
    smooth, pair, _, distance = drawn.axes
    assert len(curves(smooth)) >= 2
    # Nothing has changed, no depth is twice another.
    assert curves(pair) == curves(distance) == []
