"""Safetensors files that carry a checksum of all they hold, and equal bytes for equal content.

The SHA-256 in the metadata covers the header without itself and the data. Files of other writers,
and those of versions without the checksum, have none and are read as they are.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from resdepth.runs.checksum import KEY, canonical
from resdepth.runs.tensors import open_tensors

METADATA = "__metadata__"
_ALIGNMENT = 8
_CHUNK = 1 << 22


class ChecksumWrong(ValueError):
    """What a file holds is not what was written."""


def sealed(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a safetensors file of `tensors` with `metadata` and its checksum."""
    # Clones: parameters may be views of one vector, which the format cannot hold.
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    whole = safetensors.torch.save(plain)
    length = 8 + int.from_bytes(whole[:8], "little")
    header: dict[str, Any] = json.loads(whole[8:length])
    data = memoryview(whole)[length:]
    header[METADATA] = {key: value for key, value in metadata.items() if key != KEY}
    header[METADATA][KEY] = _digest(header, [data])
    text = canonical(header)
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, data])


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata alone; SafetensorError or OSError where the file is none or is torn."""
    with open_tensors(path) as archive:
        return dict(archive.metadata() or {})


def read_sealed(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file, its checksum verified where it has one.

    Raises
    ------
    ChecksumWrong
        The checksum does not agree.
    SafetensorError, OSError
        Not a whole safetensors file.
    """
    # Early releases of safetensors would put the numbers on the user's default device.
    with open_tensors(path) as archive, torch.device("cpu"):
        metadata = dict(archive.metadata() or {})
        names = archive.keys()
        tensors = {name: archive.get_tensor(name) for name in names}
    if KEY in metadata:
        verify(path, metadata[KEY])
    return metadata, tensors


def verify(path: Path, expected: str) -> None:
    """Raise ChecksumWrong where the checksum of a whole safetensors file is not `expected`."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        del header[METADATA][KEY]
        chunks = iter(lambda: stream.read(_CHUNK), b"")
        if _digest(header, chunks) != expected:
            raise ChecksumWrong("its checksum does not agree: some of its bytes have changed")


def _digest(header: Mapping[str, Any], chunks: Any) -> str:
    digest = hashlib.sha256(canonical(header))
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
