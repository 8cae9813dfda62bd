"""Anything a user may call a path -> a contiguous array of floats, or one clear error."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64] | npt.NDArray[np.float32]


def as_path(path: Any) -> Floats:
    """One path as a C-contiguous float array of shape (n, d) or (n,)."""
    array = _as_floats(path)
    if array.ndim not in (1, 2):
        raise ValueError(
            f"a path has shape (n, d) or (n,), got {array.ndim} dimensions: shape {array.shape}"
        )
    return array


def as_paths(paths: Any) -> Floats:
    """A batch of paths as a C-contiguous float array of shape (B, n, d)."""
    return _as_floats(paths)


def _as_floats(path: Any) -> Floats:
    array = _as_array(path)
    if array.dtype.kind == "c":
        raise ValueError(f"the path is complex ({array.dtype}); stack real and imaginary parts")
    if array.dtype.kind == "O":
        raise ValueError(_not_a_number(array))
    if array.dtype.kind not in "fiub":
        raise TypeError(f"the path holds {array.dtype}, not numbers")
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    if single:
        return np.ascontiguousarray(array, dtype=np.float32)
    return np.ascontiguousarray(array, dtype=np.float64)


def _as_array(path: Any) -> npt.NDArray[Any]:
    if isinstance(path, np.ndarray):
        return path
    if path is None or isinstance(path, (str, bytes, dict, set)):
        raise TypeError(f"a path is an array or a sequence of points, got {type(path).__name__}")
    if hasattr(path, "detach"):  # a torch tensor, which may carry a gradient
        path = path.detach()
        if not isinstance(path, (list, tuple)) and getattr(path, "is_cuda", False):
            raise TypeError("the tensor lies on a device; call .cpu() first")
    if isinstance(path, (list, tuple)):
        _check_rows(path)
    elif not hasattr(path, "__array__") and hasattr(path, "__dlpack__"):
        return np.from_dlpack(path)
    elif not hasattr(path, "__array__") and hasattr(path, "__iter__"):
        return _as_array(list(path))
    array = np.asarray(path)
    if array.ndim == 0:
        raise TypeError(f"a path is an array or a sequence of points, got {type(path).__name__}")
    return array


def _check_rows(rows: list[Any] | tuple[Any, ...]) -> None:
    """Name the first row whose length differs from that of row 0."""
    lengths = [len(row) if hasattr(row, "__len__") else None for row in rows]
    for index, length in enumerate(lengths):
        if length != lengths[0]:
            raise ValueError(
                f"row {index} has {_entries(length)}, row 0 has {_entries(lengths[0])}"
            )


def _entries(length: int | None) -> str:
    if length is None:
        return "no entries (it is a number)"
    return f"{length} entr{'y' if length == 1 else 'ies'}"


def _not_a_number(array: npt.NDArray[Any]) -> str:
    for index, entry in np.ndenumerate(array):
        if not isinstance(entry, (int, float)):
            where = f"row {index[0]}" + (f", column {index[1]}" if len(index) > 1 else "")
            return f"{where} of the path is {entry!r}, not a number"
    return "the path holds Python objects; convert it to float64"
