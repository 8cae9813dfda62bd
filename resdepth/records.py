"""The numbers behind a picture: any table as JSON, and as a file beside the picture."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.atomic import write_text


def plain(value: Any) -> Any:
    """Dictionaries, lists, numbers and words; what is not a finite number is None (JSON's null)."""
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
    """The numbers of a table as strict JSON; every float is written with all its digits."""
    return json.dumps(plain(numbers), indent=indent, allow_nan=False)


def with_provenance(numbers: Any, provenance: Any) -> Any:
    """The numbers of a table with their provenance under that key; each entry of a list has it."""
    table = plain(numbers)
    if isinstance(table, list):
        return [with_provenance(entry, provenance) for entry in table]
    return table | {"provenance": plain(provenance)}


def write_numbers(path: Path, numbers: Any, provenance: Any = None) -> Path:
    """Write the numbers of a table whole, with a `Provenance` if given, and return where."""
    table = numbers if provenance is None else with_provenance(numbers, provenance)
    write_text(path, as_json(table) + "\n")
    return path
