"""Read the arrays of a `.npz` file by name."""

import zipfile
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

from numpy import float64
from numpy.lib import format as npy

from resdepth.contents import UNREADABLE
from resdepth.weights.loading import check_archive, damaged, not_loaded
from resdepth.weights.tensor import Array, Changed, Stored


def read_npz(path: Path) -> dict[str, Stored]:
    """The arrays of a `.npz` by name, from their headers; every checksum is verified.

    An array cannot be read in part: the last one that was read is kept.

    Raises Corrupt if the file is damaged or holds Python objects.
    """
    if not check_archive(path):
        raise not_loaded(path, "numpy", ValueError("no archive"))
    found: dict[str, Stored] = {}
    try:
        # It stays open as long as one of its arrays exists.
        archive = zipfile.ZipFile(path)
        for member in archive.namelist():
            if not member.endswith(".npy"):
                raise damaged(path, f"it holds '{member}', which is not an array")
            name = member.removesuffix(".npy")
            if name in found:
                raise damaged(path, f"two of its arrays are called '{name}'")
            shape, dtype = _header(archive, member)
            if dtype.hasobject:
                raise damaged(path, f"its array '{name}' holds Python objects, not numbers")
            expected, there = prod(shape) * dtype.itemsize, archive.getinfo(member).file_size
            if there < expected:
                raise damaged(
                    path, f"its array '{name}' takes {expected} bytes, and {there} are there"
                )
            real = dtype.kind == "f" and dtype.itemsize <= 8
            numbers = partial(_read, archive, member) if real else None
            found[name] = Stored(name, path, shape, dtype.name, numbers)
    except UNREADABLE as error:
        raise not_loaded(path, "numpy", error) from None
    return found


def _header(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], Any]:
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    return shape, dtype


def _read(archive: zipfile.ZipFile, member: str, start: int, stop: int) -> Array:
    found: Array = _flat(archive, member)[start:stop].astype(float64)
    return found


@lru_cache(maxsize=1)
def _flat(archive: zipfile.ZipFile, member: str) -> Any:
    try:
        with archive.open(member) as stream:
            return npy.read_array(stream, allow_pickle=False).reshape(-1)
    except UNREADABLE as error:
        raise Changed(str(error)) from None
