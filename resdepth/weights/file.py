"""One file of tensors by its extension, whoever wrote it."""

from collections.abc import Callable
from pathlib import Path

from resdepth.contents import seen
from resdepth.errors import Corrupt, no_models, no_such, unreadable
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
    Missing, System
        It is not there, or the system does not let it be read.
    Missing, Corrupt, Unsafe
        It is no file of tensors, no whole one, or asks to run code; the message says what was seen.
    """
    reader = READERS.get(path.suffix.lower())
    try:
        if reader is None:
            raise no_models(path, f": it is {seen(path).what}")
        return reader(path)
    except NotLoaded as error:
        remedy = error.remedy or ELSE
        raise Corrupt(path, error.reason, remedy) from None
    except ChecksumWrong as error:
        raise Corrupt(path, str(error), ELSE) from None
    except FileNotFoundError:
        raise no_such(path, "file") from None
    except MemoryError:
        reason = "it claims more than the memory"
        raise Corrupt(path, reason, ELSE) from None
    except OSError as error:
        raise unreadable(path, error) from None
