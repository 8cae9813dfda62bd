"""safetensors files with a checksum in their metadata, and equal bytes for equal content.

The SHA-256 covers the header (without the checksum itself) and the data. Files of other programs
and of early versions have none and are read without a check.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from resdepth.runs.checksum import KEY, canonical

METADATA = "__metadata__"


class ChecksumWrong(ValueError):
    """A file does not hold what was written."""


def sealed(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a safetensors file of `tensors` with `metadata` and its checksum."""
    # Clones: parameters may be views of one vector, which the format does not allow.
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    whole = safetensors.torch.save(plain)
    length = 8 + int.from_bytes(whole[:8], "little")
    header: dict[str, Any] = json.loads(whole[8:length])
    data = memoryview(whole)[length:]
    header[METADATA] = {key: value for key, value in metadata.items() if key != KEY}
    header[METADATA][KEY] = _digest(header, [data])
    text = canonical(header)
    text += b" " * (-len(text) % 8)  # The format aligns the data.
    return b"".join([len(text).to_bytes(8, "little"), text, data])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """`safe_open` for torch tensors on the CPU, also of a path that is not UTF-8."""
    with path.open("rb") as stream:
        try:
            name = path.as_posix().encode().decode()
        except UnicodeEncodeError:
            name = f"/dev/fd/{stream.fileno()}"
        with safetensors.safe_open(name, framework="pt") as archive:
            yield archive


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata; SafetensorError or OSError if this is not a whole safetensors file."""
    with _opened(path) as archive:
        return dict(archive.metadata() or {})


def read_sealed(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors; raises as `read_metadata`, and ChecksumWrong."""
    # Early releases of safetensors put the numbers on the user's default device.
    with _opened(path) as archive, torch.device("cpu"):
        metadata = dict(archive.metadata() or {})
        names = archive.keys()
        tensors = {name: archive.get_tensor(name) for name in names}
    if KEY in metadata:
        verify(path, metadata[KEY])
    return metadata, tensors


def verify(path: Path, expected: str) -> None:
    """Raise ChecksumWrong if the checksum of a whole safetensors file is not `expected`."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        del header[METADATA][KEY]
        if _digest(header, iter(lambda: stream.read(1 << 22), b"")) != expected:
            raise ChecksumWrong("wrong checksum: some of its bytes have changed")


def _digest(header: Mapping[str, Any], chunks: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.sha256(canonical(header))
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
