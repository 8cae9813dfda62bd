"""What a study says of cells that do not count, of rates, of depths that double."""

import math
from pathlib import Path

import numpy as np
import pytest

import resdepth
from resdepth.analysis.cautions import cautions
from resdepth.analysis.curvatures import read_hessians
from resdepth.analysis.doubling import doubling_table
from resdepth.analysis.report import report_on
from resdepth.analysis.study_runs import CellRow, Reason, by_depth, read_study
from resdepth.errors import Impossible
from resdepth.mathematics.statistics import doubling_distance
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.hessian import write
from resdepth.studies.plan import Plan
from resdepth.studies.record import write_plan
from resdepth.weights.weight_path import WeightPath

SMALL = {"width": 3, "threads": 1, "train_fraction": 0.05, "alpha": 0.5, "lr": 1.0}


def cell(
    depth: int = 4,
    seed: int = 0,
    lr: float = 1.0,
    loss: float = 1.0,
    outcome: str = "finished",
    reason: Reason = "",
) -> CellRow:
    run = Path(f"{depth}-{seed}")
    return CellRow(run, "", depth, seed, lr, outcome, 5, loss, 2.0, reason, reason and "why")


def test_means_by_depth_are_of_the_cells_that_count() -> None:
    rows = [cell(4, 0, loss=1.0), cell(4, 1, loss=3.0, reason="missed"), cell(8, reason="failed")]
    shallow, deep = by_depth(rows)
    assert (shallow.cells, shallow.counted, shallow.loss) == (2, 1, 1.0)
    assert (deep.cells, deep.counted) == (1, 0) and math.isnan(deep.loss)


@pytest.mark.parametrize(
    ("reason", "words", "consequence"),
    [
        ("missed", "1 did not reach the loss to stop at", "the others learn faster"),
        ("diverged", "1 diverged", "stable at this rate"),
        ("unfinished", "1 not finished", "may change when they are finished"),
        ("failed", "1 failed", "'study retry'"),
    ],
)
def test_what_missing_cells_do_to_the_answer(reason: Reason, words: str, consequence: str) -> None:
    rows = [cell(4, 0), cell(4, 1), cell(8, 0), cell(8, 1, reason=reason)]
    first, second, third = cautions(rows, [])
    assert first == f"1 of 4 cells are excluded ({words}): the answer is about the others"
    assert "(L = 8)" in second and consequence in second
    assert "2 at L = 4, 1 at L = 8" in third


def test_a_depth_of_which_nothing_counts_is_named() -> None:
    said = list(cautions([cell(4), cell(8, reason="failed")], []))
    assert "all cells of L = 8 are excluded: the answer omits these depths" in said


def model(depth: int, seed: int, scale: float) -> WeightPath:
    """A linear path, of which twice the depth at every second layer is the same."""
    ramp = np.arange(depth)[:, None, None] / depth + np.ones((depth, 2, 2))
    noise = np.random.default_rng([depth, seed]).standard_normal((depth, 2, 2))
    return WeightPath(Path(f"{seed}/resnet_{depth}.pth"), depth**-0.5 * (ramp + scale * noise))


def test_paths_that_approach_each_other() -> None:
    models = [model(depth, seed, 4 / depth) for depth in (8, 16, 32, 64) for seed in (0, 1, 2)]
    table = doubling_table(models, 0.5)
    assert table is not None and [row.depth for row in table.rows] == [8, 16, 32]
    expected = doubling_distance(models[1].blocks, models[4].blocks, 0.5)
    assert table.rows[0].values[1] == expected
    assert table.law.exponent.high < 0 and table.sentence.endswith("the paths approach each other")


def test_independent_layers_do_not() -> None:
    models = [model(depth, seed, 10.0) for depth in (8, 16, 32, 64) for seed in (0, 1, 2)]
    table = doubling_table(models, 0.5)
    assert table is not None and table.sentence.endswith("the data do not show that it decreases")


def test_a_pair_of_depths_is_needed() -> None:
    assert doubling_table([model(8, 0, 1.0), model(24, 0, 1.0)], 0.0) is None
    table = doubling_table([model(8, 0, 1.0), model(16, 0, 1.0)], 0.0)
    assert table is not None and table.sentence.startswith("too few depths")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan of four cells: one is done, one did not reach its loss, two have not begun."""
    folder = tmp_path_factory.mktemp("planned") / "study"
    folder.mkdir()
    given = SMALL | {"depth": "4,8", "seed": "0:2", "epochs": 3, "stop_loss": 2.4}
    plan = Plan.of(folder, given, ("resdepth", "study", "run"))
    write_plan(plan)
    for one in plan.cells()[:2]:
        update = {"stop_loss": 0.01} if one.values["seed"] else {}
        resdepth.train(one.options.model_copy(update=update), one.run)
    return folder


def test_a_loss_that_was_missed_and_cells_not_begun(planned: Path) -> None:
    # The one that missed its loss was given another one, and so it is another experiment.
    study = read_study(planned)
    lost = [(row.depth, row.seed) for row in study.cells if row.reason == "lost"]
    assert lost == [(4, 1)]
    kept = [row for row in study.cells if row.reason != "lost"]
    outcomes = {(row.depth, row.seed): (row.outcome, row.why) for row in kept}
    assert outcomes == {
        (4, 0): ("finished", ""),
        (4, 1): ("finished", "did not reach the loss 0.01"),
        (8, 0): ("queued", "has not begun"),
        (8, 1): ("queued", "has not begun"),
    }
    said = "\n".join(text for one in report_on(study).experiments for text in one.cautions)
    assert "not finished (L = 8): the answer may change" in said
    assert "did not reach the loss to stop at (L = 4)" in said


def test_the_curvature_is_read_from_the_file_of_the_spectrum(planned: Path, tmp_path: Path) -> None:
    (row,) = (row for row in read_study(planned).cells if not row.why)
    options = SpectrumOptions(top=1, smallest=0, threads=1)
    found = write(resdepth.open_run(row.run), options, tmp_path / "x.json")
    table = read_hessians([row], {row.run: tmp_path / "x.json"})
    assert table is not None
    (one,) = table.rows
    assert (one.top, one.hessian_trace) == (found.top[0], found.trace.hessian)
    assert one.rate_times_top == found.rate_times_top and one.edge == 2.0
    assert table.values("top").shape == (1, 1)
    assert read_hessians([row], {}) is None


def test_a_study_that_has_not_begun_is_told_how(tmp_path: Path) -> None:
    write_plan(Plan.of(tmp_path, SMALL | {"depth": "4"}, ("resdepth", "study", "run")))
    with pytest.raises(Impossible) as raised:
        read_study(tmp_path)
    assert raised.value.remedy == f"'resdepth study run {tmp_path}' trains its cells"
