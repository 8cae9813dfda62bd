"""One file of tensors by its extension, whoever wrote it."""

from collections.abc import Callable
from pathlib import Path

from resdepth.contents import seen
from resdepth.errors import FileChanged, FileCorrupt, ModelsMissing, PathMissing, unreadable
from resdepth.runs.sealed import ChecksumWrong
from resdepth.weights.arrays import read_arrays
from resdepth.weights.header import read_header
from resdepth.weights.loading import NotLoaded
from resdepth.weights.pickled import read_pickled
from resdepth.weights.tensor import Stored

READERS: dict[str, Callable[[Path], dict[str, Stored]]] = {
    ".safetensors": read_header,
    ".pth": read_pickled,
    ".pt": read_pickled,
    ".ckpt": read_pickled,
    ".bin": read_pickled,
    ".npz": read_arrays,
}
"""Readers by extension, in the order in which a folder's kinds are preferred."""
ELSE = "see to it with the program that wrote the file"


def read_file(path: Path) -> dict[str, Stored]:
    """The tensors in one file by name; their numbers are read when they are asked for.

    Raises
    ------
    PathMissing, Unreadable
        It is not there, or the system does not let it be read.
    ModelsMissing, FileCorrupt, FileUnsafe
        It is no file of tensors, no whole one, or asks to run code; the message says what was seen.
    """
    reader = READERS.get(path.suffix.lower())
    try:
        if reader is None:
            raise ModelsMissing(path=path, detail=f": it is {seen(path).what}")
        return reader(path)
    except NotLoaded as error:
        remedy = error.remedy or ELSE
        raise FileCorrupt(path=path, reason=error.reason, remedy=remedy) from None
    except ChecksumWrong as error:
        raise FileChanged(path=path, reason=str(error), remedy=ELSE) from None
    except FileNotFoundError:
        raise PathMissing(path=path, kind="file") from None
    except MemoryError:
        reason = "it claims more than the memory"
        raise FileCorrupt(path=path, reason=reason, remedy=ELSE) from None
    except OSError as error:
        raise unreadable(path, error) from None
