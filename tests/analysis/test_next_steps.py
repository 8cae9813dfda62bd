"""The commands that a report recommends: each can be executed as it is printed."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import resdepth
from resdepth.analysis.cautions import EQUAL_LOSS, SMALLER_RATE, WORDS, reached_by_all
from resdepth.analysis.report import report_numbers, report_on
from resdepth.analysis.study_runs import CellRow, read_study
from resdepth.runs.manifest import Manifest, read_manifest, write_manifest
from resdepth.studies.extension import extended
from resdepth.studies.plan import Plan
from resdepth.studies.record import Jobs, read_plan, write_jobs, write_plan
from tests.support.studies import parsed

SMALL = {"width": 3, "threads": 1, "train_fraction": 0.05, "epochs": 2, "checkpoint_every": 0}


def trained(folder: Path, **given: Any) -> Path:
    """A study of two depths that is trained, but for what is done to its manifests later."""
    plan = Plan.of(folder, SMALL | {"depth": "4,8", "seed": 0, "lr": 1} | given, ("resdepth",))
    write_plan(plan)
    for cell in plan.cells():
        resdepth.train(cell.options, cell.run)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("next") / "a study")


@pytest.fixture
def study(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to change; its folder has a blank."""
    return Path(shutil.copytree(whole, tmp_path / "a study"))


def changed(study: Path, cell: str = "depth8-seed0", **update: Any) -> Manifest:
    run = study / "cells" / cell
    manifest = read_manifest(run).model_copy(update=update)
    write_manifest(run, manifest)
    return manifest


def steps(study: Path) -> dict[str, str]:
    return dict(report_on(read_study(study)).next_steps)


def followed(command: str) -> Plan:
    """The plan that a command leads to; refused if it is not what `study run` takes."""
    action, folder, given, _ = parsed(command)
    assert action in ("run", "retry")
    known = (folder / "study.yaml").exists()
    return extended(read_plan(folder), given, {}) if known else Plan.of(folder, given, ())


def test_nothing_is_recommended_without_a_caution(study: Path) -> None:
    assert steps(study) == {}


@pytest.mark.parametrize(
    ("update", "purpose", "action"),
    [
        ({"outcome": "interrupted"}, "to train the other cells", "run"),
        ({"outcome": "failed"}, "to try failed cells again", "retry"),
        ({"outcome": "failed", "detail": {"error": "x"}}, "to try failed cells again", "retry"),
    ],
    ids=str,
)
def test_the_same_study_goes_on(
    study: Path, update: dict[str, Any], purpose: str, action: str
) -> None:
    changed(study, **update)
    (command,) = (text for what, text in steps(study).items() if what == purpose)
    assert parsed(command)[:3] == (action, study, {})


def test_a_folder_of_another_run_is_moved_away_first(study: Path) -> None:
    shutil.rmtree(study / "cells/depth8-seed0")
    shutil.copytree(study / "cells/depth4-seed0", study / "cells/depth8-seed0")
    command = steps(study)["to train lost cells again after their folders are moved away"]
    assert parsed(command)[:2] == ("run", study)


def test_cells_that_diverged_take_half_the_rate(study: Path) -> None:
    changed(study, outcome="diverged")
    plan, before = followed(steps(study)["to use half the rate"]), read_plan(study)
    assert plan.folder.name == "a study-2"
    assert plan.options == before.options | {"lr": 0.5} and plan.axes == before.axes


def test_cells_that_missed_the_loss_take_more_epochs(tmp_path: Path) -> None:
    study = trained(tmp_path / "study", stop_loss=0.01, depth="4")
    plan = followed(steps(study)["to let all cells reach the loss"])
    assert (plan.folder, plan.options["epochs"]) == (study, 4)


@pytest.mark.parametrize("given", [{}, {"lr_depth_exponent": 0}, {"no_p_var": True}], ids=str)
def test_unequal_losses_are_compared_at_one_that_all_reach(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    study = trained(tmp_path / "study", **given)
    changed(study, final={"loss": 3.1234})
    write_jobs(study, Jobs({"executor": "slurm", "partition": "long"}, {}))
    command = steps(study)["to compare at equal loss"]
    plan, before = followed(command), read_plan(study)
    assert plan.options == before.options | {"stop_loss": 3.13} and plan.axes == before.axes
    assert parsed(command)[3] == {"executor": "slurm", "partition": "long"}
    numbers = report_numbers(report_on(read_study(study)))
    assert {"purpose": "to compare at equal loss", "command": command} in numbers["next"]


@pytest.mark.parametrize(
    ("rates", "losses", "more"),
    [
        ("1,2,4", (3, 2, 1), {1, 2, 4, 8}),
        ("1,2,4", (1, 2, 3), {0.5, 1, 2, 4}),
        ("2,16", (2, 1), {2, 16, 128}),
        ("1,2,4", (2, 1, 3), None),
    ],
)
def test_a_best_rate_at_the_end_asks_for_more(
    tmp_path: Path, rates: str, losses: tuple[float, ...], more: set[float] | None
) -> None:
    study = trained(tmp_path / "study", lr=rates, depth="4")
    for cell, loss in zip(read_plan(study).cells(), losses, strict=True):
        changed(study, cell.name, final={"loss": loss})
    command = steps(study).get("to look for a better rate")
    assert (command and {*followed(command).axes["lr"]}) == more


def test_runs_without_a_plan_have_no_command(study: Path) -> None:
    changed(study, outcome="diverged")
    (study / "study.yaml").unlink()
    assert steps(study) == {}


@pytest.mark.parametrize(
    ("losses", "expected"),
    [((1.0, 2.0), 2.0), ((0.12345,), 0.124), ((9.991, 3), 10.0), ((1e-5,), 1e-5), ((), 0.0)],
)
def test_a_loss_that_all_reach_is_no_smaller_than_any(
    losses: tuple[float, ...], expected: float
) -> None:
    rows = [CellRow(Path(), "", 4, 0, 1.0, "finished", 5, loss, 2.0, "", "") for loss in losses]
    found = reached_by_all(rows)
    assert found == pytest.approx(expected, rel=0.01) and all(loss <= found for loss in losses)


def test_options_that_cautions_name_have_their_commands() -> None:
    """A new recommendation needs a command in `next_steps`, and a test above."""
    texts = (SMALLER_RATE, EQUAL_LOSS, *(meaning for _, meaning in WORDS.values()))
    named = {found for text in texts for found in re.findall(r"`([a-z_]+)`", text)}
    assert named == {"epochs", "lr", "stop_loss"}
