"""Configuration files by YAML 1.2's core schema, and back again."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resdepth.cli.console import line
from resdepth.errors import Usage
from resdepth.options import yaml12
from resdepth.options.base import Options
from resdepth.options.curvefit import CurvefitOptions
from resdepth.options.effect import effective
from resdepth.options.export import ExportOptions
from resdepth.options.landscape import RenderOptions
from resdepth.options.paths import WeightsOptions
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.resolve import resolve, to_yaml
from resdepth.options.train import TrainOptions

# The table of the specification, section 10.3.2, and what 1.1 made of the same words.
SCALARS = {
    "off": "off", "on": "on", "yes": "yes", "No": "No", "y": "y", "true": True, "FALSE": False,
    "tRUE": "tRUE", "null": None, "~": None, "": None, "Null": None, "nil": "nil",
    "10": 10, "010": 10, "-010": -10, "+12": 12, "0o10": 8, "0x1F": 31, "-0x1F": "-0x1F",
    "08": 8, "0b11": "0b11", "1_000": "1_000", "1:30": "1:30", "190:20:30": "190:20:30",
    "12:30:45.5": "12:30:45.5", "1e3": 1000.0, "1E-3": 1e-3, "12e03": 12000.0, "1.": 1.0,
    ".5": 0.5, "-2.5e+1": -25.0, ".": ".", "e3": "e3", ".inf": float("inf"),
    "-.INF": -float("inf"), "inf": "inf", "2020-01-01": "2020-01-01",
    "2020-01-01 12:00:00": "2020-01-01 12:00:00", "=": "=", "!!str 010": "010",
    "!!int '010'": 10, "!!float 3": 3.0, "'off'": "off", '"1e3"': "1e3", "1.2.3": "1.2.3",
}  # fmt: skip


@pytest.mark.parametrize("written", SCALARS)
def test_a_scalar_is_what_version_1_2_says(written: str) -> None:
    found = yaml12.load(f"a: {written}")["a"]
    assert found == SCALARS[written] and type(found) is type(SCALARS[written])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a:\t3", {"a": 3}),
        ("a: 3\t# three", {"a": 3}),
        ("a: 3 \t", {"a": 3}),
        ("\t# tab\n \t \na: 3", {"a": 3}),
        ('{\t"a":\t3,"b":[1,\t2]\t}', {"a": 3, "b": [1, 2]}),
        ("a: &x 3\nb: *x", {"a": 3, "b": 3}),
        ("%YAML 1.2\n---\na: 3\n...\n", {"a": 3}),
        ("﻿a: 3", {"a": 3}),
        ("a: |\n  t\tx\n", {"a": "t\tx\n"}),
    ],
)
def test_a_document(text: str, value: object) -> None:
    assert yaml12.load(text) == value


def complaint(tmp_path: Path, text: str) -> str:
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    with pytest.raises((Usage, Usage, Usage)) as caught:
        resolve(TrainOptions, {}, tmp_path / "c.yaml", command="train")
    return line(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("depth: 3\nwidth: 4\ndepth: 5", "line 3: 'depth' is given twice, first in line 1"),
        ("batch-size: 3\n\nbatch_size: 5", "line 3: 'batch_size' is given twice, first in line 1"),
        ("lr: {a: 1, a: 2}", "line 1: 'a' is given twice, first in line 1"),
        ("depth: 3\n\twidth: 4", "line 2: a tab, where only spaces indent"),
        ("---\ndepth: 3\n---\nwidth: 4", "line 3: expected a single document in the stream, but"),
        ("base: &b {depth: 3}\n<<: *b", "unknown option 'base'"),
        ("<<: {depth: 3}", "YAML 1.2 has no merge keys"),
        ("seed: 1:30", "--seed: should be a whole number, not '1:30'"),
        ("lr: 2020-01-01", "--lr: should be a number, not '2020-01-01'"),
        ("depth: !!int 1:30", "line 1: '1:30' is no int"),
        ("dynamic_lr: !!bool off", "line 1: 'off' is no bool"),
        ("depth: !!timestamp 2020-01-01", "could not determine a constructor"),
        ("depth: *nowhere", "line 1: found undefined alias 'nowhere'"),
        ("data_dir: 2024", "--data-dir: should be a path (in quotes where it looks like a number)"),
        ("data_dir: ''", "--data-dir: should name a file or folder, not be empty"),
        ('data_dir: "a\\0b"', "--data-dir: a path cannot hold a null character"),
        ("lr: &a [*a]", "--lr: should be a number, not [[[[...]]]]"),
        ("dynamic_lr:", "--dynamic-lr: should be true or false, not None"),
    ],
)
def test_what_is_refused_by_line_or_option(tmp_path: Path, text: str, wanted: str) -> None:
    assert wanted in complaint(tmp_path, text)


def test_aliases_of_aliases_are_not_written_out(tmp_path: Path) -> None:
    lines = ["model: &a0 [x, x]", *(f"b{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
    nested = "{" + ", ".join(line for line in lines[1:]) + "}"
    text = f"lr: [{lines[0].removeprefix('model: ')}, {nested}]"
    assert len(complaint(tmp_path, text)) < 1000


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("amp: off", "amp", "off"),
        ("seed: 010", "seed", 10),
        ("epochs: 0o17", "epochs", 15),
        ("limit-train: 1_000", "train_fraction", 1000),
        ("flip: yes", "flip", True),
        ("flip: off", "flip", False),
        ("epochs: 1e3", "epochs", 1000),
        ("data_dir: off", "data_dir", Path("off")),
        ("data_dir: 2020-01-01", "data_dir", Path("2020-01-01")),
    ],
)
def test_an_option_of_a_file(tmp_path: Path, text: str, name: str, value: object) -> None:
    (tmp_path / "c.yaml").write_text(text)
    options = resolve(ResnetCifarOptions, {}, tmp_path / "c.yaml", command="resnet-cifar")
    assert getattr(options, name) == value


words = st.one_of(
    st.sampled_from(
        [word for word in SCALARS if word] + ["~", "~/x", "<<", "- a", "a: b", "#", "?"]
    ),
    st.text(st.characters(exclude_characters="\0"), min_size=1),
)
places = st.one_of(
    words, st.binary(min_size=1).filter(lambda name: 0 not in name).map(os.fsdecode)
).map(Path)
reals = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
maybe_place = st.none() | places


@st.composite
def trains(draw: Any) -> Options:
    values = {
        "data_dir": draw(maybe_place),
        "lr": draw(positive),
        "separation": draw(st.none() | positive),
        "sin_frequency": draw(st.just("period") | reals),
        "target_value": draw(reals),
        "seed": draw(st.integers(0, 2**63 - 1)),
        "dynamic_lr": draw(st.booleans()),
        "data": draw(st.sampled_from(["digits", "sin", "constant", "mnist"])),
    }
    return effective(TrainOptions.model_validate(values))


some_options = st.one_of(
    trains(),
    st.builds(
        ResnetCifarOptions,
        data_dir=maybe_place,
        amp=st.sampled_from(["auto", "off", "bf16"]),
        lr=st.none() | positive,
        flip=st.booleans(),
    ),
    st.builds(CurvefitOptions, sources=st.lists(places, min_size=1), tag=words, out=places),
    st.builds(WeightsOptions, sources=st.lists(places, min_size=1), ext=st.none() | words),
    st.builds(ExportOptions, sources=st.lists(places, min_size=1), out=places),
    st.builds(RenderOptions, sources=st.lists(places), span=positive),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(options=some_options)
def test_what_is_printed_reads_back_to_the_same_options(tmp_path: Path, options: Options) -> None:
    (tmp_path / "c.yaml").write_text(to_yaml(options), encoding="utf-8")
    assert resolve(type(options), {}, tmp_path / "c.yaml", command="x") == options


@given(content=st.dictionaries(words, st.none() | st.booleans() | st.integers() | reals | words))
def test_what_is_written_is_the_same_by_version_1_1(content: dict[str, Any]) -> None:
    written = yaml12.dump(content)
    assert yaml12.load(written) == yaml.safe_load(written)
