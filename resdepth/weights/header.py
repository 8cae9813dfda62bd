"""Read the header of a safetensors file, and check it against the format and the file.

The format: https://github.com/huggingface/safetensors#format
"""

from collections.abc import Mapping
from functools import partial
from math import prod
from pathlib import Path

import torch

from resdepth.runs.checksum import KEY
from resdepth.runs.sealed import METADATA, verify
from resdepth.weights.loading import damaged, not_loaded, unique_json
from resdepth.weights.tensor import AGAIN, Array, Stored, Tensors

LONGEST = 100_000_000  # Bytes that a header may have, by the format.
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


def read_header(path: Path) -> Tensors:
    """The tensors of a safetensors file by name; Corrupt or ChecksumWrong if damaged."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(9)
        if head[8:] != b"{":
            raise not_loaded(path, "a safetensors file", ValueError("no header"))
        length = int.from_bytes(head[:8], "little")
        if length > min(size - 8, LONGEST):
            reason = f"its header claims {length} bytes, of a file of {size}"
            raise damaged(path, reason, AGAIN if length <= LONGEST else "")
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
        numbers = partial(_read, path, begin, dtype) if dtype else None
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


def _read(path: Path, begin: int, dtype: torch.dtype, start: int, stop: int) -> Array:
    raw = bytearray((stop - start) * dtype.itemsize)
    # Read, not mapped: the pages of a map count as the process's memory.
    with path.open("rb", buffering=0) as stream:
        stream.seek(begin + start * dtype.itemsize)
        if stream.readinto(raw) != len(raw):
            raise EOFError("the file ends before its numbers do")
    found: Array = torch.frombuffer(raw, dtype=dtype).to(torch.float64).numpy()
    return found
