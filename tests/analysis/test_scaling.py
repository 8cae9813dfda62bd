"""The table of scaling as JSON: everything in it, and nothing that JSON cannot hold."""

import json

import numpy as np
import pytest

from resdepth.analysis.scaling import scaling_numbers, scaling_table
from resdepth.mathematics.exponents import Cell
from resdepth.mathematics.statistics import STATISTICS, path_statistics
from resdepth.records import as_json
from tests.support.synthetic import white

DEPTHS = (8, 16, 32)


def cells(seeds: int = 2) -> list[Cell]:
    return [Cell(s, path_statistics(white(n, s))) for s in range(seeds) for n in DEPTHS[::-1]]


def test_numbers_hold_everything() -> None:
    table = scaling_table(cells(), beta=0.5)
    numbers = json.loads(as_json(scaling_numbers(table)))
    assert (numbers["depths"], numbers["seeds"]) == (list(DEPTHS), 2)
    assert [row["depth"] for row in numbers["statistics"]] == [8, 8, 16, 16, 32, 32]
    assert all(set(row) == {"depth", "seed", *STATISTICS} for row in numbers["statistics"])
    # 8 layers are too few for a Hurst exponent.
    assert numbers["statistics"][0]["H"] is None
    assert set(numbers["exponents"]) == {*numbers["bend"], "hurst"}
    assert set(numbers["exponents"]["q1"]) == {"value", "low", "high"}
    assert [(part["shallow"], part["deep"]) for part in numbers["local_slopes"]["q1"]] == [
        (8, 16),
        (16, 32),
    ]
    assert numbers["verdict"]["limit"] in ("H1", "H2", "neither", "undecided")
    assert any(text.startswith("2 seeds instead") for text in numbers["verdict"]["cautions"])


def test_beta_scales_the_variation_norm_alone() -> None:
    plain, scaled = (scaling_table(cells(), beta).exponents.intervals for beta in (0.0, 0.5))
    moved = {name: scaled[name].value - plain[name].value for name in plain}
    assert moved.pop("variation_norm") == pytest.approx(0.5)
    assert not np.any(list(moved.values()))


def test_one_cell_is_numbers_too() -> None:
    numbers = json.loads(as_json(scaling_numbers(scaling_table(cells(1)[:1]))))
    assert numbers["exponents"]["beta"] == {"value": None, "low": None, "high": None}
    assert numbers["verdict"]["limit"] == "undecided"
