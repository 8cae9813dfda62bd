"""Tables of numbers as strict JSON and as CSV."""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.atomic import write_text


def plain(value: Any) -> Any:
    """`value` as dictionaries, lists, numbers and words; NaN and infinity become None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, Path) else value


def as_json(numbers: Any, indent: int | None = 2) -> str:
    """A table as strict JSON; every float has all its digits."""
    return json.dumps(plain(numbers), indent=indent, allow_nan=False)


def as_csv(names: Sequence[str], records: Iterable[Mapping[str, Any]]) -> str:
    """The columns `names` of a table, one line per record; what a record lacks is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(plain, records))
    return stream.getvalue()


def with_provenance(numbers: Any, provenance: Any) -> Any:
    """A table with `provenance` under that key, or a list of tables that each have it."""
    table = plain(numbers)
    if isinstance(table, list):
        return [with_provenance(entry, provenance) for entry in table]
    return table | {"provenance": plain(provenance)}


def write_numbers(path: Path, numbers: Any, provenance: Any = None) -> Path:
    """Write a table, with a `Provenance` if given, to `path` and return `path`."""
    table = numbers if provenance is None else with_provenance(numbers, provenance)
    write_text(path, as_json(table) + "\n")
    return path
