"""The limit of a tiny study: its JSON, its rows, and what the function's verdict rests on."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resdepth
from resdepth.analysis.limit import (
    LimitTable,
    change_rows,
    depth_text,
    function_rows,
    limit_numbers,
    limit_table,
    refinement_rows,
    seed_rows,
    sentences,
)
from resdepth.analysis.pool import Pool, paths_of
from resdepth.analysis.scaling import model_scaling
from resdepth.mathematics.interval import Interval
from resdepth.mathematics.interventions import INTERVENTIONS
from resdepth.mathematics.refinement import REFINEMENTS
from resdepth.mathematics.slopes import power_law
from resdepth.probing.objectives import Source
from resdepth.probing.output_changes import function_changes
from resdepth.records import as_json, plain
from resdepth.runs.run import Run
from resdepth.weights.weight_path import WeightPath
from tests.support.synthetic import noisy, smooth
from tests.support.tables import cells as rows_of

DEPTHS, SEEDS = (4, 8, 16, 32), (0, 3)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    folder = tmp_path_factory.mktemp("study")
    small = {"width": 3, "epochs": 2, "threads": 1, "train_fraction": 0.05, "alpha": 1.0}
    for depth in DEPTHS:
        for seed in SEEDS:
            options = resdepth.TrainOptions(**small, depth=depth, seed=seed)
            resdepth.train(options, folder / f"{depth}-{seed}")
    return paths_of([folder])


def evaluated(study: Pool, **options: Any) -> dict[str, Any]:
    sources = [Source.of(Run(path.run)) for path in study if path.run]
    return plain(function_changes(sources, threads=1, **options))


@pytest.fixture(scope="module")
def changes(study: Pool) -> dict[str, Any]:
    return evaluated(study, refine=True)


@pytest.fixture(scope="module")
def table(study: Pool, changes: dict[str, Any]) -> LimitTable:
    return limit_table(study, 0.0, changes)


INTERVAL = {"value", "low", "high"}
SLOPE = {"slope", "low", "high"}


def test_json_has_the_agreed_keys(table: LimitTable) -> None:
    numbers = json.loads(as_json(limit_numbers(table)))
    assert set(numbers) == {"weights", "function", "order"}
    weights = numbers["weights"]
    assert {"verdict", "sentence", "agreement", "by_seed"} <= set(weights)
    assert {"statistic", "p_value"} <= set(weights["agreement"])
    assert set(weights["by_seed"]) == {"0", "3"}
    for one in weights["by_seed"].values():
        assert {"verdict", "exponents", "noise_share", "crossover"} <= set(one)
        assert {"q1", "irel", "pr", "nu", "beta", "rho", "hurst"} <= set(one["exponents"])
        assert all(set(found) == INTERVAL for found in one["exponents"].values())
        assert set(one["crossover"]) == INTERVAL
        # JSON has no infinity: this tells a depth that is never reached from an unknown one.
        assert one["noise_takes_over"] in (True, False, None)
        assert set(one["parts"]) == {str(depth) for depth in DEPTHS}
    function = numbers["function"]
    assert set(function) == {"verdict", "sentence", "by_seed"}
    assert set(function["by_seed"]) == {"0", "3"}
    for one in function["by_seed"].values():
        assert {"verdict", *INTERVENTIONS, "changes"} <= set(one)
        assert all(set(one[name]) == SLOPE for name in INTERVENTIONS)
        assert set(one["changes"]) == {*INTERVENTIONS, *REFINEMENTS}
        assert all(set(found) == {"4", "8", "16", "32"} for found in one["changes"].values())
        assert set(one["distances"]) == {"4", "8", "16"}
    order = numbers["order"]
    assert {"p_value", "orders", "statistic"} <= set(order)
    assert (order["orders"], len(order["paths"])) == (999, 8)


def test_numbers_are_those_of_the_parts(
    table: LimitTable, study: Pool, changes: dict[str, Any]
) -> None:
    numbers = limit_numbers(table)
    expected = model_scaling(study, 0.0).verdict
    assert numbers["weights"]["verdict"] == expected.verdict
    assert numbers["weights"]["sentence"] == expected.reason
    for seed, one in expected.by_seed.items():
        assert numbers["weights"]["by_seed"][str(seed)]["noise_share"] == one.noise_share
    cells = {(one["seed"], one["depth"]): one for one in changes["cells"]}
    for seed in SEEDS:
        found = numbers["function"]["by_seed"][str(seed)]
        for name in (*INTERVENTIONS, *REFINEMENTS):
            rows = [cells[seed, depth]["changes"][name] for depth in DEPTHS]
            means = [math.exp(np.mean(np.log(row))) for row in rows]
            assert list(found["changes"][name].values()) == pytest.approx(means)
            added = [
                np.mean(cells[seed, depth]["losses"][name]) - cells[seed, depth]["loss"]
                for depth in DEPTHS
            ]
            assert list(found["added_loss"][name].values()) == pytest.approx(added)
            law = power_law(np.array(DEPTHS, dtype=float), np.array([means])).exponent
            shown = (
                found[name]["slope"] if name in INTERVENTIONS else found["refinements"][name].value
            )
            assert shown == pytest.approx(law.value)
    for one in changes["distances"]:
        seed, depth = str(one["seed"]), str(one["depth"])
        assert numbers["function"]["by_seed"][seed]["distances"][depth] == one["distance"]


def test_without_interventions_there_is_no_function(study: Pool, table: LimitTable) -> None:
    found = limit_table(study)
    numbers = limit_numbers(found)
    assert found.function is None and set(numbers) == {"weights", "order"}
    assert numbers["weights"] == limit_numbers(table)["weights"]
    assert not any(text.startswith("function: ") for text in sentences(found))


def test_tables_have_one_row_per_seed_or_depth(table: LimitTable) -> None:
    assert table.function is not None
    head, *rows = seed_rows(table)
    assert [row[0] for row in rows] == ["0", "3"] and all(len(row) == len(head) for row in rows)
    for row, one in zip(rows, table.weights.by_seed.values(), strict=True):
        assert row[1] == one.verdict and row[6] == f"{100 * one.noise_share:.2g} %"
    head, *rows = function_rows(table.function)
    assert head == ["seed", "function", *INTERVENTIONS, "distance L to 2L"] and len(rows) == 2
    head, *rows = change_rows(table.function)
    assert [row[0] for row in rows] == ["4", "8", "16", "32"]
    low, high = sorted(table.function.changes["pair"][:, 1])
    assert rows[1][head.index("pair")] == f"{low:.2g} … {high:.2g}"
    assert rows[-1][-1] == "-"
    head, *rows = refinement_rows(table.function)
    assert head == ["seed", *REFINEMENTS] and len(rows) == 2
    assert not any("nan" in cell for row in rows for cell in row)


def test_the_sentences_name_function_and_order(table: LimitTable) -> None:
    said = list(sentences(table))
    assert said[-2].startswith(f"function: {table.function.limit.verdict}: ")  # type: ignore[union-attr]
    assert said[-1].startswith("order of the layers at L = 32: 2 seeds together")
    hidden = {n: replace(s, hidden=True) for n, s in table.weights.by_seed.items()}
    weights = replace(table.weights, by_seed=hidden)
    found = replace(table, scaling=replace(table.scaling, verdict=weights))
    first, second, *rest = sentences(found)
    assert rest == said
    assert first.startswith("seed 0 looks smooth up to L = 32; its noise (")
    assert second.startswith("seed 3 looks smooth") and "takes over at about L = " in second


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ((100.4, 50.0, 300.0), "100 [50, 300]"),
        ((math.inf, math.inf, math.inf), "never"),
        ((2000.0, 900.0, math.inf), "2000 [900, never]"),
        ((0.0, 0.0, 0.0), "0"),
        ((0.0, 0.0, 7.2), "0 [0, 7]"),
        ((20.0, 0.0, 50.0), "20 [0, 50]"),
        ((123456.0, 20000.0, 2e8), "1.2e+05 [2.0e+04, 2.0e+08]"),
        ((math.nan, math.nan, math.nan), "-"),
        ((50.0, math.nan, math.nan), "50"),
    ],
    ids=str,
)
def test_a_depth_is_shown_with_its_interval(found: tuple[float, ...], text: str) -> None:
    assert depth_text(Interval(*found)) == text


@pytest.mark.parametrize("augmentation", ["none", "linear_skip", "inc_skip"])
def test_slopes_are_judged_for_skip_only(study, changes, augmentation: str) -> None:
    others = {**changes, "cells": [{**c, "augmentation": augmentation} for c in changes["cells"]]}
    found = limit_table(study, 0.0, others).function
    assert found is not None and found.limit.verdict == "undecided"
    assert f"`augmentation={augmentation}`" in found.limit.sentence
    assert {one.verdict for one in found.limit.by_seed.values()} == {"undecided"}
    assert found.limit.by_seed[0].slopes["pair"].known


def test_missing_cells_are_left_out(study: Pool, changes: dict[str, Any]) -> None:
    some = {**changes, "cells": changes["cells"][1:], "distances": changes["distances"][1:]}
    numbers = limit_numbers(limit_table(study, 0.0, some))
    depths = [set(one["changes"]["pair"]) for one in numbers["function"]["by_seed"].values()]
    assert sorted(map(len, depths)) == [3, 4]


def test_files_of_no_run_have_names_for_seeds() -> None:
    paths = [
        WeightPath(Path(f"{s}/resnet_{n}.npz"), path(n, s).reshape(n, 10, 10))
        for n in (16, 32, 64, 128, 256)
        for s, path in ((0, smooth), (1, noisy(0.1)))
    ]
    found = limit_table(Pool(paths))
    assert set(found.weights.by_seed) == {"0", "1"}
    first, second = found.weights.by_seed.values()
    assert first.noise_share < 0.01 < second.noise_share
    assert first.crossover.value == math.inf and 100 < second.crossover.value < 1000
    shown = limit_numbers(found)["weights"]["by_seed"].values()
    assert [one["noise_takes_over"] for one in shown] == [False, True]
    head, rows = rows_of(found._repr_html_())
    assert head[:2] == ["seed", "weights"] and [row[0] for row in rows] == ["0", "1"]


@pytest.mark.parametrize("depths", [(1,), (2, 3), (4,)])
def test_short_paths_have_no_limit(depths: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    paths = [
        WeightPath(Path(f"0/resnet_{n}.npz"), random.standard_normal((n, 2, 2))) for n in depths
    ]
    found = limit_table(Pool(paths))
    assert found.weights.verdict == "undecided"
    assert json.loads(as_json(limit_numbers(found)))["weights"]["verdict"] == "undecided"
    assert (found.order is None) == (max(depths) < 3)
