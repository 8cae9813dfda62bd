"""Decoded images kept in the user's cache folder, so that a second run starts at once.

Where the cache cannot be written it is left out: that costs time, not correctness.
"""

import contextlib
import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np

from resdepth.data.place import cache_folder

RULES = 2
"""Goes up when images are decoded or chosen in another way: older caches are not used then."""


def cache_path(stamp: str) -> Path:
    """Where what was decoded of a source with this stamp is kept."""
    # Names of files may hold bytes that are no UTF-8.
    content = f"{RULES} {stamp}".encode("utf-8", "surrogateescape")
    return cache_folder() / "folder" / f"{hashlib.sha256(content).hexdigest()[:32]}.npz"


def read_cache(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays kept in `path`; None where there are none, or none that are whole."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def write_cache(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Keep `arrays` in `path` if that can be done."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
