"""The arrays of a `.npz` by name, each a stream that is read from its beginning to its end."""

import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from resdepth.contents import UNREADABLE
from resdepth.weights.loading import NUMPY, NotLoaded, check_archive, not_loaded
from resdepth.weights.tensor import CHUNK, Array, Changed, Numbers, Stored


def read_arrays(path: Path) -> dict[str, Stored]:
    """The arrays of a `.npz` by name, by their headers alone; every checksum is looked at.

    Raises
    ------
    NotLoaded
        It is no whole `.npz`, or holds Python objects.
    """
    if not check_archive(path):
        raise not_loaded(path, NUMPY, ValueError("no archive"))
    found: dict[str, Stored] = {}
    try:
        # Open as long as an array of it is there: all streams share one descriptor.
        archive = zipfile.ZipFile(path)
        for member in archive.namelist():
            if not member.endswith(".npy"):
                raise NotLoaded(f"it holds '{member}' beside arrays")
            name = member.removesuffix(".npy")
            if name in found:
                raise NotLoaded(f"two of its arrays are called '{name}'")
            found[name] = _stored(path, archive, member, name)
    except NotLoaded:
        raise
    except UNREADABLE as error:
        raise not_loaded(path, NUMPY, error) from None
    return found


def _stored(path: Path, archive: zipfile.ZipFile, member: str, name: str) -> Stored:
    with archive.open(member) as stream:
        shape, fortran, dtype = _header(stream)
    if dtype.hasobject:
        raise NotLoaded(f"its array '{name}' holds Python objects, not numbers")
    expected = prod(shape) * dtype.itemsize
    if (there := archive.getinfo(member).file_size) < expected:
        raise NotLoaded(f"its array '{name}' takes {expected} bytes, of which {there} are there")
    numbers: Numbers | None = None
    if dtype.kind == "f" and dtype.itemsize <= 8:
        numbers = _Columns(archive, member) if fortran else _Rows(archive, member, dtype)
    return Stored(name, path, shape, dtype.name, numbers)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, "np.dtype[np.generic]"]:
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    return shape, fortran and len(shape) > 1, dtype


@dataclass
class _Rows:
    """Numbers that lie row by row; the stream goes on where the last reading ended."""

    archive: zipfile.ZipFile
    member: str
    dtype: "np.dtype[np.generic]"
    stream: IO[bytes] | None = None
    at: int = 0

    def __call__(self, start: int, stop: int) -> Array:
        if self.stream is None or start < self.at:
            self.stream, self.at = self.archive.open(self.member), 0
            _header(self.stream)
        while self.at < start:
            self._next(self.stream, min(CHUNK, start - self.at))
        found = np.frombuffer(self._next(self.stream, stop - start), self.dtype)
        return found.astype(np.float64)

    def _next(self, stream: IO[bytes], count: int) -> bytes:
        try:
            raw = stream.read(count * self.dtype.itemsize)
        except UNREADABLE as error:
            raise Changed(str(error)) from None
        if len(raw) != count * self.dtype.itemsize:
            raise Changed("the archive ends before its numbers do")
        self.at += count
        return raw


@dataclass
class _Columns:
    """Numbers that lie column by column, as Fortran has them: read whole each time."""

    archive: zipfile.ZipFile
    member: str

    def __call__(self, start: int, stop: int) -> Array:
        with self.archive.open(self.member) as stream:
            whole = npy.read_array(stream, allow_pickle=False)
        return whole.reshape(-1)[start:stop].astype(np.float64)
