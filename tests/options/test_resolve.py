"""Flag > file > default, and complaints that name the flag, the value and the range."""

from pathlib import Path
from typing import Any

import pytest

from resdepth.cli.console import line
from resdepth.errors import (
    Missing,
    Usage,
)
from resdepth.options.resolve import resolve, to_yaml
from resdepth.options.train import TrainOptions
from tests.support.messages import refused


def resolved(given: dict[str, Any], config: Path | None = None) -> TrainOptions:
    return resolve(TrainOptions, given, config, command="train")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("alpha", "1.5", "--alpha: should be at least 0, at most 1, not '1.5'"),
        ("alpha", "-0.1", "--alpha: should be at least 0, at most 1, not '-0.1'"),
        ("alpha", "half", "--alpha: should be a number, not 'half'"),
        ("alpha", "nan", "--alpha: should be a finite number, not 'nan'"),
        ("lr", "inf", "--lr: should be a finite number, not 'inf'"),
        ("lr", "0", "--lr: should be above 0, not '0'"),
        ("gamma", "0", "--gamma: should be above 0, not '0'"),
        ("depth", "0", "--depth: should be at least 1, not '0'"),
        ("depth", "2.5", "--depth: should be a whole number, not '2.5'"),
        ("width", "-3", "--width: should be at least 1, not '-3'"),
        ("p_var", "1", "--p-var: should be at least 2, not '1'"),
        ("loss_p", "0.5", "--loss-p: should be at least 1, not '0.5'"),
        ("train_fraction", "0", "--train-fraction: should be above 0, at most 1, not '0'"),
        ("train_fraction", "25", "--train-fraction: should be above 0, at most 1, not '25'"),
        ("batch_size", "0", "--batch-size: should be at least 1, not '0'"),
        ("epochs", "0", "--epochs: should be at least 1, not '0'"),
        ("classes", "1", "--classes: should be at least 2, not '1'"),
        ("seed", "-1", "--seed: should be at least 0"),
        ("threads", "0", "--threads: should be at least 1, not '0'"),
        ("dynamic_lr", "maybe", "--dynamic-lr: should be true or false, not 'maybe'"),
        ("sin_frequency", "often", "--sin-frequency: should be a number or period, not 'often'"),
        ("separation", "-1", "--separation: should be at least 0, not '-1'"),
    ],
)
def test_what_is_out_of_range(name: str, value: str, message: str) -> None:
    with pytest.raises(Usage) as caught:
        resolved({name: value})
    assert line(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "value", "near"),
    [
        ("activation", "tanhh", "did you mean 'tanh'?"),
        ("activation", "Relu", "did you mean 'relu'?"),
        ("augmentation", "skipp", "did you mean 'skip'?"),
        ("data", "cifar", "did you mean 'cifar10'?"),
        ("init", "normal", "should be one of ntrunc, constant"),
    ],
)
def test_an_unknown_word_is_met_with_the_nearest(name: str, value: str, near: str) -> None:
    with pytest.raises(Usage) as caught:
        resolved({name: value})
    assert f"not '{value}'" in line(caught.value) and near in line(caught.value)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("num_samples", "10_000", 10_000),
        ("lr", "1e2", 100.0),
        ("alpha", "0", 0.0),
        ("alpha", "1", 1.0),
        ("depth", "1", 1),
        ("p_var", "2.0", 2.0),
        ("sin_frequency", "period", "period"),
        ("sin_frequency", "3", 3.0),
        ("data_dir", "a_b/c", Path("a_b/c")),
    ],
)
def test_what_is_in_range(name: str, given: str, value: object) -> None:
    data = "mnist" if name == "data_dir" else "sin"
    assert getattr(resolved({name: given, "data": data}), name) == value


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"model": "regression"}, "--model"),
        ({"model": "classification", "data": "sin"}, "--model"),
        ({"data": "folder"}, "--data=folder"),
    ],
)
def test_what_does_not_fit_together(given: dict[str, Any], flag: str) -> None:
    with pytest.raises(Usage) as caught:
        resolved(given)
    assert line(caught.value).startswith(f"{flag}: ")


def test_flag_beats_file_beats_default(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("depth: 7\nwidth: 3\nbatch-size: 12\nlr: 1e-3\n")
    options = resolved({"width": "4"}, config)
    found = (options.depth, options.width, options.batch_size, options.lr, options.epochs)
    assert found == (7, 4, 12, 1e-3, 2000)
    assert options.model_fields_set == {"depth", "width", "batch_size", "lr"}


@pytest.mark.parametrize(
    "options",
    [
        TrainOptions(),
        TrainOptions(data="sin", sin_frequency="period", separation=0.1, alpha=1 / 3, seed=2**62),
        TrainOptions(data="folder", data_dir=Path("Ω: #1"), lr=1e-300, dynamic_lr=True),
        TrainOptions(data="cifar10", no_p_var=True, store_grad=False, threads=3),
    ],
    ids=lambda options: options.data,
)
def test_printing_comes_back(tmp_path: Path, options: TrainOptions) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(to_yaml(options), encoding="utf-8")
    assert resolved({}, config) == options
    assert to_yaml(resolved({}, config)) == to_yaml(options)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing\n")
    assert resolved({}, tmp_path / "c.yaml") == TrainOptions()


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("dept", "did you mean 'depth'?"),
        ("batchsize", "did you mean 'batch_size'?"),
        ("learning", "known: model, data"),
    ],
)
def test_an_unknown_key(tmp_path: Path, key: str, suggestion: str) -> None:
    (tmp_path / "c.yaml").write_text(f"{key}: 3\n")
    with refused(Usage, match=f"c.yaml: unknown option '{key}'") as caught:
        resolved({}, tmp_path / "c.yaml")
    assert suggestion in line(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[1, 2]", "not a mapping"),
        (b"just words", "not a mapping"),
        (b"depth: [3", "line 1"),
        (b"depth: 3\n  width: 4", "line 2"),
        (b"\xff\xfe\xfa", "not UTF-8"),
        (b"? [1]\n: 2", "line 1"),
        (b"[" * 1000, "brackets within brackets"),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "c.yaml").write_bytes(content)
    with refused(Usage, match=reason) as caught:
        resolved({}, tmp_path / "c.yaml")
    assert "c.yaml: not a configuration file" in line(caught.value)


@pytest.mark.parametrize("value", ["true", "[1]", "{a: 1}", "2020-01-01", ".nan", "'3 layers'"])
def test_a_value_of_the_wrong_kind(tmp_path: Path, value: str) -> None:
    (tmp_path / "c.yaml").write_text(f"lr: {value}\n")
    with refused(Usage, match="lr: should be"):
        resolved({}, tmp_path / "c.yaml")


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with refused(Missing, match="no such file"):
        resolved({}, tmp_path / "c.yaml")
    with refused(Usage, match="directory"):
        resolved({}, tmp_path)
