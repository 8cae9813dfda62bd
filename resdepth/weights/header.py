"""safetensors files by their header: every tensor's place, and nothing of its numbers.

The header is checked against the file and against the format: eight bytes of length, JSON, then
tensors without holes. Numbers are read by position, so that no page of a large file is held.
https://github.com/huggingface/safetensors#format
"""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch

from resdepth.runs.checksum import KEY
from resdepth.runs.sealed import METADATA, verify
from resdepth.weights.loading import SAFETENSORS, NotLoaded, not_loaded
from resdepth.weights.tensor import AGAIN, Numbers, Stored, read_floats
from resdepth.weights.unique import unique_json

LONGEST = 100_000_000
"""Bytes of a header, by the format."""
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
"""Bits of what holds no numbers of its own: integers, complex ones, floats packed with a scale,
and scales that this version of torch cannot read."""


def read_header(path: Path) -> dict[str, Stored]:
    """The tensors of a safetensors file by name; the checksum is verified where it has ours.

    Raises
    ------
    NotLoaded
        It is no whole safetensors file.
    ChecksumWrong
        It is not what was written.
    OSError
        It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(9)
        if head[8:] != b"{":
            raise not_loaded(path, SAFETENSORS, ValueError("no header"))
        length = int.from_bytes(head[:8], "little")
        if length > min(size - 8, LONGEST):
            reason = f"its header claims {length} bytes, of a file of {size}"
            raise NotLoaded(reason, AGAIN if length <= LONGEST else "")
        entries = _parsed(head[8:] + stream.read(length - 1))
    metadata = entries.pop(METADATA, {})
    _check_places(entries, size - 8 - length)
    if isinstance(metadata, Mapping) and KEY in metadata:
        verify(path, str(metadata[KEY]))
    return {name: _stored(path, name, entry, 8 + length) for name, entry in entries.items()}


def _parsed(text: bytes) -> dict[str, Any]:
    """The header's entries, each what the format asks for."""
    entries = unique_json(text, "its header")
    if not isinstance(entries, dict):
        raise NotLoaded("its header is no JSON object")
    for name, entry in entries.items():
        if name != METADATA and (flaw := _flaw(entry)):
            raise NotLoaded(f"its header says of '{name}' {flaw}")
    return entries


def _flaw(entry: object) -> str:
    """What is wrong with what the header says of one tensor."""
    if not isinstance(entry, Mapping) or not {"dtype", "shape", "data_offsets"} <= set(entry):
        return "no dtype, shape and place"
    word, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(word, str) or (word not in FLOATS and word not in OTHERS):
        return f"an unknown dtype {word!r:.40}"
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2:
        return "a shape or place that is none"
    bits = prod(shape) * (OTHERS[word] if word in OTHERS else 8 * FLOATS[word].itemsize)
    if bits != 8 * (offsets[1] - offsets[0]):
        return f"{offsets[1] - offsets[0]} bytes for {_times(shape)} numbers of {word}"
    return ""


def _counts(value: object) -> bool:
    return isinstance(value, list) and all(type(part) is int and part >= 0 for part in value)


def _times(shape: list[int]) -> str:
    return " x ".join(map(str, shape)) or "1"


def _check_places(entries: Mapping[str, Any], size: int) -> None:
    """The tensors lie one behind the other and fill the file."""
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = entry["data_offsets"]
        if start != end:
            raise NotLoaded(f"its tensor '{name}' does not begin where the one before ends")
        end = stop
    if end > size:
        raise NotLoaded(f"its tensors take {end} bytes, of which {size} are there", AGAIN)
    if end < size:
        raise NotLoaded(f"{size - end} bytes lie behind its tensors")


def _stored(path: Path, name: str, entry: Mapping[str, Any], begin: int) -> Stored:
    dtype, shape = FLOATS.get(entry["dtype"]), tuple(entry["shape"])
    if dtype is None:
        return Stored(name, path, shape, entry["dtype"], None)
    numbers = _reader(path, begin + entry["data_offsets"][0], dtype)
    return Stored(name, path, shape, str(dtype).removeprefix("torch."), numbers)


def _reader(path: Path, begin: int, dtype: torch.dtype) -> Numbers:
    width = dtype.itemsize
    return lambda start, stop: read_floats(path, begin + width * start, stop - start, dtype)
