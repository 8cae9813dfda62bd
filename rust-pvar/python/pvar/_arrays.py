"""Anything a user may call a path -> a contiguous array of floats, or one clear error.

Every number is taken exactly or refused: what no double holds is never rounded, and what a mask
hides is never used.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pvar._tensors import is_tensor, read_tensor

Floats = npt.NDArray[np.float64] | npt.NDArray[np.float32]
Array = npt.NDArray[Any]
Index = tuple[int, ...]

_NO_PATHS = (str, bytes, bytearray, dict, set, frozenset)
_WHOLE = 2**53  # doubles hold every integer up to here


def as_path(path: Any) -> Floats:
    """One path as a C-contiguous float array of shape (n, d) or (n,)."""
    array = as_floats(path)
    if array.ndim not in (1, 2):
        raise ValueError(
            f"a path has shape (n, d) or (n,), got {array.ndim} dimensions: shape {array.shape}"
        )
    return array


def as_matrix(matrix: Any) -> Floats:
    """What is known of all pairs of points as a C-contiguous float array of shape (n, n)."""
    array = as_floats(matrix)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ValueError(f"a matrix of all pairs of points is square, got shape {array.shape}")
    return array


def as_floats(numbers: Any) -> Floats:
    """Numbers of any shape, C-contiguous: float32 if their type fits into it, else float64."""
    array = _floats(numbers, ())
    if array.ndim == 0:
        raise TypeError(f"a path is an array or a sequence of points, got {_type(numbers)}")
    return array


def stack(parts: Sequence[Any], axis: int = 0) -> Floats:
    """Floats of equal shape side by side, in double precision if one part is."""
    stacked: Floats = np.stack(parts, axis=axis)
    return stacked


def _floats(numbers: Any, at: Index) -> Floats:
    """The numbers at index ``at`` of the path."""
    if isinstance(numbers, np.ma.MaskedArray):
        return _exact(_unmasked(numbers, at), at)
    if numbers is None or isinstance(numbers, _NO_PATHS):
        raise TypeError(f"a path is an array or a sequence of points, got {_type(numbers)}")
    if is_tensor(numbers):
        return _exact(read_tensor(numbers), at)
    if isinstance(numbers, (list, tuple)):
        return _from_rows(numbers, at)
    if hasattr(numbers, "iloc") and getattr(numbers, "ndim", 1) == 2 and numbers.shape[1]:
        return _from_table(numbers, at)
    if not _is_array(numbers) and hasattr(numbers, "__iter__"):
        return _from_rows(list(numbers), at)
    array = np.asarray(numbers)
    if array.ndim == 0 and array.dtype.kind == "O":
        raise TypeError(f"a path is an array or a sequence of points, got {_type(numbers)}")
    return _exact(array, at)


def _is_array(value: Any) -> bool:
    return isinstance(value, memoryview) or any(
        hasattr(value, name) for name in ("__array__", "__array_interface__")
    )


def _unmasked(array: Any, at: Index) -> Array:
    mask = np.ma.getmaskarray(array)
    if mask.dtype.names is None and mask.any():
        place = _place(at + _first(mask))
        raise ValueError(f"{place} of the path is masked; fill or drop masked entries")
    return np.asarray(array.data)


def _from_table(table: Any, at: Index) -> Floats:
    """A data frame, whose columns have types of their own: one array of all might round some."""
    columns = []
    for k in range(table.shape[1]):
        try:
            columns.append(_floats(table.iloc[:, k], at))
        except (TypeError, ValueError) as error:
            raise type(error)(f"column {k}: {error}") from None
    return stack(columns, axis=1)


def _from_rows(rows: list[Any] | tuple[Any, ...], at: Index) -> Floats:
    """A sequence of numbers, or of rows that may be arrays or tensors themselves."""
    if not at:
        _check_lengths(rows)
    array = _at_once(rows)
    if array is not None:
        return _exact(array, at)
    if not any(map(_has_entries, rows)):
        entries = np.empty(len(rows), dtype=object)
        entries[:] = rows
        return _exact(entries, at)
    parts = [_floats(row, (*at, index)) for index, row in enumerate(rows)]
    for index, part in enumerate(parts):
        if part.shape != parts[0].shape:
            first, place = _place((*at, 0)), _place((*at, index))
            raise ValueError(f"{place} has shape {part.shape}, {first} has {parts[0].shape}")
    return stack(parts)


def _at_once(rows: list[Any] | tuple[Any, ...]) -> Array | None:
    """What NumPy makes of rows by itself, where that is quick and exact."""
    if not set(map(type, rows)) <= {list, tuple, float, int, bool, np.ndarray}:
        return None
    try:
        array = np.asarray(rows)
    except (RuntimeError, TypeError, ValueError, Warning):
        return None
    if array.dtype.kind in "iub":
        return array
    # An integer that was rounded is large, and a masked entry has become NaN.
    small = array.dtype in (np.float64, np.float32) and (np.abs(array) < _WHOLE).all()
    return array if small else None


def _has_entries(value: Any) -> bool:
    if isinstance(value, (np.generic, *_NO_PATHS)):
        return False
    return hasattr(value, "__iter__") or is_tensor(value) or _is_array(value)


def _check_lengths(rows: list[Any] | tuple[Any, ...]) -> None:
    """Name the first row whose length differs from that of row 0."""
    lengths = [_length(row) for row in rows]
    for index, length in enumerate(lengths):
        if length != lengths[0]:
            raise ValueError(
                f"row {index} has {_entries(length)}, row 0 has {_entries(lengths[0])}"
            )


def _length(row: Any) -> int | None:
    if not hasattr(row, "__len__") or getattr(row, "ndim", 1) == 0 or isinstance(row, _NO_PATHS):
        return None
    return len(row)


def _entries(length: int | None) -> str:
    if length is None:
        return "no entries (it is a number)"
    return f"{length} entr{'y' if length == 1 else 'ies'}"


def _exact(array: Array, at: Index) -> Floats:
    """The numbers of an array as floats that equal them."""
    kind, names = array.dtype.kind, array.dtype.names
    if kind == "c":
        raise ValueError(f"the path is complex ({array.dtype}); stack real and imaginary parts")
    if kind == "O":
        return _from_objects(array, at)
    if names is not None:
        raise TypeError(f"the path has fields ({', '.join(names)}), not columns; stack them")
    if kind == "V" and array.dtype.type is not np.void:  # bfloat16 and its like, of ml_dtypes
        return np.asarray(array, dtype=np.float32, order="C")
    if kind not in "fiub":
        raise TypeError(f"the path holds {array.dtype}, not numbers")
    if kind == "f" and array.dtype.itemsize <= 4:
        return np.asarray(array, dtype=np.float32, order="C")
    return _doubles(array, at)


def _doubles(array: Array, at: Index) -> Floats:
    with np.errstate(over="ignore"):
        doubles = np.asarray(array, dtype=np.float64, order="C")
    if array.dtype.itemsize < 8 or (array.dtype.kind == "f" and array.dtype.itemsize == 8):
        return doubles
    if array.dtype.kind == "f":
        changed = (doubles != array) & ~np.isnan(array)
    else:
        changed = np.abs(doubles) >= _WHOLE
        if changed.any():
            # Python compares an integer with a float exactly; NumPy would round it first.
            changed = np.asarray(doubles.astype(object) != array.astype(object))
    if changed.any():
        where = _first(changed)
        raise ValueError(_inexact(at + where, array[where]))
    return doubles


def _from_objects(array: Array, at: Index) -> Floats:
    doubles = np.empty(array.shape)
    for where, entry in np.ndenumerate(array):
        if isinstance(entry, (complex, np.complexfloating)):
            raise ValueError("the path is complex; stack real and imaginary parts")
        if not isinstance(entry, (int, float, np.integer, np.floating, np.bool_)):
            raise ValueError(
                f"{_place(at + where)} of the path is {_shown(entry)}, no integer or float"
            )
        number = int(entry) if isinstance(entry, np.integer) else entry
        try:
            value = float(number)
        except OverflowError:
            raise ValueError(_inexact(at + where, entry)) from None
        if value != number and number == number:
            raise ValueError(_inexact(at + where, entry))
        doubles[where] = value
    return doubles


def _first(wrong: npt.NDArray[np.bool_]) -> Index:
    return tuple(np.argwhere(wrong)[0].tolist())


def _inexact(where: Index, entry: Any) -> str:
    return f"{_place(where)} of the path is {_shown(entry)}, which no double holds; round it first"


def _place(where: Index) -> str:
    names = ("row", "column") if len(where) < 3 else ("path", "row", "column")
    return ", ".join(f"{name} {index}" for name, index in zip(names, where, strict=False))


def _shown(entry: Any) -> str:
    line = str(entry) if isinstance(entry, np.generic) else repr(entry)
    return line if len(line) <= 60 and "\n" not in line else f"a value of type {_type(entry)}"


def _type(value: Any) -> str:
    return type(value).__name__
