"""Single entries along the layers: scaled, one curve a depth, with mean and band."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

from resdepth.analysis.entries import entry_table, spread_entries
from resdepth.errors import Impossible
from resdepth.weights.weight_path import WeightPath
from tests.support.messages import refused
from tests.support.tables import cells

BETA = 0.25


def model(depth: int, seed: int) -> WeightPath:
    blocks = np.random.default_rng(100 * seed + depth).standard_normal((depth, 3, 3))
    return WeightPath(Path(f"{seed}/resnet_{depth}.pth"), blocks, BETA)


MODELS = [model(5, 0), model(9, 0), model(5, 1), model(5, 2)]


def test_every_model_is_scaled_by_its_depth() -> None:
    table = entry_table(MODELS, BETA, [(0, 1), (2, 0)])
    assert [curve.depth for curve in table.curves] == [5, 9]
    for curve in table.curves:
        group = [m for m in MODELS if m.depth == curve.depth]
        assert curve.files == tuple(m.path for m in group)
        for values, of in zip(curve.values, group, strict=True):
            expected = of.depth**BETA * np.stack([of.blocks[:, 0, 1], of.blocks[:, 2, 0]])
            np.testing.assert_allclose(values, expected, rtol=1e-14)
        np.testing.assert_array_equal(curve.position, np.arange(curve.depth) / curve.depth)


def test_the_band_is_students() -> None:
    curve = entry_table(MODELS, BETA, [(1, 2)]).curves[0]
    found = 5**BETA * np.stack([m.blocks[:, 1, 2] for m in MODELS if m.depth == 5])
    half = student.ppf(0.975, 2) * found.std(axis=0, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(curve.mean.mean[0], found.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(curve.mean.low[0], found.mean(axis=0) - half, rtol=1e-12)
    np.testing.assert_allclose(curve.mean.high[0], found.mean(axis=0) + half, rtol=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 15, 40])
def test_default_entries_are_different_and_inside(width: int) -> None:
    entries = spread_entries(width)
    assert len(set(entries)) == len(entries) == min(4, width**2)
    assert all(0 <= i < width and 0 <= j < width for i, j in entries)


@pytest.mark.parametrize("size", [(4, 4), (8, 8), (7, 40), (100, 5)])
def test_default_entries_are_one_a_quarter_of_rows_and_columns(size: tuple[int, int]) -> None:
    found = np.array(spread_entries(*size))
    quarters = np.floor(4 * (found + 0.5) / size).astype(int)
    assert sorted(quarters[:, 0]) == sorted(quarters[:, 1]) == [0, 1, 2, 3]
    assert not (quarters[:, 0] == quarters[:, 1]).any()


@pytest.mark.parametrize("size", [(1, 4), (4, 1), (2, 2), (1, 3), (1, 1)])
def test_of_few_entries_all_are_there_in_their_order(size: tuple[int, int]) -> None:
    assert spread_entries(*size) == tuple(np.ndindex(size))


@pytest.mark.parametrize("families", [("", ""), ("a.{k}", "b.{k}")])
def test_notebooks_show_the_mean_of_each_entry(families: tuple[str, str]) -> None:
    models = [replace(m, family=f) for f in dict.fromkeys(families) for m in MODELS]
    head, rows = cells(entry_table(models, BETA, [(0, 1), (2, 0)])._repr_html_())
    means = [
        [f"{5**BETA * np.mean([m.blocks[:, i, j] for m in MODELS if m.depth == 5]):.4g}"
         for i, j in ((0, 1), (2, 0))],
        [f"{9**BETA * MODELS[1].blocks[:, i, j].mean():.4g}" for i, j in ((0, 1), (2, 0))],
    ]  # fmt: skip
    expected = [["5", "3", *means[0]], ["9", "1", *means[1]]]
    names = ["L", "runs", "(0, 1)", "(2, 0)"]
    if families[0]:
        names = ["family", *names]
        expected = [[family, *row] for family in families for row in expected]
    assert (head, rows) == (names, expected)


@pytest.mark.parametrize("entry", [(3, 0), (0, 3), (-1, 0)])
def test_an_entry_outside_is_refused(entry: tuple[int, int]) -> None:
    with refused(Impossible, match="3 x 3"):
        entry_table(MODELS, BETA, [entry])
