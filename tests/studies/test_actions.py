"""What begins a study, from Python and from the command line, and what is trained further."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resdepth
from resdepth.analysis.study_runs import read_study
from resdepth.errors import Usage
from resdepth.options.resolve import resolve
from resdepth.options.train import TrainOptions
from resdepth.studies import actions
from resdepth.studies.actions import conducted, study
from resdepth.studies.cell import Job, job_of, train_cell
from resdepth.studies.extension import extended
from resdepth.studies.plan import Plan
from resdepth.studies.record import read_plan, write_plan
from resdepth.studies.state import Row, Rows, table
from tests.support.messages import refused
from tests.support.runs import assert_same, whole

SMALL = {"width": 3, "threads": 1, "train_fraction": 0.05, "lr": 1.0, "checkpoint_every": 0}
Began = Callable[..., tuple[list[str], Plan]]


def planned(folder: Path, **given: Any) -> Plan:
    plan = Plan.of(folder, SMALL | {"depth": "4", "seed": "0:2", "epochs": 3} | given, ("python",))
    write_plan(plan)
    return plan


class Here:
    """A worker that trains in this process."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []

    def run(self, arguments: tuple[str, ...], log: Path, stop: Path, _: object) -> int:
        self.commands.append(arguments)
        given = dict(word.removeprefix("--").split("=", 1) for word in arguments[1:])
        given = {name.replace("-", "_"): value for name, value in given.items()}
        out = Path(given.pop("resume", "") or given.pop("out"))
        options = resolve(TrainOptions, given, command="train")
        resdepth.train(options, out, resume=arguments[1].startswith("--resume"))
        return 0


def train(plan: Plan) -> list[tuple[str, ...]]:
    """Train its cells; the command lines that it took."""
    worker: Any = Here()
    jobs: list[Job] = [job_of("train", cell, plan.folder, 1, 0) for cell in plan.cells()]
    for job in jobs:
        train_cell(job, worker)
    return worker.commands


def states(plan: Plan) -> dict[str, str]:
    return {row.cell: row.state for row in table(plan)}


@pytest.mark.parametrize(
    "given", [{}, {"alpha": 1, "lr": 0.5}, {"seed": range(2)}, {"depth": None}], ids=str
)
def test_a_new_study_from_python_needs_its_depths(tmp_path: Path, given: dict[str, Any]) -> None:
    out = tmp_path / "typo"
    with refused(Usage, match=r"there is no study in .*typo") as raised:
        resdepth.study(out, **given)
    assert f"resdepth.study({str(out)!r}, depth=[16, 32, 64])" in raised.value.remedy
    assert not out.exists()


def test_the_study_that_was_meant_is_named(tmp_path: Path) -> None:
    planned(tmp_path / "relu")
    with refused(Usage, match=r"\(did you mean 'relu'\?\)"):
        study(tmp_path / "rleu")


def test_an_existing_study_needs_none(tmp_path: Path) -> None:
    train(planned(tmp_path / "study"))
    rows = study(tmp_path / "study", workers=1)
    assert [(row.cell, row.state) for row in rows] == [
        ("depth4-seed0", "finished"),
        ("depth4-seed1", "finished"),
    ]


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Began:
    """What a command says that begins a study, and the plan; nothing is trained."""
    monkeypatch.setattr(actions, "trained", lambda plan, *_, **__: Rows())

    def begin(name: str = "study", **given: Any) -> tuple[list[str], Plan]:
        said: list[str] = []
        folder = tmp_path / name
        conducted(folder, given, {}, ["resdepth"], say=said.append)
        return said, read_plan(folder)

    return begin


def test_the_first_line_of_a_new_study_has_its_size(begun: Began) -> None:
    said, plan = begun()
    (line,) = said
    assert line.startswith(
        f"creating a new study in {plan.folder}: 35 networks of 16 to 1024 layers"
    )
    defaults = TrainOptions()
    times = 5 * sum(2**k for k in range(4, 11)) / defaults.depth
    assert f"about {times:.0f} times the work of one 'resdepth train'" in line
    assert begun() == ([], plan)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"depth": "4", "seed": 0, "epochs": 1}, "1 network of 4 layers, less work than one"),
        ({"depth": "64", "seed": "0:3"}, "3 networks of 64 layers, about 3 times the work"),
        ({"depth": "32,64", "seed": 0, "width": 30}, "32 to 64 layers, about 6 times the work"),
    ],
    ids=str,
)
def test_the_size_is_that_of_the_plan(begun: Began, given: dict[str, Any], words: str) -> None:
    assert words in begun(**given)[0][0]


def test_a_similar_name_is_asked_about_unless_depths_are_given(begun: Began) -> None:
    begun("study", depth=4)
    assert "(did you mean 'study'?)" in begun("studdy")[0][0]
    assert "did you mean" not in begun("study-2", depth=4)[0][0]


def test_more_epochs_resume_what_has_ended(tmp_path: Path) -> None:
    short = planned(tmp_path / "study")
    train(short)
    more = extended(short, {"epochs": 7}, {})
    write_plan(more)
    assert set(states(short).values()) == {"finished"}
    rows = table(more)
    assert {(row.state, row.why) for row in rows} == {("stopped", "ended after 3 of 7 epochs")}
    assert [words[2] for words in train(more)] == ["--epochs=7"] * 2
    assert set(states(more).values()) == {"finished"} and train(more) == []
    train(planned(tmp_path / "fresh", epochs=7))
    for cell in more.cells():
        assert_same(whole(cell.run), whole(tmp_path / "fresh/cells" / cell.name))


def test_cells_that_reached_the_loss_are_left_alone(tmp_path: Path) -> None:
    losses = sorted(_loss(row) for row in _trained(planned(tmp_path / "free", epochs=9)))
    goal = sum(losses) / 2
    plan = planned(tmp_path / "study", epochs=9, stop_loss=goal)
    rows = {bool(row.why): row for row in _trained(plan)}
    reached, missed = rows[False].cell, rows[True].cell
    more = extended(plan, {"epochs": 200}, {})
    write_plan(more)
    assert states(more) == {reached: "finished", missed: "stopped"}
    (words,) = train(more)
    assert missed in words[1]
    assert {row.cell: row.reached is not None for row in table(more)} == {
        reached: True,
        missed: True,
    }
    (experiment,) = read_study(plan.folder).experiments
    assert [row.why for row in experiment.cells] == ["", ""]


def _trained(plan: Plan) -> Rows:
    train(plan)
    return table(plan)


def _loss(row: Row) -> float:
    assert row.loss is not None
    return row.loss
