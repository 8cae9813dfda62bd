"""Options in YAML: every scalar is a word, and what is printed reads back."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resdepth.cli.console import line
from resdepth.errors import Usage
from resdepth.options.base import Options
from resdepth.options.curvefit import CurvefitOptions
from resdepth.options.data import Constant, Digits, Mnist, Sin
from resdepth.options.export import ExportOptions
from resdepth.options.landscape import RenderOptions
from resdepth.options.paths import WeightsOptions
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.resolve import resolve, to_yaml
from resdepth.options.train import TrainOptions

WORDS = [
    "off", "yes", "y", "true", "null", "Null", "~", "10", "010", "0o10", "0x1F", "1_000", "1:30",
    "1e3", "1.", ".5", ".inf", "2020-01-01", "=", "<<", "12:30:45.5",
]  # fmt: skip
"""Words that versions of YAML read as something else."""


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
        ("depth: 3\n\twidth: 4", "line 2: found character '\\t' that cannot start any token"),
        ("---\ndepth: 3\n---\nwidth: 4", "line 3: expected a single document in the stream, but"),
        ("base: &b {depth: 3}\n<<: *b", "unknown option 'base'"),
        ("<<: {depth: 3}", "merge keys are not read"),
        ("seed: 1:30", "seed: should be a whole number, not '1:30'"),
        ("lr: 2020-01-01", "--lr: should be a number, not '2020-01-01'"),
        ("depth: !!int 1:30", "--depth: should be a whole number, not '1:30'"),
        ("depth: !!python/object/apply:os.system ['true']", "should be a whole number"),
        ("depth: *nowhere", "line 1: found undefined alias 'nowhere'"),
        ("data: mnist\ndata_dir: ''", "--data-dir: should name a file or folder, not be empty"),
        ('data: mnist\ndata_dir: "a\\0b"', "--data-dir: a path cannot hold a null character"),
        ("lr: &a [*a]", "line 1: found unconstructable recursive node"),
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
        ("limit-train: 1_000", "train_fraction", 1000),
        ("flip: yes", "flip", True),
        ("flip: off", "flip", False),
        ("num_workers: null", "num_workers", None),
        ('data_dir: "null"', "data_dir", Path("null")),
        ("data_dir: off", "data_dir", Path("off")),
        ("data_dir: 2020-01-01", "data_dir", Path("2020-01-01")),
    ],
)
def test_an_option_of_a_file(tmp_path: Path, text: str, name: str, value: object) -> None:
    (tmp_path / "c.yaml").write_text(text)
    options = resolve(ResnetCifarOptions, {}, tmp_path / "c.yaml", command="resnet-cifar")
    assert getattr(options, name) == value


words = st.one_of(
    st.sampled_from([*WORDS, "~/x", "- a", "a: b", "#", "?"]),
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
        "lr": draw(positive),
        "seed": draw(st.integers(0, 2**63 - 1)),
        "dynamic_lr": draw(st.booleans()),
    }
    data = st.one_of(
        st.builds(Digits),
        st.builds(Mnist, data_dir=maybe_place),
        st.builds(Constant, target_value=reals),
        st.builds(Sin, separation=st.none() | positive, sin_frequency=st.just("period") | reals),
    )
    return TrainOptions(data=draw(data), **values)


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
