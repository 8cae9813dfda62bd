"""The table of scaling as JSON: everything in it, and nothing that JSON cannot hold."""

import json
from pathlib import Path

import numpy as np
import pytest

from resdepth.analysis.scaling import (
    ScalingTable,
    exponent_rows,
    growth,
    growth_rows,
    model_scaling,
    notes,
    scaling_numbers,
    scaling_table,
    statistic_values,
    verdict_lines,
)
from resdepth.mathematics.exponents import PathObservation
from resdepth.mathematics.statistics import STATISTICS, path_statistics
from resdepth.records import as_json
from resdepth.weights.weight_path import WeightPath
from tests.support.synthetic import smooth, white
from tests.support.tables import cells as rows_of

DEPTHS = (8, 16, 32)


def cells(seeds: int = 2) -> list[PathObservation]:
    return [
        PathObservation(s, path_statistics(white(n, s))) for s in range(seeds) for n in DEPTHS[::-1]
    ]


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


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_alpha_moves_the_interval_of_nu(alpha: float) -> None:
    table = scaling_table(cells(), alpha=alpha)
    nu, moved = table.exponents.intervals["nu"], table.alpha_plus_nu
    assert moved is not None
    found = (moved.value, moved.low, moved.high)
    assert found == pytest.approx((alpha + nu.value, alpha + nu.low, alpha + nu.high))
    assert scaling_numbers(table)["alpha_plus_nu"] == moved


def test_without_an_alpha_or_an_interval_there_is_no_sum() -> None:
    assert scaling_table(cells()).alpha_plus_nu is None
    assert scaling_table(cells(1)[:1], alpha=0.5).alpha_plus_nu is None


@pytest.mark.parametrize(
    ("betas", "alpha"), [((0.25, 0.25), 0.75), ((0.25, 0.5), None), ((None, None), None)]
)
def test_alpha_is_what_all_runs_have_in_common(betas, alpha: float | None) -> None:
    random = np.random.default_rng(0)
    models = [
        WeightPath(Path(f"0/resnet_{depth}.pth"), random.standard_normal((depth, 2, 2)), beta)
        for depth, beta in zip((8, 16), betas, strict=True)
    ]
    found = model_scaling(models, beta=0.5)
    assert (found.alpha, found.beta, found.ways) == (alpha, 0.5, ("path",))
    assert found.depths == (8, 16) and found.table.seeds == ("0",)


def test_notebooks_show_the_exponents_and_the_verdict() -> None:
    table = scaling_table(cells())
    head, rows = rows_of(table._repr_html_())
    assert head == ["exponent", "value", "low", "high"]
    intervals = table.exponents.intervals.items()
    assert rows == [[n, *(f"{x:.4g}" for x in (i.value, i.low, i.high))] for n, i in intervals]
    assert f"<caption>{table.verdict.limit}: " in table._repr_html_()


# Seeds that differ.


def mixed() -> ScalingTable:
    """Three smooth seeds, two of white noise."""
    kinds = (smooth, smooth, smooth, white, white)
    cells = [
        PathObservation(s, path_statistics(kind(n, s)))
        for s, kind in enumerate(kinds)
        for n in (16, 32, 64, 128, 256)
    ]
    return scaling_table(cells, beta=0.5)


def test_exponents_on_which_seeds_differ_are_shown_by_seed() -> None:
    found = mixed()
    rows = exponent_rows(found)[1:]
    shown = {row[0]: row[2:5] for row in rows}
    rejected = {name for name, test in found.verdict.agreement.items() if test.rejected}
    assert {"q1", "irel"} <= rejected and "hurst" not in rejected
    for name, (value, interval, wider) in shown.items():
        if name not in rejected:
            assert value != "by seed" and "…" not in interval
            continue
        slopes = [one.exponents[name].value for one in found.verdict.by_seed.values()]
        low, high = (float(word) for word in interval.split(" … "))
        assert (value, wider) == ("by seed", "")
        assert (low, high) == pytest.approx((min(slopes), max(slopes)), abs=6e-4)
    assert any(text.startswith("by seed: the seeds differ (F test, 1 %)") for text in notes(found))
    assert verdict_lines(found)[0].startswith("mixed: the seeds do not share one limit")


def test_seeds_that_agree_have_one_exponent() -> None:
    found = scaling_table(
        [PathObservation(s, path_statistics(white(n, s))) for s in range(3) for n in DEPTHS]
    )
    assert not any(row[2] == "by seed" for row in exponent_rows(found))
    assert not any(text.startswith("by seed") for text in notes(found))


def test_json_has_every_seed_and_every_test() -> None:
    found = mixed()
    numbers = json.loads(as_json(scaling_numbers(found)))
    assert set(numbers["by_seed"]) == {"0", "1", "2", "3", "4"}
    for seed, one in found.verdict.by_seed.items():
        shown = numbers["by_seed"][str(seed)]
        assert set(shown) == {*numbers["exponents"], "rho"}
        for name, interval in one.exponents.items():
            known = interval.value == interval.value
            assert shown[name]["value"] == (interval.value if known else None)
    assert numbers["agreement"]["q1"]["p_value"] == found.verdict.agreement["q1"].p_value < 1e-6
    assert numbers["verdict"]["limit"] == "undecided"


@pytest.mark.parametrize("name", STATISTICS)
def test_growth_is_that_of_the_scaled_path(name: str) -> None:
    found = mixed()
    values = statistic_values(found, name)
    for seed, kind in ((0, smooth), (4, white)):
        for place, depth in enumerate((16, 32, 64, 128, 256)):
            scaled = path_statistics(depth**0.5 * kind(depth, seed))
            assert values[seed, place] == pytest.approx(
                getattr(scaled, name), rel=1e-9, nan_ok=True
            )
    table = growth(found, name)
    head, *rows = growth_rows(table)
    assert head == ["seed", "", "exponent", "slope at L = 256"]
    assert [row[:2] for row in rows] == [[str(s), one.verdict] for s, one in table.by_seed.items()]
    assert not any("nan" in cell for row in rows for cell in row)
