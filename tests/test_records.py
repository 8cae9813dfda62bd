"""Tables as strict JSON."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from resdepth.records import as_json, plain, write_numbers


@dataclass(frozen=True)
class Table:
    path: Path
    values: np.ndarray
    nested: tuple[object, ...]


def test_floats_are_exact() -> None:
    values = np.random.default_rng(0).standard_normal(100) * 10.0 ** np.arange(-50, 50)
    assert json.loads(as_json({"x": values}))["x"] == values.tolist()


def test_dataclasses_arrays_and_paths() -> None:
    table = Table(Path("a/b"), np.eye(2), (np.float32(0.5), np.int64(3), np.bool_(True), None))
    found = {"path": "a/b", "values": [[1.0, 0.0], [0.0, 1.0]], "nested": [0.5, 3, True, None]}
    assert plain(table) == found


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float32("nan")])
def test_nan_and_infinity_are_null(value: float) -> None:
    assert json.loads(as_json([value, np.array([value, 1.0])])) == [None, [None, 1.0]]


def test_numbers_are_written_where_asked(tmp_path: Path) -> None:
    path = write_numbers(tmp_path / "new" / "x.json", {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}
