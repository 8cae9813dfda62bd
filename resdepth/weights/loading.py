"""Files of torch and numpy loaded with suspicion: nothing that they contain is run.

Pickles are read with `weights_only=True`, and every checksum of a zip archive is looked at. What is
no such file is `NotLoaded`, with what it looks like instead.
"""

import pickle
import re
import warnings
import zipfile
from pathlib import Path

import torch

from resdepth.contents import UNREADABLE, seen
from resdepth.errors import Unsafe
from resdepth.runs.archive import check_zip

TORCH = "torch.save"
NUMPY = "numpy.savez"
SAFETENSORS = "safetensors"
KINDS = {TORCH: "PyTorch", SAFETENSORS: "a safetensors file", NUMPY: "numpy"}
"""What `seen` says of the files of each writer."""


class NotLoaded(ValueError):
    """Why a file was not read, and what may help (empty: nothing is known)."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def load_torch(path: Path) -> object:
    """What `torch.save` wrote; its tensors are views of the mapped file where it is an archive.

    Raises
    ------
    NotLoaded
        It is no such file, or no whole one.
    Unsafe
        The pickle asks for code.
    """
    archive = check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # A path that is no text cannot be mapped.
            mapped = archive and _is_text(path)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        asked = re.search(r"(?:GLOBAL|global|class)[:\s]+([\w]+\.[\w.]*\w)", str(error))
        if asked:
            raise Unsafe(
                path,
                f"refused: the pickle asks for {asked[1]}, which is code",
                "only lists and dictionaries of plain tensors are read; convert the file where you "
                "trust it",
            ) from None
        raise not_loaded(path, TORCH, error) from None
    except (OSError, MemoryError):
        raise
    except Exception as error:  # A damaged pickle raises whatever its parser meets.
        raise not_loaded(path, TORCH, error) from None


def check_archive(path: Path) -> bool:
    """Whether `path` is a zip archive; NotLoaded where one of its checksums does not agree.

    The readers of zip archives do not look at every checksum in them.
    """
    try:
        archive = zipfile.is_zipfile(path)
        if archive:
            check_zip(path)
    except UNREADABLE:
        found = seen(path)
        raise NotLoaded(found.what, found.remedy) from None
    return archive


def not_loaded(path: Path, writer: str, error: Exception) -> NotLoaded:
    """What the file looks like where `writer` should have written it; else why it is not read."""
    found = seen(path)
    what = found.what
    if KINDS[writer] in what and not found.remedy:
        text = str(error).strip().partition("\n")[0][:80]
        what += f" that cannot be read ({type(error).__name__}: {text})"
    elif not found.remedy:
        what += f", not what {writer} writes"
    return NotLoaded(what, found.remedy)


def _is_text(path: Path) -> bool:
    try:
        path.as_posix().encode()
    except UnicodeEncodeError:
        return False
    return True
