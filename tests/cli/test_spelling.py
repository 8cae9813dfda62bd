"""The thesis's spellings become ours; values stay as they are."""

import pytest

from resdepth.cli.spelling import NAMES, VALUES, rewrite
from resdepth.cli.train import train as TRAIN
from resdepth.errors import Usage
from tests.support.messages import refused

FLAGS = {flag for parameter in TRAIN.params for flag in parameter.opts}
OLD = ("--model", "--data", "--trainer")
OF_TRAIN = {old: ours for old, ours in NAMES.items() if old.startswith(OLD)}


def ours(*args: str) -> list[str]:
    return rewrite(TRAIN, list(args), "train")


@pytest.mark.parametrize(("old", "name"), OF_TRAIN.items())
def test_every_old_name(old: str, name: str) -> None:
    assert name in FLAGS
    if any(p.is_flag for p in TRAIN.params if name in p.opts):  # type: ignore[attr-defined]
        assert ours(f"{old}=true") == [name]
        return
    for spelled in (old, old.replace("-", "_").replace("__", "--", 1)):
        assert ours(f"{spelled}=a_b") == [f"{name}=a_b"]
        assert ours(spelled, "a_b") == [name, "a_b"]


@pytest.mark.parametrize(
    ("flag", "old", "value"),
    [(flag, old, new) for flag, table in VALUES.items() for old, new in table.items()],
)
def test_every_old_value(flag: str, old: str, value: str) -> None:
    assert ours(f"{flag}={old}") == [f"{flag}={value}"]
    assert ours(flag, old) == [flag, value]


@pytest.mark.parametrize("value", ["10_000", "a_b/c_d", "a=b", "--", "", "ConstantDataModule"])
def test_values_are_left_alone(value: str) -> None:
    assert ours(f"--out={value}") == [f"--out={value}"]


def test_values_after_their_option_are_left_alone() -> None:
    assert ours("--out", "a_b", "--num_samples", "10_000") == [
        "--out", "a_b", "--num-samples", "10_000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["--dynamic_lr"], ["--dynamic-lr"]),
        (["--dynamic-lr=true"], ["--dynamic-lr"]),
        (["--dynamic_lr=True"], ["--dynamic-lr"]),
        (["--dynamic-lr=1"], ["--dynamic-lr"]),
        (["--dynamic-lr=false"], ["--no-dynamic-lr"]),
        (["--no-dynamic-lr=false"], ["--dynamic-lr"]),
        (["--model.dynamic_lr=False"], ["--no-dynamic-lr"]),
        (["--model.store_grad=false"], ["--no-store-grad"]),
        (["--store-grad=true"], ["--store-grad"]),
        (["--no-p-var=true"], ["--p-var-every=0"]),
        (["--no-p-var=false"], []),
        (["--overwrite=false"], []),
        (["--print_config=true"], ["--print-config"]),
    ],
)
def test_booleans(given: list[str], wanted: list[str]) -> None:
    assert ours(*given) == wanted


@pytest.mark.parametrize("value", ["", "maybe", "2"])
def test_a_boolean_that_is_none(value: str) -> None:
    with refused(Usage, match=f"--dynamic-lr: should be true or false, not '{value}'"):
        ours(f"--dynamic_lr={value}")


@pytest.mark.parametrize("spelling", [["--data.c=0.3"], ["--data.c", "0.3"]])
@pytest.mark.parametrize(
    ("data", "name"),
    [
        (["--data=ConstantDataModule"], "--target-value"),
        (["--data", "constant"], "--target-value"),
        (["--data=SinDataModule"], "--separation"),
        (["--data", "sin"], "--separation"),
    ],
)
def test_c_is_what_the_data_make_of_it(data: list[str], name: str, spelling: list[str]) -> None:
    wanted = [spelling[0].replace("--data.c", name), *spelling[1:]]
    assert ours(*data, *spelling)[len(ours(*data)) :] == wanted
    assert ours(*spelling, *data)[: len(wanted)] == wanted


@pytest.mark.parametrize("flag", ["--model.depth", "--trainer.devices", "--optimizer.lr"])
def test_an_unknown_old_name(flag: str) -> None:
    with refused(Usage, match=f"{flag}: no such option"):
        ours(f"{flag}=3")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["--resume", "--out=a"], ["--resume=a", "--out=a"]),
        (["--out", "a", "--resume"], ["--out", "a", "--resume=a"]),
        (["--resume", "b", "--out=a"], ["--resume", "b", "--out=a"]),
        (["--resume=b"], ["--resume=b"]),
        (["--resume"], ["--resume"]),
    ],
)
def test_a_bare_resume_means_the_output(given: list[str], wanted: list[str]) -> None:
    assert ours(*given) == wanted


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("paths weights", ["--pos_x=1", "run", "--pos-y", "2"], ["run", "--pos=1,2"]),
        ("paths weights", ["--pos-x=1"], ["--pos=1,"]),
        ("export", ["run", "--by-run"], ["run", "--out=exported_models/{run}"]),
        ("export", ["--by-run=true", "--out", "w", "run"], ["run", "--out=w/{run}"]),
        ("export", ["run", "--by-run=false"], ["run"]),
        ("study run", ["--out=st", "--depth=4"], ["st", "--depth=4"]),
        ("study run", ["--depth=4", "--out", "st"], ["--depth=4", "st"]),
        ("train", ["--out", "st"], ["--out", "st"]),
    ],
)
def test_options_that_another_one_replaces(name: str, given: list[str], wanted: list[str]) -> None:
    assert rewrite(TRAIN, given, name) == wanted


def test_nothing_is_rewritten_behind_two_dashes() -> None:
    assert ours("--out_x=1", "--", "--model.L=3") == ["--out-x=1", "--", "--model.L=3"]
