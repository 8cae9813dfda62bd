"""Paths in files: .npy, or text with a point a row."""

import csv
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE
)
# Digits of any script after any sign: what somebody meant as a number.
_MEANT = re.compile(r"[-+\u2010-\u2015\u2212\ufe63\uff0b\uff0d]?[.,]?\d")
_MISSING = {"", "-", "na", "n/a", "nil", "none", "null", "?", "."}


def read(file: Path) -> npt.NDArray[Any]:
    """The array in a file with the suffix .npy, .csv (commas) or .txt (blanks).

    The first row of a text is a header, and left out, if no cell of it is meant as a number.
    Empty lines and what follows a # are left out too. Raises ``ValueError`` with the number of the
    line for anything else that is no row of numbers.
    """
    if not file.exists():
        raise ValueError(f"{file}: no such file")
    suffix = file.suffix.lower()
    try:
        if suffix == ".npy":
            array: npt.NDArray[Any] = np.load(file, allow_pickle=False)
            return array
        if suffix in (".csv", ".txt"):
            return _read_text(file, "," if suffix == ".csv" else None)
    except (EOFError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from None
    raise ValueError(f"{file}: the suffix must be .npy, .csv or .txt")


def _read_text(file: Path, delimiter: str | None) -> npt.NDArray[np.float64]:
    lines = _lines(file)
    header = _header(lines, delimiter)
    try:
        with warnings.catch_warnings(action="error"):
            # Nothing but a warning tells of a file without numbers.
            return np.loadtxt(
                lines[header:],
                delimiter=delimiter,
                quotechar='"' if delimiter else None,
                ndmin=2,
                dtype=np.float64,
            )
    except UserWarning:
        raise ValueError("there are no rows of numbers") from None
    except ValueError as error:
        raise ValueError(_fault(lines, header, delimiter) or str(error)) from None


def _lines(file: Path) -> list[str]:
    data = file.read_bytes()
    try:
        # A byte order mark is no part of the first cell.
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is no UTF-8 text") from None


def _header(lines: list[str], delimiter: str | None) -> int:
    """How many lines to leave out: those up to the header, if there is one."""
    for index, line in enumerate(lines):
        cells = _cells(line, delimiter)
        if cells:
            named = any(cell.lower() not in _MISSING for cell in cells)
            return index + 1 if named and not any(map(_is_meant, cells)) else index
    return 0


def _is_meant(cell: str) -> bool:
    return _MEANT.match(cell) is not None or _NUMBER.fullmatch(cell) is not None


def _cells(line: str, delimiter: str | None) -> list[str]:
    content = line.partition("#")[0]
    if delimiter is None:
        return content.split()
    if not content.strip():
        return []
    return [cell.strip() for row in csv.reader([content], delimiter=delimiter) for cell in row]


def _fault(lines: list[str], header: int, delimiter: str | None) -> str | None:
    """What is wrong with the first line that is no row of numbers."""
    width, first = 0, 0
    for number, line in enumerate(lines[header:], header + 1):
        cells = _cells(line, delimiter)
        if not cells:
            continue
        for column, cell in enumerate(cells, 1):
            if not _NUMBER.fullmatch(cell):
                what = f"{cell!r} is not a number" if cell else "there is nothing"
                return f"line {number}, column {column}: {what}"
        width, first = width or len(cells), first or number
        if len(cells) != width:
            return f"line {number} has {len(cells)} columns, line {first} has {width}"
    return None
