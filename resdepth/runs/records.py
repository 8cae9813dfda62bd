"""The framing of event files: length, checksum of the length, payload, checksum of the payload.

Checksums are masked CRC-32C, as in TensorFlow's record format. Only records that are whole and
whose checksums agree are read.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import google_crc32c

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
LARGEST = 1 << 28
"""Bytes of the largest payload that is believed."""


def masked_crc32c(content: bytes) -> int:
    """CRC-32C turned by 15 bits plus a constant, so that checksums of checksums stay useful."""
    checksum: int = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


@dataclass(frozen=True)
class Record:
    """One payload and the offset at which its record ends."""

    payload: bytes
    end: int


def frame(payload: bytes) -> bytes:
    """The bytes of one record."""
    length = struct.pack("<Q", len(payload))
    head = length + _FOOTER.pack(masked_crc32c(length))
    return head + payload + _FOOTER.pack(masked_crc32c(payload))


def read_records(stream: IO[bytes]) -> Iterator[Record]:
    """Whole records from the start of a file; stops silently at the first that is not whole."""
    end = 0
    while len(header := stream.read(_HEADER.size)) == _HEADER.size:
        length, length_checksum = _HEADER.unpack(header)
        if length > LARGEST or masked_crc32c(header[:8]) != length_checksum:
            return
        body = stream.read(length + _FOOTER.size)
        if len(body) != length + _FOOTER.size:
            return
        payload = body[:length]
        if masked_crc32c(payload) != _FOOTER.unpack(body[length:])[0]:
            return
        end += len(header) + len(body)
        yield Record(payload, end)
