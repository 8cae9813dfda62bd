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
from resdepth.analysis.report import Report, report_csv, report_numbers, report_on
from resdepth.analysis.study_runs import by_depth, cell_of, read_study
from resdepth.records import as_json

SMALL = {"width": 3, "epochs": 2, "threads": 1, "train_fraction": 0.05, "no_p_var": True}
Trained = Callable[..., Report]


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
        (one,) = table.found.depths
        found = zip(one.curve.rates, one.curve.values[0], strict=True)
        for lr, loss in found if table.criterion == "loss" else ():
            (label,) = {own for own, rate in losses if table.label in own and rate == lr}
            assert loss == losses[label, lr]
    numbers = json.loads(as_json(report_numbers(study)))
    assert [curve["experiment"] for curve in numbers["rates"]] == [t.label for t in study.rates]
    assert len(numbers["transfer"]["experiments"]) == len(study.rates)


def test_rates_that_go_with_another_option_are_no_curve(trained: Trained) -> None:
    study = trained({"lr": 1.0, "activation": "tanh"}, {"lr": 2.0, "activation": "relu"})
    assert study.rates == ()


def test_if_training_stops_at_a_loss_the_best_rate_needs_the_fewest_steps(
    trained: Trained,
) -> None:
    runs = ({"lr": lr, "stop_loss": 2.29, "epochs": 30} for lr in (0.01, 1.0, 4.0))
    (table,) = trained(*runs).rates
    (one,) = table.found.depths
    assert table.criterion == "steps" and math.isinf(one.curve.values[0, 0])
    assert not one.curve.diverged.any()


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
    assert table.base and all([*one.curve.rates] == [1.0, 3.0] for one in table.found.depths)
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
