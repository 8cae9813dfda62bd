"""Several values, as they are spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resdepth.errors import Usage
from resdepth.studies.ranges import spelled_out
from tests.support.messages import refused


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("16", "16"),
        ("16,32, 64", "16 32 64"),
        ("tanh,relu", "tanh relu"),
        ("0:5", "0 1 2 3 4"),
        ("16:128:16", "16 32 48 64 80 96 112 128"),
        ("16:1024:x2", "16 32 64 128 256 512 1024"),
        ("16:1000:x2", "16 32 64 128 256 512"),
        ("0.5:1:0.25", "0.5 0.75 1"),
        ("0.1:0.3:.1", "0.1 0.2 0.3"),
        ("1:4:x1.5", "1 1.5 2.25 3.375"),
        ("16:64:x2,100", "16 32 64 100"),
        (7, "7"),
        (1e-05, "1e-05"),
    ],
)
def test_values(text: object, values: str) -> None:
    assert spelled_out("--depth", text) == values.split()


@pytest.mark.parametrize(
    "text",
    [
        "5:0",
        "0:0",
        "1:9:0",
        "1:9:-1",
        "1:9:x1",
        "0:9:x2",
        "a:b",
        "1:2:3:4",
        "1:",
        "1:inf",
        "nan:2",
        "0:20000",
        "1:9:xx",
    ],
)
def test_no_range(text: str) -> None:
    with refused(Usage, match="depth: '"):
        spelled_out("--depth", text)


@given(st.integers(-50, 50), st.integers(1, 60))
def test_a_range_is_that_of_python(first: int, count: int) -> None:
    assert spelled_out("--seed", f"{first}:{first + count}") == [
        str(first + k) for k in range(count)
    ]
