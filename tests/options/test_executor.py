"""Options of the executors: time limits as Slurm spells them, and what belongs to whom."""

import pytest

from resdepth.errors import Usage
from resdepth.options.executor import ExecutorInvocation, checked, minutes_of
from resdepth.options.resolve import resolve
from tests.support.messages import refused


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("0:30", 1),
        ("59:01", 60),
        ("2:30:00", 150),
        ("1:00:01", 61),
        ("1-12", 36 * 60),
        ("1-12:30", 36 * 60 + 30),
        ("2-00:00:30", 48 * 60 + 1),
        ("", 0),
        ("two hours", 0),
        ("1:2:3:4", 0),
        ("-5", 0),
        ("1-", 0),
        ("1.5", 0),
    ],
)
def test_time_limits_as_slurm_spells_them(text: str, minutes: int) -> None:
    assert minutes_of(text) == minutes


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"time": "soon"}, "--time: should be minutes or a time as Slurm writes it"),
        ({"time": 0}, "--time: should be minutes"),
        ({"sbatch": ("array=0-3",)}, "'array' is set by the study itself"),
        (
            {"sbatch": ("--partition=gpu",)},
            "'partition' is set by the study itself or by",
        ),
        ({"sbatch": ("two words",)}, "should be NAME=VALUE or NAME"),
    ],
)
def test_a_wrong_value_is_named(values: dict[str, object], reason: str) -> None:
    with refused(Usage, match=reason.replace("(", r"\(")):
        resolve(ExecutorInvocation, values, command="study run")


def test_a_record_of_an_earlier_version_is_read() -> None:
    """It had minutes as a number."""
    old = resolve(ExecutorInvocation, {"executor": "slurm", "minutes": 90}, command="study run")
    assert old.settings == {"executor": "slurm", "time": "90"}


@pytest.mark.parametrize("name", ["partition", "gres", "constraint", "setup", "python", "sbatch"])
def test_an_option_of_slurm_has_no_effect_elsewhere(name: str) -> None:
    value = ("x",) if name in ("setup", "sbatch") else "x"
    settings = resolve(ExecutorInvocation, {name: value}, command="study run").settings
    with refused(Usage, match=f"{name}: has no effect with --executor=local"):
        checked(settings)
    assert checked(settings | {"executor": "slurm"})[name] == value
