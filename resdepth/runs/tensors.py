"""safetensors files opened whatever their path is made of."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import safe_open


@contextmanager
def open_tensors(path: Path) -> Iterator[Any]:
    """`safe_open` of torch tensors on the CPU; it takes no path that is not UTF-8 by itself.

    Raises
    ------
    SafetensorError, OSError
        It is no safetensors file, or cannot be read.
    """
    with path.open("rb") as stream:
        try:
            name = path.as_posix().encode().decode()
        except UnicodeEncodeError:
            name = f"/dev/fd/{stream.fileno()}"
        with safe_open(name, framework="pt") as archive:
            yield archive
