"""Load files of other programs without running anything in them.

Pickles are read with `weights_only=True`, and every checksum of a zip archive is verified.
"""

import json
import pickle
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import torch

from resdepth.contents import UNREADABLE, identify
from resdepth.errors import Corrupt, Impossible, Unsafe
from resdepth.runs.checkpoint import EARLIER
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.runs.checksum import check_zip
from resdepth.runs.manifest import NAME as MANIFEST

T = TypeVar("T")
WRITERS = {"PyTorch": "torch.save", "a safetensors file": "safetensors", "numpy": "numpy.savez"}
"""The writer of each kind of file, as `seen` calls it."""


def damaged(path: Path, reason: object, remedy: str = "") -> Corrupt:
    """The error for a damaged file; what to do depends on whether it lies in a run."""
    folder = path.resolve().parent
    if (folder.parent / MANIFEST).is_file():
        remedy = EARLIER if folder.name == CHECKPOINTS else "export the run again"
    remedy = remedy or "check it with the program that wrote it, or leave it out"
    return Corrupt(path, reason, remedy)


def not_loaded(path: Path, kind: str, error: Exception) -> Corrupt:
    """The error for a file that should be of `kind`: what it looks like, or why it fails."""
    found = identify(path)
    what = found.what
    if kind in what and not found.remedy:
        text = str(error).strip().partition("\n")[0][:80]
        what += f" that cannot be read ({type(error).__name__}: {text})"
    elif not found.remedy:
        what += f", not what {WRITERS[kind]} writes"
    return damaged(path, what, found.remedy)


def load_torch(path: Path) -> object:
    """Load what `torch.save` wrote; tensors of a zip archive are views of the mapped file.

    Raises Corrupt if it is damaged or another file, Unsafe if the pickle asks for code.
    """
    archive = check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # torch maps only files whose path is valid text.
            text = path.as_posix().encode(errors="ignore").decode() == path.as_posix()
            return torch.load(path, map_location="cpu", weights_only=True, mmap=archive and text)
    except pickle.UnpicklingError as error:
        code = re.search(r"(?:GLOBAL|global|class)[:\s]+([\w]+\.[\w.]*\w)", str(error))
        if code is None:
            raise not_loaded(path, "PyTorch", error) from None
        reason = f"refused: the pickle asks for {code[1]}, which is code"
        remedy = "only plain tensors are read; convert the file on a machine where you trust it"
        raise Unsafe(path, reason, remedy) from None
    except (OSError, MemoryError):
        raise
    except Exception as error:  # A damaged pickle can raise anything.
        raise not_loaded(path, "PyTorch", error) from None


def check_archive(path: Path) -> bool:
    """Whether `path` is a zip archive; Corrupt if a checksum is wrong, which its readers ignore."""
    try:
        if archive := zipfile.is_zipfile(path):
            check_zip(path)
    except UNREADABLE:
        found = identify(path)
        raise damaged(path, found.what, found.remedy) from None
    return archive


def unique_json(path: Path, text: bytes, what: str) -> Any:
    """The value of the JSON `text`, called `what`; Corrupt if it is invalid or has a key twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise damaged(path, f"{what} names '{twice}' twice")
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0][:80] or type(error).__name__
        raise damaged(path, f"{what} is not valid JSON ({reason})") from None


def surviving(attempts: Iterable[Callable[[], T]]) -> list[T]:
    """The results of all attempts; failures are left out with a warning, unless all fail."""
    found: list[T] = []
    bad: list[Corrupt | Impossible | Unsafe] = []
    for attempt in attempts:
        try:
            found.append(attempt())
        except (Corrupt, Impossible, Unsafe) as error:
            bad.append(error)
    if bad and not found:
        raise bad[0]
    for problem in bad:
        warnings.warn(f"{problem}; left out", stacklevel=3)
    return found
