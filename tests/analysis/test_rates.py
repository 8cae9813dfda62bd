"""Learning rates: compared among runs alike in all else only, and in the order of numbers."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import resdepth
from resdepth.analysis.pool import experiments, in_order
from resdepth.analysis.rates import rate_curves, rate_rows, transfer
from resdepth.analysis.report import Report, report_csv, report_numbers, report_on
from resdepth.analysis.study_runs import CellRow, Reason, by_depth, cell_of, read_study
from resdepth.records import as_json

SMALL = {"width": 3, "epochs": 2, "threads": 1, "train_fraction": 0.05, "no_p_var": True}
Trained = Callable[..., Report]


def cell(
    lr: float,
    loss: float,
    *,
    seed: int = 0,
    depth: int = 4,
    steps: int = 5,
    outcome: str = "finished",
    reason: Reason = "",
) -> CellRow:
    run = Path(f"{depth}-{lr}-{seed}")
    return CellRow(
        run, "", depth, seed, lr, outcome, steps, loss, 2.0, reason, reason, rate=lr * depth
    )


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    """A study of runs with the given options."""

    def train(*runs: dict[str, Any]) -> Report:
        for number, given in enumerate(runs):
            options = resdepth.TrainOptions(**{"depth": 4} | SMALL | given)
            resdepth.train(options, tmp_path / f"{number}")
        return report_on(read_study(tmp_path))

    return train


OTHERS: list[tuple[str, list[Any]]] = [
    ("activation", ["tanh", "relu"]),
    ("alpha", [0.5, 1.0]),
    ("width", [2, 4]),
    ("batch_size", [None, 20]),
    ("stop_loss", [2.29, None]),
]


@pytest.mark.parametrize(("name", "values"), OTHERS)
def test_no_curve_is_a_mean_over_another_option(
    trained: Trained, name: str, values: list[Any]
) -> None:
    study = trained(*({"lr": lr, name: value} for value in values for lr in (0.5, 2.0)))
    flag = f"--{name.replace('_', '-')}"
    assert {table.label for table in study.rates} == {f"{flag} {value}" for value in values}
    losses = {(c.experiment, c.lr): c.loss for c in study.cells}
    for table in study.rates:
        (curve,) = table.curves
        for lr, loss in zip(curve.rates, curve.losses, strict=True):
            (label,) = {own for own, rate in losses if table.label in own and rate == lr}
            assert loss == losses[label, lr]
    numbers = json.loads(as_json(report_numbers(study)))
    assert [curve["experiment"] for curve in numbers["rates"]] == [t.label for t in study.rates]


def test_rates_that_go_with_another_option_are_no_curve(trained: Trained) -> None:
    study = trained({"lr": 1.0, "activation": "tanh"}, {"lr": 2.0, "activation": "relu"})
    assert study.rates == ()


@pytest.mark.parametrize(
    ("name", "values"),
    [("lr", [16.0, 2.0, 1e-05, 8.0]), ("width", [30, 4, 100]), ("alpha", [1.0, 0.25, 0.5])],
)
def test_experiments_are_in_the_order_of_numbers(name: str, values: list[float]) -> None:
    runs: Any = {
        Path(str(value)): SimpleNamespace(
            program="train", options={"data": "sin", name: value}, data="", detail={}, parent=None
        )
        for value in values
    }
    found = experiments(runs)
    assert list(found) == [f"--{name} {value}" for value in sorted(values)]
    assert [*in_order(dict.fromkeys(["--lr 16.0", "--lr 2.0, --x b", "--lr 2.0, --x a"]))] == [
        "--lr 2.0, --x a",
        "--lr 2.0, --x b",
        "--lr 16.0",
    ]


def test_cells_are_in_the_order_of_numbers(trained: Trained) -> None:
    study = trained(
        *({"lr": lr, "seed": s, "depth": d} for lr in (16.0, 2.0) for s in (10, 9) for d in (4, 12))
    )
    expected = [(lr, d, s) for lr in (2.0, 16.0) for d in (4, 12) for s in (9, 10)]
    assert [(c.lr, c.depth, c.seed) for c in study.cells] == expected
    lines = report_csv(study).splitlines()
    head = lines[0].split(",")
    columns = [head.index(name) for name in ("lr", "depth", "seed")]
    found = [tuple(float(line.split(",")[place]) for place in columns) for line in lines[1:]]
    assert found == expected


@pytest.mark.parametrize(("exponent", "factors"), [(1.0, (0.5, 2.0)), (0.5, (0.5**0.5, 2**0.5))])
def test_each_depth_has_its_own_rate(
    trained: Trained, exponent: float, factors: tuple[float, float]
) -> None:
    rule = {"lr_depth": 8, "lr_depth_exponent": exponent}
    study = trained(*({"lr": lr, "depth": d, **rule} for lr in (1.0, 3.0) for d in (4, 16)))
    for row in study.cells:
        assert row.rate == pytest.approx(row.lr * factors[row.depth > 4])
        assert row.rate == resdepth.open_run(row.run).options.rate
    (table,) = study.rates
    for curve, factor in zip(table.curves, factors, strict=True):
        assert curve.at_depth == pytest.approx([factor, 3 * factor])
    for one in study.experiments:
        assert [row.rate for row in by_depth(one.cells)] == [row.rate for row in one.cells]


def test_a_run_of_an_earlier_version_has_its_base_rate() -> None:
    manifest: Any = SimpleNamespace(
        options={"depth": 4, "lr": 3.0},
        seed=0,
        outcome="finished",
        steps=1,
        final={},
        seconds_per_step=None,
    )
    assert cell_of(Path("a"), "", manifest).rate == 3.0


def test_means_are_over_the_same_seeds_at_every_rate() -> None:
    rows = [cell(1, 1.0, seed=0), cell(1, 3.0, seed=1), cell(2, 1.5, seed=0), cell(4, 0.1, seed=2)]
    assert rate_curves(rows) == ()
    (curve,) = rate_curves(rows[:-1])
    assert (curve.losses, curve.best) == ((1.0, 1.5), 1)


def test_a_run_that_repeats_another_does_not_count_twice() -> None:
    again = cell(1, 9.0, outcome="finished", reason="repeated")
    (curve,) = rate_curves([cell(1, 1.0), again, cell(2, 2.0)])
    assert curve.losses == (1.0, 2.0)


def test_if_training_stops_at_a_loss_the_best_rate_needs_the_fewest_steps() -> None:
    rows = [
        cell(1, 0.99, steps=40),
        cell(2, 1.0, steps=20),
        cell(4, 0.98, steps=30),
        cell(8, 0.5, steps=10, reason="missed"),
    ]
    (curve,) = rate_curves(rows, stops=True)
    assert curve.steps == (40, 20, 30, math.inf) and curve.losses == (0.99, 1.0, 0.98, 0.5)
    assert curve.best == 2 and not curve.at_the_end
    assert rate_rows((curve,)) == [
        ["L", "best base rate", "rate at L", "steps", "among those tried"],
        ["4", "2", "8", "20", "inside"],
    ]


def test_the_table_says_where_the_best_rate_lies() -> None:
    losses = {2: (1.0, 2.0, 3.0), 4: (3.0, 1.0, 2.0), 8: (3.0, 2.0, 1.0), 16: (math.nan,) * 3}
    rows = [
        cell(lr, loss, depth=depth, outcome="diverged" if math.isnan(loss) else "finished")
        for depth, row in losses.items()
        for lr, loss in zip((0.5, 2, 16), row, strict=True)
    ]
    curves = rate_curves(rows)
    assert rate_rows(curves)[1:] == [
        ["2", "0.5", "1", "1", "smallest"],
        ["4", "2", "8", "1", "inside"],
        ["8", "16", "128", "1", "largest"],
        ["16", "-", "-", "-", "runs diverged at all"],
    ]
    moves, ends = transfer(curves)
    assert moves.endswith("0.5 at L = 2, 2 at L = 4, 16 at L = 8") and "at L = 2, 8 " in ends


def test_one_depth_does_not_show_a_transfer() -> None:
    (said, *_) = transfer(rate_curves([cell(1, 2.0), cell(2, 1.0)]))
    assert "2 at L = 4" in said and "does not tell whether it transfers" in said
