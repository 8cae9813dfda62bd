"""Load files of other programs without running anything in them.

Pickles are read with `weights_only=True`, every checksum of a zip archive is verified, and the
header of a safetensors file is checked against the format and the file
(https://github.com/huggingface/safetensors#format).
"""

import json
import pickle
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import torch

from resdepth.contents import UNREADABLE, identify
from resdepth.errors import Corrupt, Impossible, Unsafe
from resdepth.runs.checkpoint import EARLIER
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.runs.checksum import KEY, check_zip
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.sealed import METADATA, verify
from resdepth.weights.tensor import AGAIN, Array, Stored, Tensors

T = TypeVar("T")
WRITERS = {"PyTorch": "torch.save", "a safetensors file": "safetensors", "numpy": "numpy.savez"}
"""The writer of each kind of file, as `seen` calls it."""

LONGEST_HEADER = 100_000_000  # Bytes that a header may have, by the format.
FLOATS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
}
if dtype := getattr(torch, "float8_e8m0fnu", None):  # torch 2.7 and later
    FLOATS["F8_E8M0"] = dtype
OTHERS = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "I32": 32, "U32": 32, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E8M0": 8,
}  # fmt: skip
"""Bits of types that are not real numbers, or that this version of torch cannot read."""


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
    """What `torch.save` wrote, mapped if a zip archive; Unsafe if the pickle asks for code."""
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


def read_header(path: Path) -> Tensors:
    """The tensors of a safetensors file by name; Corrupt or ChecksumWrong if damaged."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(9)
        if head[8:] != b"{":
            raise not_loaded(path, "a safetensors file", ValueError("no header"))
        length = int.from_bytes(head[:8], "little")
        if length > min(size - 8, LONGEST_HEADER):
            reason = f"its header claims {length} bytes, of a file of {size}"
            raise damaged(path, reason, AGAIN if length <= LONGEST_HEADER else "")
        entries = unique_json(path, head[8:] + stream.read(length - 1), "its header")
    metadata = entries.pop(METADATA, {})
    for name, entry in entries.items():
        if flaw := _flaw(entry):
            raise damaged(path, f"its header says of '{name}' {flaw}")
    end, room = 0, size - 8 - length
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = entry["data_offsets"]
        if start != end:
            raise damaged(path, f"its tensor '{name}' does not begin where the previous one ends")
        end = stop
    if end > room:
        raise damaged(path, f"its tensors take {end} bytes, of which {room} are there", AGAIN)
    if end < room:
        raise damaged(path, f"{room - end} bytes follow its tensors")
    if isinstance(metadata, Mapping) and KEY in metadata:
        verify(path, str(metadata[KEY]))
    found: Tensors = {}
    for name, entry in entries.items():
        dtype, begin = FLOATS.get(entry["dtype"]), 8 + length + entry["data_offsets"][0]
        word = str(dtype).removeprefix("torch.") if dtype else entry["dtype"]
        numbers = partial(_slice, path, begin, dtype) if dtype else None
        found[name] = Stored(name, path, tuple(entry["shape"]), word, numbers)
    return found


def _flaw(entry: object) -> str:
    """What is wrong with the header's entry of one tensor; "" if nothing."""
    if not isinstance(entry, Mapping) or not {"dtype", "shape", "data_offsets"} <= set(entry):
        return "no dtype, shape and place"
    word, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(word, str) or (word not in FLOATS and word not in OTHERS):
        return f"an unknown dtype {word!r:.40}"
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(type(n) is int and n >= 0 for n in numbers):
            return "an invalid shape or place"
    if len(offsets) != 2:
        return "an invalid place"
    bits = prod(shape) * (OTHERS[word] if word in OTHERS else 8 * FLOATS[word].itemsize)
    if bits != 8 * (offsets[1] - offsets[0]):
        count = " x ".join(map(str, shape)) or "1"
        return f"{offsets[1] - offsets[0]} bytes for {count} numbers of {word}"
    return ""


def _slice(path: Path, begin: int, dtype: torch.dtype, start: int, stop: int) -> Array:
    raw = bytearray((stop - start) * dtype.itemsize)
    # Read, not mapped: the pages of a map count as the process's memory.
    with path.open("rb", buffering=0) as stream:
        stream.seek(begin + start * dtype.itemsize)
        if stream.readinto(raw) != len(raw):
            raise EOFError("the file ends before its numbers do")
    found: Array = torch.frombuffer(raw, dtype=dtype).to(torch.float64).numpy()
    return found
