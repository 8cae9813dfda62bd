"""Read the tensors of one file, whichever program wrote it."""

from collections.abc import Callable
from pathlib import Path

from resdepth.contents import identify
from resdepth.errors import no_models, no_such, unreadable
from resdepth.runs.sealed import ChecksumWrong
from resdepth.weights.header import read_header
from resdepth.weights.loading import damaged
from resdepth.weights.npz import read_npz
from resdepth.weights.pickled import read_pickled
from resdepth.weights.tensor import Stored

Tensors = dict[str, Stored]
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

    Raises Missing or System if it does not exist, is another kind of file, or cannot be read;
    Corrupt or Unsafe if it is damaged or asks to run code, with what the file looks like.
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
