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
SEARCHED = 1 << 24
"""Bytes behind a damaged record in which the next whole one is looked for."""


def masked_crc32c(content: bytes) -> int:
    """CRC-32C turned by 15 bits plus a constant, so that checksums of checksums stay useful."""
    checksum: int = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


@dataclass(frozen=True)
class Record:
    """One payload and the offsets at which its record begins and ends."""

    payload: bytes
    start: int
    end: int


def frame(payload: bytes) -> bytes:
    """The bytes of one record."""
    length = struct.pack("<Q", len(payload))
    head = length + _FOOTER.pack(masked_crc32c(length))
    return head + payload + _FOOTER.pack(masked_crc32c(payload))


def read_records(stream: IO[bytes]) -> Iterator[Record]:
    """Whole records from the start of a file; one that is damaged is passed over.

    A gap between the end of a record and the start of the next shows where one was. What follows
    the last whole record is not read, nor is anything where the file does not begin with one.
    """
    place = 0
    while True:
        record = _record_at(stream, place)
        if record is None:
            found = _after_damage(stream, place) if place else None
            if found is None:
                return
            place = found
            continue
        place = record.end
        yield record


def _record_at(stream: IO[bytes], place: int) -> Record | None:
    stream.seek(place)
    header = stream.read(_HEADER.size)
    if not _is_header(header):
        return None
    length = _HEADER.unpack(header)[0]
    body = stream.read(length + _FOOTER.size)
    payload = body[:length]
    if (
        len(body) != length + _FOOTER.size
        or masked_crc32c(payload) != _FOOTER.unpack_from(body, length)[0]
    ):
        return None
    return Record(payload, place, place + len(header) + len(body))


def _is_header(header: bytes) -> bool:
    if len(header) != _HEADER.size:
        return False
    length, checksum = _HEADER.unpack(header)
    return bool(length <= LARGEST and masked_crc32c(header[:8]) == checksum)


def _after_damage(stream: IO[bytes], place: int) -> int | None:
    """Where the first whole record behind the damaged one at `place` begins, if one is near."""
    stream.seek(place)
    ahead = stream.read(SEARCHED)
    for offset in range(1, len(ahead) - _HEADER.size):
        header = ahead[offset : offset + _HEADER.size]
        # A length fits below 2^28: four of its bytes are zero, which few other places have.
        if header[4:8] == b"\0\0\0\0" and _is_header(header) and _record_at(stream, place + offset):
            return place + offset
    return None
