"""Plans: axes, cells, rates by depth, what may be added, and what is read back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resdepth.cli.app import LazyCommand
from resdepth.cli.console import line
from resdepth.cli.spelling import rewrite
from resdepth.errors import (
    Corrupt,
    Exists,
    Missing,
    Usage,
)
from resdepth.options.resolve import resolve
from resdepth.options.train import TrainOptions
from resdepth.studies.actions import planned
from resdepth.studies.cell import flags_of, job_of
from resdepth.studies.extension import extended
from resdepth.studies.plan import Plan, Probe
from resdepth.studies.record import is_study, read_plan, write_plan
from tests.support.messages import refused

FOLDER = Path("study")


def plan(folder: Path = FOLDER, **given: Any) -> Plan:
    return Plan.of(folder, given, ("resdepth", "study", "run"))


def test_the_default_has_seven_depths_and_five_seeds() -> None:
    whole = plan()
    assert whole.axes == {"depth": (16, 32, 64, 128, 256, 512, 1024), "seed": (0, 1, 2, 3, 4)}
    assert len(whole.cells()) == 35
    assert whole.options["lr"] == "auto" and whole.options["lr_depth"] == 128


def test_a_cell_is_named_by_what_differs() -> None:
    whole = plan(depth="8,4", seed="3", alpha=".5,1", activation="relu", lr=2)
    names = [cell.name for cell in whole.cells()]
    assert names == [f"depth{d}-alpha{a}-seed3" for d in (4, 8) for a in (0.5, 1.0)]
    assert [cell.run for cell in whole.cells()] == [FOLDER / "cells" / name for name in names]
    assert {cell.options.activation for cell in whole.cells()} == {"relu"}


@pytest.mark.parametrize("alpha", [0.5, 0.55, 0.75, 1.0])
def test_the_rate_follows_the_depth(alpha: float) -> None:
    cells = plan(depth="4,8,16", seed="0", alpha=alpha, lr=3).cells()
    rates = [cell.options.rate for cell in cells]
    assert rates == pytest.approx([3 * (d / 8) ** (2 * alpha - 1) for d in (4, 8, 16)])


def test_a_rule_that_is_given_holds() -> None:
    given = {"depth": "4,8", "seed": "0", "alpha": 1, "lr": 3}
    assert [c.options.rate for c in plan(**given, lr_depth_exponent=0).cells()] == [3, 3]
    assert [c.options.rate for c in plan(**given, lr_depth=1).cells()] == [12, 24]


def test_a_probe_gives_the_rate_of_its_cells() -> None:
    probes = (Probe({"alpha": 0.5}, 4, 0, {}, 8.0), Probe({"alpha": 1.0}, 4, 0, {}, 2.0))
    whole = plan(depth="4", seed="0", alpha="0.5,1")
    found = Plan(FOLDER, whole.axes, whole.options, whole.command, probes)
    assert [cell.options.rate for cell in found.cells()] == [8.0, 2.0]


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"depth": "16,abc"}, "--depth"),
        ({"depth": "0:3"}, "--depth"),
        ({"alpha": "0.5,2"}, "--alpha"),
        ({"activation": "tanh,rellu"}, "--activation"),
        ({"seed": "1.5"}, "--seed"),
        ({"lr": "1,x"}, "--lr"),
    ],
)
def test_a_wrong_value_names_its_flag(given: dict[str, str], flag: str) -> None:
    with pytest.raises(Usage) as raised:
        plan(**given)
    assert line(raised.value).startswith(flag)


def test_auto_is_no_value_among_others() -> None:
    with refused(Usage, match="lr"):
        plan(lr="auto,1")


def test_a_study_starts_from_no_run() -> None:
    with refused(Usage, match="^--start-from: is not available in a study: all seeds would start"):
        plan(start_from="runs/a")


def test_equal_values_are_one() -> None:
    assert plan(depth="8,8,4:8:x2", lr="1", alpha="0.5,.5").axes == {
        "depth": (4, 8),
        "alpha": (0.5,),
        "seed": (0, 1, 2, 3, 4),
    }


def test_depths_and_seeds_are_added() -> None:
    whole = plan(depth="4,8", seed="0:2", alpha=1, lr=2)
    more = extended(whole, {"depth": "16", "seed": "1:4", "alpha": 1.0, "lr": "2"}, {})
    assert more.axes == {"depth": (4, 8, 16), "seed": (0, 1, 2, 3)}
    before = {cell.name: cell.options for cell in whole.cells()}
    after = {cell.name: cell.options for cell in more.cells()}
    assert before.items() <= after.items()
    assert extended(whole, {}, {}) == whole


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"alpha": "0.5"}, "--alpha"),
        ({"lr": "auto"}, "--lr"),
        ({"lr_depth": 4}, "--lr-depth"),
        ({"epochs": 9}, "--epochs"),
        ({"activation": "tanh"}, "--activation"),
        ({"store_grad": False}, "--store-grad"),
    ],
)
def test_nothing_else_may_change(given: dict[str, Any], flag: str) -> None:
    whole = plan(depth="4,8", alpha="0.5,1", activation="relu", lr=2)
    with pytest.raises(Usage) as raised:
        extended(whole, given, {})
    assert line(raised.value).startswith(f"{flag}: the study in study has ")


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"stop_loss": 1}, "stop_loss"),
        ({"lr": "auto"}, "lr=auto"),
        ({"depth": "20,21"}, "depth"),
        ({"program": "train", "momentum": 0.5}, "momentum"),
    ],
)
def test_each_program_has_its_options(given: dict[str, Any], where: str) -> None:
    with pytest.raises(Usage) as raised:
        plan(**{"program": "resnet-cifar", **given})
    assert raised.value.where == where


def test_a_plan_of_another_program(tmp_path: Path) -> None:
    whole = plan(tmp_path, program="resnet-cifar", depth="20,32", momentum="0,0.9", flip=True)
    assert whole.axes == {"depth": (20, 32), "momentum": (0, 0.9), "seed": (0, 1, 2, 3, 4)}
    write_plan(replace(whole, runs={"depth20-momentum0.0-seed0": "seed_0"}))
    assert read_plan(tmp_path) == replace(whole, runs={"depth20-momentum0.0-seed0": "seed_0"})
    cell = read_plan(tmp_path).cells()[0]
    assert cell.run == tmp_path / "seed_0"
    job = job_of(whole.program, cell, tmp_path, 2, 0)
    assert job.arguments[:3] == ("resnet-cifar", "--depth=20", "--flip=true")
    assert job.again == ("resnet-cifar", f"--resume={tmp_path}/seed_0", "--epochs=16")
    more = extended(whole, {"depth": "44"}, {})
    assert (more.program, more.axes["depth"]) == ("resnet-cifar", (20, 32, 44))


def test_a_plan_of_train_names_no_program(tmp_path: Path) -> None:
    write_plan(plan(tmp_path, depth="4", lr=1))
    assert "program" not in (tmp_path / "study.yaml").read_text()


def test_read_back(tmp_path: Path) -> None:
    whole = plan(tmp_path, depth="4,8", alpha="0.55,1", data="sin", sin_frequency="period")
    probe = Probe({"alpha": 0.55}, 8, 0, {2.0: True, 4.0: False}, 1.0)
    whole = Plan(tmp_path, whole.axes, whole.options, whole.command, (probe,))
    write_plan(whole)
    assert read_plan(tmp_path) == whole
    assert is_study(tmp_path)
    assert "    2.0: true\n    4.0: false\n" in (tmp_path / "study.yaml").read_text()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1",
        "format: 2",
        "format: 1",
        "- a",
        "format: 1\ncommand: []\naxes: {depth: [4]}\noptions: {}\nprobes: []",
        "format: 1\ncommand: []\naxes: {depth: [0], seed: [0]}\noptions: {}\nprobes: []",
        "format: 1\ncommand: []\naxes: {depth: [4], seed: [0]}\noptions: {a: 1}\nprobes: []",
    ],
)
def test_a_damaged_plan_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "study.yaml").write_text(content)
    with refused(Corrupt, match="not a plan"):
        read_plan(tmp_path)


def test_no_plan(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        read_plan(tmp_path)
    (tmp_path / "thing").touch()
    with pytest.raises(Exists):
        is_study(tmp_path)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"alpha": 1, "lr": 0.1, "activation": "relu", "stop_loss": 1.2},
        {"data": "sin", "sin_frequency": "period", "separation": 0.5, "loss_p": 1.5},
        {"no_p_var": True, "store_grad": False, "dynamic_lr": True, "lr_max": 3, "batch_size": 7},
        {"data": "folder", "data_dir": "/a b/c"},
    ],
)
def test_a_command_line_says_what_the_options_are(given: dict[str, Any]) -> None:
    """What the job runs is parsed as the command line is."""
    cell = plan(depth="8", seed="3", **{"lr": 1, **given}).cells()[0]
    command = LazyCommand(("train",), "").load()
    words = rewrite(command, list(flags_of(cell.options)), "train")
    parsed = command.make_context("train", words).params
    values = {n: v for n, v in parsed.items() if v is not None and n in TrainOptions.fields()}
    assert resolve(TrainOptions, values, command="train") == cell.options


def test_a_job_has_its_share_of_the_cores() -> None:
    cell = plan(depth="8", seed="3", lr=1).cells()[0]
    assert "--threads=3" in job_of("train", cell, FOLDER, 3, 0).arguments
    cell = plan(depth="8", seed="3", lr=1, threads=2).cells()[0]
    job = job_of("train", cell, FOLDER, 3, 0)
    assert "--threads=2" in job.arguments and job.cpus == 2 and job.run.is_absolute()


def test_a_rough_start_is_one_motion_at_all_depths() -> None:
    rough = plan(depth="8,16,32", init="fbm", hurst="0.3", lr="1", seed="0:2")
    assert {cell.options.init_depth for cell in rough.cells()} == {32}


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"separation": "1,2"}, "--separation"),
        ({"data": "sin", "classes": 3}, "--classes"),
        ({"dynamic_lr_rule": "recursive,anchored"}, "--dynamic-lr-rule"),
        ({"init": "ntrunc,fbm", "hurst": "0.7"}, "--hurst"),
        ({"alpha": "0.5", "lr_depth": 4}, "--lr-depth"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_study_refuses_options_without_effect(
    tmp_path: Path, given: dict[str, Any], flag: str
) -> None:
    small = {"depth": "4,8", "seed": "0", "lr": 2}
    with refused(Usage, match=f"^{flag}: has no effect"):
        planned(tmp_path / "study", small | given, ("resdepth",))
    assert not (tmp_path / "study").exists()


def test_a_study_of_an_earlier_version_with_such_options_goes_on(tmp_path: Path) -> None:
    old = plan(tmp_path, depth="4", seed="0", lr=2, separation=2.0, p_var_every=3, no_p_var=True)
    write_plan(old)
    assert read_plan(tmp_path) == old
    more, _ = planned(tmp_path, {"depth": "8"}, ("resdepth",))
    assert more.axes["depth"] == (4, 8)
    (argument, *_) = [job_of("train", cell, tmp_path, 1, 0).arguments for cell in more.cells()]
    assert "--p-var-every=0" in argument
    assert not [word for word in argument if word.startswith("--separation")]
