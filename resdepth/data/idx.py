"""MNIST's IDX files: a header of sizes and then bytes, as they are or gzipped."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BYTES = 0x08
"""The code of unsigned bytes in the third byte of the header."""


def idx_file(path: Path) -> Path | None:
    """The file `path`, else `path`.gz beside it; None where there is neither."""
    packed = path.with_name(f"{path.name}.gz")
    return next((file for file in (path, packed) if file.is_file()), None)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in `path`, unpacked first where the name ends in .gz.

    Raises
    ------
    OSError, ValueError
        The file cannot be read, is no IDX file of bytes, or is not as long as it says.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path.name}: not a whole .gz file: {error}") from None
    start = 4 + 4 * content[3] if len(content) >= 4 else 4
    if len(content) < start or content[:3] != bytes((0, 0, BYTES)):
        raise ValueError(f"{path.name}: not an IDX file of bytes")
    shape = tuple(np.frombuffer(content[4:start], dtype=">u4").tolist())
    if len(content) - start != math.prod(shape):
        wanted = " x ".join(str(size) for size in shape)
        raise ValueError(f"{path.name}: {len(content) - start} bytes, not the {wanted} it claims")
    # A copy, since what torch shares must be writable.
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()
