"""What may be added to a study, and the commands that errors recommend for anything else."""

from pathlib import Path
from typing import Any

import pytest

from resdepth.cli.console import line
from resdepth.errors import Usage
from resdepth.studies.actions import planned
from resdepth.studies.cell import job_of
from resdepth.studies.command import run_command
from resdepth.studies.extension import anew, extended, slower
from resdepth.studies.plan import Plan, Probe
from resdepth.studies.record import read_plan, write_plan
from tests.support.messages import refused
from tests.support.studies import parsed

FBM = {"init": "fbm", "hurst": 0.3, "lr": 1, "seed": "0:2"}


def plan(folder: Path = Path("study"), **given: Any) -> Plan:
    return Plan.of(folder, given, ("resdepth", "study", "run"))


def recommended(error: Exception) -> str:
    """The command in the advice of an error."""
    advice = str(getattr(error, "remedy", ""))
    mark = "`" if "`" in advice else "'"
    return advice.split(mark)[1]


PLANS = [
    {"depth": "4,8", "alpha": 1, "lr": 2, "lr_depth_exponent": 0},
    {"depth": "4,8", "alpha": 0.5, "lr": 2},
    {"depth": "4,8", "lr": 2, "no_p_var": True, "store_grad": False, "width": 3},
    {"depth": "4,8", "activation": "tanh,relu", "lr": "0.001,16,2", "seed": 3},
    {"depth": "8,16,32", **FBM},
    {"depth": "8,16", **FBM, "init_depth": 64, "stop_loss": 1.25, "batch_size": 10},
    {"depth": "4:64:x2", "data": "folder", "data_dir": "/tmp/a b's", "lr": "auto"},
    {"depth": "4", "data": "sin", "sin_frequency": "period", "lr": 1e-05, "lr_depth": 1},
]


@pytest.mark.parametrize("given", PLANS, ids=str)
@pytest.mark.parametrize("folder", ["study", "my studies/a"])
def test_the_command_of_a_new_study_makes_the_same_study(
    tmp_path: Path, given: dict[str, Any], folder: str
) -> None:
    write_plan(before := plan(tmp_path / folder, **given))
    action, other, words, _ = parsed(anew(before, {}))
    assert (action, other) == ("run", tmp_path / f"{folder}-2")
    after, _ = planned(other, words, ("resdepth",))
    assert (after.axes, after.options) == (before.axes, before.options)


def test_it_is_trained_where_the_first_one_was() -> None:
    slurm = {"executor": "slurm", "partition": "gpu 1", "setup": ["module load a", "b"]}
    call = parsed(anew(plan(depth="4", lr=1), slurm))[3]
    assert call | {"setup": list(call["setup"])} == slurm


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({"stop_loss": 1.5}, {"depth": "16"}),
        ({"alpha": 0.5}, {}),
        ({"epochs": 3}, {"seed": "7"}),
        ({"lr": 4}, {}),
        ({"activation": "tanh,relu"}, {}),
        ({"lr_depth_exponent": 0}, {"depth": "2"}),
    ],
    ids=str,
)
def test_what_is_refused_is_a_study_of_its_own(given: dict[str, Any], more: dict[str, Any]) -> None:
    whole = plan(depth="4,8", seed="0:2", epochs=9, lr=2)
    with pytest.raises(Usage) as raised:
        extended(whole, given | more, {})
    _, folder, words, _ = parsed(recommended(raised.value))
    found = plan(folder, **words)
    expected = plan(folder, **(whole.spelled() | given))
    assert found.options == expected.options
    for name, value in more.items():
        assert {*whole.axes[name], int(value)} == {*found.axes[name]}


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_shallower_depth_sees_the_start_that_is_there(depth: int) -> None:
    whole = plan(depth="8,16,32", **FBM)
    more = extended(whole, {"depth": str(depth)}, {})
    before = {cell.name: cell.options for cell in whole.cells()}
    after = {cell.name: cell.options for cell in more.cells()}
    assert before.items() <= after.items() and len(after) == len(before) + 2
    assert {options.init_depth for options in after.values()} == {32}


def test_a_start_that_is_drawn_deeper_leaves_room() -> None:
    whole = extended(plan(depth="8,16", **FBM, init_depth=64), {"depth": "4,64"}, {})
    assert whole.axes["depth"] == (4, 8, 16, 64)
    assert {cell.options.init_depth for cell in whole.cells()} == {64}


@pytest.mark.parametrize("depth", ["64", "64,128", "8,16,32,64"])
def test_a_deeper_one_is_a_new_study_and_the_depth_is_to_blame(depth: str) -> None:
    whole = plan(depth="8,16,32", **FBM)
    with refused(Usage, match=r"^--depth: 64.* is not 32 divided by") as raised:
        extended(whole, {"depth": depth}, {})
    assert "--init-depth" not in line(raised.value)
    _, folder, words, _ = parsed(recommended(raised.value))
    found = plan(folder, **words)
    assert {*found.axes["depth"]} == {8, 16, 32, *map(int, depth.split(","))}
    assert found.options["init_depth"] == found.axes["depth"][-1]


@pytest.mark.parametrize("depth", ["12", "48", "5,16"])
def test_no_start_fits_a_depth_between(depth: str) -> None:
    whole = plan(depth="8,16,32", **FBM)
    with refused(Usage, match=r"^--depth: ") as raised:
        extended(whole, {"depth": depth}, {})
    assert raised.value.remedy == "depths that fit: 32, 16, 8, 4, 2, 1"
    with refused(Usage, match=r"^--depth: .* divided by a power of two"):
        plan(**FBM | {"depth": f"{depth},64"})


@pytest.mark.parametrize("depth", ["2", "16:1024:x2", "6"])
@pytest.mark.parametrize("given", [{"lr": 3}, {"lr": "auto"}, {"lr": 3, "alpha": 0.5}], ids=str)
def test_more_depths_leave_the_rate_of_the_others_alone(given: dict[str, Any], depth: str) -> None:
    whole = plan(depth="4,8", seed="0", **given)
    more = extended(whole, {"depth": depth}, {})
    assert more.options == whole.options
    before = {cell.name: cell.options for cell in whole.cells()}
    assert before.items() <= {cell.name: cell.options for cell in more.cells()}.items()


@pytest.mark.parametrize(("given", "rates"), [("32", (2, 8, 16, 32)), ("1,2", (1, 2, 8, 16))])
def test_a_study_of_rates_takes_more_of_them(given: str, rates: tuple[float, ...]) -> None:
    whole = plan(depth="4", seed="0", lr="16,2,8")
    assert whole.axes["lr"] == (2, 8, 16)
    assert extended(whole, {"lr": given}, {}).axes["lr"] == rates
    with refused(Usage, match="lr"):
        extended(whole, {"lr": "auto"}, {})


def test_values_are_in_the_order_of_numbers() -> None:
    whole = plan(depth="16,4", seed="10,9", lr="16,2,8", alpha="1,.5", activation="tanh,relu")
    assert whole.axes["alpha"] == (0.5, 1) and whole.axes["activation"] == ("tanh", "relu")
    keys = [tuple(cell.values[n] for n in ("depth", "alpha")) for cell in whole.cells()]
    assert keys == sorted(keys)
    rates = [cell.values["lr"] for cell in whole.cells()]
    assert rates[:6:2] == [2, 8, 16]


def test_a_plan_of_an_earlier_version_may_have_them_in_another(tmp_path: Path) -> None:
    write_plan(plan(tmp_path, depth="4", seed="0", lr="2,8,16"))
    path = tmp_path / "study.yaml"
    old = path.read_text().replace("  - 2.0\n  - 8.0\n  - 16.0\n", "  - 16.0\n  - 2.0\n  - 8.0\n")
    assert old != path.read_text()
    path.write_text(old)
    assert read_plan(tmp_path).axes["lr"] == (2, 8, 16)


def test_epochs_are_added_and_never_taken_away() -> None:
    whole = plan(depth="4", seed="0", lr=1, epochs=3)
    (cell,) = extended(whole, {"epochs": 6}, {}).cells()
    assert job_of("train", cell, whole.folder, 1, 0).again[-1] == "--epochs=6"
    with refused(Usage, match="epochs: the study in study has 3, not 2"):
        extended(whole, {"epochs": 2}, {})


def test_a_number_replaces_a_rate_that_was_not_found() -> None:
    whole = plan(depth="8,16", **FBM | {"lr": "auto"})
    (cell, *_) = extended(whole, {"lr": "0.5"}, {}).cells()
    assert (cell.options.lr, cell.options.init_depth) == (0.5, 16)
    with refused(Usage, match="width"):
        extended(whole, {"lr": 1, "width": 3}, {})
    found = Plan(whole.folder, whole.axes, whole.options, (), (Probe({}, 16, 0, {}, 4.0),))
    with refused(Usage, match="lr"):
        extended(found, {"lr": 1}, {})
    assert parsed(slower(found, {}))[2]["lr"] == "2.0"


def test_folders_are_quoted() -> None:
    assert run_command(Path("a b"), action="retry") == "resdepth study retry 'a b'"
