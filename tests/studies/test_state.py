"""What a study says of folders that somebody has changed by hand."""

import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import resdepth
from resdepth.analysis.report import report_csv, report_on
from resdepth.analysis.study_runs import read_study
from resdepth.cli.console import line
from resdepth.errors import Corrupt, Exists
from resdepth.runs.manifest import read_manifest, write_manifest
from resdepth.studies.actions import cancelled, trained
from resdepth.studies.plan import Plan
from resdepth.studies.record import NAME, is_study, read_jobs, read_plan, write_plan
from resdepth.studies.state import Row, table
from tests.support.messages import refused

GIVEN = {"width": 3, "threads": 1, "train_fraction": 0.05, "lr": 0.1, "epochs": 3}
LOCAL = {"executor": "local", "workers": 1}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose cells are trained."""
    folder = tmp_path_factory.mktemp("state") / "study"
    plan = Plan.of(folder, GIVEN | {"depth": "4,8", "seed": "0:2"}, ("resdepth",))
    write_plan(plan)
    for cell in plan.cells():
        resdepth.train(cell.options, out=cell.run)
    return folder


@pytest.fixture
def study(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(whole, tmp_path / "study"))


def row(study: Path, name: str = "depth8-seed1") -> Row:
    return {row.cell: row for row in table(read_plan(study))}[name]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_study_as_it_was_trained(study: Path) -> None:
    assert {row.state for row in table(read_plan(study))} == {"finished"}


@pytest.mark.parametrize(
    ("planned", "recorded"), [(2.0, None), (None, 2.0), (2.0, 3.0)], ids=["plan", "run", "both"]
)
def test_options_without_effect_make_no_other_run(
    study: Path, planned: float | None, recorded: float | None
) -> None:
    plan = read_plan(study)
    write_plan(replace(plan, options=plan.options | {"separation": planned}))
    run = study / "cells/depth8-seed1"
    manifest = read_manifest(run)
    options = manifest.options | {"separation": recorded}
    write_manifest(run, manifest.model_copy(update={"options": options}))
    assert {row.state for row in table(read_plan(study))} == {"finished"}


@pytest.mark.parametrize(
    ("number", "named"), [(signal.SIGTERM, "by SIGTERM"), (4000, "by signal 4000")]
)
def test_the_signal_that_ended_a_cell_is_named(study: Path, number: int, named: str) -> None:
    run = study / "cells/depth8-seed1"
    update = {"outcome": "interrupted", "detail": {"signal": int(number)}}
    write_manifest(run, read_manifest(run).model_copy(update=update))
    assert row(study).why.endswith(named)


def exchanged(run: Path) -> None:
    shutil.rmtree(run)
    shutil.copytree(run.parent / "depth4-seed0", run)


def emptied(run: Path) -> None:
    (run / "manifest.json").write_text("{}")


def looped(run: Path) -> None:
    shutil.rmtree(run)
    run.symlink_to(run.name)


DAMAGE: list[tuple[Callable[[Path], None], str]] = [
    (exchanged, "holds a run of `depth=4`, not 8"),
    (emptied, "manifest format None"),
    (looped, "Too many levels"),
]


@pytest.mark.parametrize(("damage", "why"), DAMAGE)
def test_a_cell_whose_folder_is_not_its_own(
    study: Path, damage: Callable[[Path], None], why: str
) -> None:
    damage(study / "cells/depth8-seed1")
    found = row(study)
    assert (found.state, found.lost) == ("failed", True) and why in found.why
    assert row(study, "depth8-seed0").state == "finished"


@pytest.mark.parametrize("retry", [False, True])
@pytest.mark.parametrize(("damage", "why"), DAMAGE)
def test_such_a_folder_is_left_alone(
    study: Path, damage: Callable[[Path], None], why: str, retry: bool
) -> None:
    damage(study / "cells/depth8-seed1")
    said: list[str] = []
    trained(read_plan(study), LOCAL, retry=retry, say=said.append)
    assert len(said) == 1 and why in said[0]
    assert f"move {study}/cells/depth8-seed1 away" in said[0]


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize(("damage", "why"), DAMAGE)
def test_the_report_goes_on_without_it(
    study: Path, damage: Callable[[Path], None], why: str
) -> None:
    damage(study / "cells/depth8-seed1")
    report = report_on(read_study(study))
    lost = [cell for cell in report.cells if cell.reason == "lost"]
    assert [(cell.depth, cell.seed) for cell in lost] == [(8, 1)] and why in lost[0].why
    assert sum(not cell.why for cell in report.cells) == 3
    assert "1 lost" in report.experiments[0].cautions[0]
    line = next(line for line in report_csv(report).splitlines() if ",lost," in line)
    assert line.endswith("," * 12)


def test_the_report_names_the_engines(study: Path) -> None:
    run = study / "cells/depth8-seed1"
    write_manifest(run, read_manifest(run).model_copy(update={"engine": "eager"}))
    cautions = report_on(read_study(study)).experiments[0].cautions
    assert any("engine: cpu in 3, eager in 1" in caution for caution in cautions)


def test_runs_of_a_plan_that_was_changed_are_not_its_cells(study: Path) -> None:
    edit(study / NAME, "width: 3", "width: 5")
    assert {row.why for row in table(read_plan(study))} == {
        "its folder holds a run of `width=3`, not 5"
    }


def test_where_and_how_a_run_was_recorded_is_its_own_affair(study: Path) -> None:
    edit(study / NAME, "log_every: 1", "log_every: 7")
    edit(study / NAME, "threads: 1", "threads: 2")
    assert {row.state for row in table(read_plan(study))} == {"finished"}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  width: 3\n", "  width: 3\n  width: 4\n", "given twice"),
        ("probes: []\n", "probes: []\nwidth: 3\n", "width"),
        ("probes: []\n", "", "has no probes"),
    ],
)
def test_a_plan_that_says_two_things(study: Path, old: str, new: str, reason: str) -> None:
    edit(study / NAME, old, new)
    with refused(Corrupt, match=reason):
        read_plan(study)


def test_numbers_of_a_plan_are_those_of_every_other_file(study: Path) -> None:
    edit(study / NAME, "  - 4\n  - 8\n", "  - 010\n  - 12\n")
    assert read_plan(study).axes["depth"] == (10, 12)


def test_a_folder_without_its_plan_is_given_no_advice_of_train(study: Path) -> None:
    (study / NAME).unlink()
    with pytest.raises(Exists) as raised:
        is_study(study)
    assert "--resume" not in raised.value.remedy + line(raised.value)


@pytest.mark.parametrize(
    "jobs",
    [
        {"settings": {"executor": "nobody"}, "handles": {}},
        {"settings": {"executor": "local", "scheduler": "tcp://here"}, "handles": {}},
        {"settings": {"workers": "many"}, "handles": {}},
        {"settings": {}, "handles": ["depth4-seed0"]},
        [1],
    ],
)
def test_jobs_that_nobody_can_have_written(study: Path, jobs: object) -> None:
    (study / "jobs.json").write_text(json.dumps(jobs))
    with refused(Corrupt, match="not a list of jobs"):
        read_jobs(study)
    with pytest.raises(Corrupt):
        cancelled(study)


def test_a_log_that_cannot_be_written(study: Path) -> None:
    shutil.rmtree(study / "cells/depth4-seed0")
    (study / "logs").touch()
    with pytest.raises(FileExistsError, match="logs"):
        trained(read_plan(study), LOCAL, say=lambda _: None)
