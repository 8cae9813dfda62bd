"""Exponents of tables of statistics that follow known powers."""

import numpy as np
import pytest

from resdepth.mathematics.exponents import PathObservation, Table, exponents, law_values, tabulate
from resdepth.mathematics.statistics import STATISTICS, PathStatistics, path_statistics

DEPTHS = (16, 32, 64, 128)


def cell(seed: int | str, depth: int, **values: float) -> PathObservation:
    return PathObservation(
        seed, PathStatistics(**{"depth": depth, **dict.fromkeys(STATISTICS, 1.0), **values})
    )


def known(seed: int, depth: int) -> PathObservation:
    """Powers that differ from one another, and H that goes by depth and seed."""
    size = float(depth)
    return cell(
        seed,
        depth,
        RMS=size**-0.2,
        NOISE=(1 + seed) * size**-0.7,
        V1=size**0.4,
        P2=size**0.1,
        I=size**-0.5,
        PR=size**-0.05,
        H=0.5 + seed * 0.01 + (10.0 if depth == DEPTHS[0] else 0.0),
    )


def test_every_exponent_is_that_of_its_ratio() -> None:
    found = exponents(tabulate([known(s, n) for n in DEPTHS for s in range(3)]), beta=0.25)
    expected = {
        "beta": 0.2,
        "nu": 0.7,
        "q1": 0.6,
        "q2": 0.3,
        "irel": -0.3,
        "pr": -0.05,
        "variation_norm": 0.35,
        "hurst": 0.51,
    }
    values = {name: interval.value for name, interval in found.intervals.items()}
    assert values == pytest.approx(expected, abs=1e-9)
    assert set(found.laws) == set(expected) - {"hurst"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("beta", lambda v, n: 1 / v["RMS"]),
        ("nu", lambda v, n: 1 / v["NOISE"]),
        ("q1", lambda v, n: v["V1"] / v["RMS"]),
        ("q2", lambda v, n: v["P2"] / v["RMS"]),
        ("irel", lambda v, n: v["I"] / v["RMS"]),
        ("pr", lambda v, n: v["PR"]),
        ("variation_norm", lambda v, n: v["P2"] * n**0.25),
    ],
)
def test_what_an_exponent_is_the_slope_of(name: str, expected) -> None:
    table = tabulate([known(s, n) for n in DEPTHS for s in range(3)])
    found = law_values(table, 0.25)[name]
    np.testing.assert_allclose(found, expected(table.values, np.array(DEPTHS)), rtol=1e-15)


def test_hurst_is_over_the_deepest_depths_of_each_seed() -> None:
    cells = [known(s, n) for n in DEPTHS for s in range(3)]
    cells[-1] = cell(2, DEPTHS[-1], H=float("nan"))
    found = exponents(tabulate(cells)).hurst
    of_seeds = [0.5, 0.51, 0.52 + 10.0 / 3]
    assert found.value == pytest.approx(np.mean(of_seeds))


def test_cells_come_in_any_order_and_may_be_missing() -> None:
    cells = [known(s, n) for n in DEPTHS for s in range(3)]
    table = tabulate(cells[::-1][1:])
    assert table.depths.tolist() == list(DEPTHS) and table.seeds == (1, 0, 2)
    assert np.isnan(table.values["V1"]).sum() == 1
    assert np.isnan(table.values["V1"][2, -1])
    assert exponents(table).laws["q1"].exponent.value == pytest.approx(0.6, abs=1e-9)


def test_seeds_may_be_names_of_folders() -> None:
    table = tabulate([cell("runs/a", 4), cell("runs/b", 4)])
    assert table.seeds == ("runs/a", "runs/b")


def test_one_cell_is_given_once() -> None:
    with pytest.raises(ValueError, match="one seed and depth"):
        tabulate([cell(0, 4), cell(0, 4)])


def by_kind(make) -> Table:
    return tabulate(
        [PathObservation(s, path_statistics(make(n, s))) for n in DEPTHS for s in range(2)]
    )


@pytest.mark.filterwarnings("error")
def test_a_path_of_zeros_has_no_exponents() -> None:
    found = exponents(by_kind(lambda n, s: np.zeros((n, 3))))
    assert not any(interval.known for interval in found.intervals.values())


def test_a_constant_path_has_a_size_alone() -> None:
    found = exponents(by_kind(lambda n, s: np.full((n, 3), (1.0 + s) / n)))
    assert found.laws["beta"].exponent.value == pytest.approx(1.0)
    known = [name for name, interval in found.intervals.items() if interval.known]
    assert known == ["beta", "pr"]
