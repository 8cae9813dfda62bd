"""Read the tensors of one file, whichever program wrote it; arrays of `.npz` files here."""

import zipfile
from collections.abc import Callable
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

from numpy import float64
from numpy.lib import format as npy

from resdepth.contents import UNREADABLE, identify
from resdepth.errors import no_models, no_such, unreadable
from resdepth.runs.sealed import ChecksumWrong
from resdepth.weights.header import read_header
from resdepth.weights.loading import check_archive, damaged, not_loaded
from resdepth.weights.pickled import read_pickled
from resdepth.weights.tensor import Array, Stored, Tensors


def read_npz(path: Path) -> Tensors:
    """The arrays of a `.npz` by name, from their headers; every checksum is verified.

    An array cannot be read in part: the last one that was read is kept.
    """
    if not check_archive(path):
        raise not_loaded(path, "numpy", ValueError("no archive"))
    found: Tensors = {}
    try:
        # It stays open as long as one of its arrays exists.
        archive = zipfile.ZipFile(path)
        for member in archive.namelist():
            if not member.endswith(".npy"):
                raise damaged(path, f"it holds '{member}', which is not an array")
            name = member.removesuffix(".npy")
            if name in found:
                raise damaged(path, f"two of its arrays are called '{name}'")
            with archive.open(member) as stream:
                first = npy.read_magic(stream) == (1, 0)
                read = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
                shape, _, dtype = read(stream)
            if dtype.hasobject:
                raise damaged(path, f"its array '{name}' holds Python objects, not numbers")
            size, there = prod(shape) * dtype.itemsize, archive.getinfo(member).file_size
            if there < size:
                raise damaged(path, f"its array '{name}' takes {size} bytes, and {there} are there")
            real = dtype.kind == "f" and dtype.itemsize <= 8
            numbers = partial(_numbers, archive, member) if real else None
            found[name] = Stored(name, path, shape, dtype.name, numbers)
    except UNREADABLE as error:
        raise not_loaded(path, "numpy", error) from None
    return found


def _numbers(archive: zipfile.ZipFile, member: str, start: int, stop: int) -> Array:
    found: Array = _flat(archive, member)[start:stop].astype(float64)
    return found


@lru_cache(maxsize=1)
def _flat(archive: zipfile.ZipFile, member: str) -> Any:
    with archive.open(member) as stream:
        return npy.read_array(stream, allow_pickle=False).reshape(-1)


READERS: dict[str, Callable[[Path], Tensors]] = {
    ".safetensors": read_header,
    ".pth": read_pickled,
    ".pt": read_pickled,
    ".npz": read_npz,
    ".ckpt": read_pickled,
    ".bin": read_pickled,
}


def read_file(path: Path) -> Tensors:
    """The tensors in one file by name; their numbers are read on request.

    Raises Missing or System if it cannot be read or is of another kind; Corrupt or Unsafe if it is
    damaged or asks to run code.
    """
    reader = READERS.get(path.suffix.lower())
    try:
        if reader is None:
            raise no_models(path, f": it is {identify(path).what}")
        return reader(path)
    except ChecksumWrong as error:
        raise damaged(path, error) from None
    except FileNotFoundError:
        raise no_such(path, "file") from None
    except MemoryError:
        raise damaged(path, "it claims more than the memory") from None
    except OSError as error:
        raise unreadable(path, error) from None
