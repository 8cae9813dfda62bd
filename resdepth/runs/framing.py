"""The framing of event files: length, its checksum, payload, its checksum (TensorFlow's TFRecord).

Checksums are masked CRC-32C. TensorBoard's reader stops at the first damaged record and computes
checksums in Python; this one goes on at the next whole record.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import google_crc32c

_LENGTH, _SUM = struct.Struct("<Q"), struct.Struct("<I")
HEADER = _LENGTH.size + _SUM.size
LARGEST = 1 << 28
"""Bytes of the largest payload; a greater length counts as damage."""
SEARCHED = 1 << 24
"""Bytes after a damaged record that are searched for the next whole one."""


@dataclass(frozen=True)
class EventRecord:
    """One payload, and the offsets at which its record starts and ends."""

    payload: bytes
    start: int
    end: int


def masked_crc32c(content: bytes) -> bytes:
    """CRC-32C rotated by 15 bits plus a constant, so that checksums of checksums stay useful."""
    checksum: int = google_crc32c.value(content)
    return _SUM.pack(((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def frame(payload: bytes) -> bytes:
    """The bytes of one record."""
    length = _LENGTH.pack(len(payload))
    return length + masked_crc32c(length) + payload + masked_crc32c(payload)


def read_records(stream: IO[bytes]) -> Iterator[EventRecord]:
    """Yield the whole records of a file and skip damaged ones.

    A record that starts after the end of the one before follows a damaged one. Nothing is read if
    the file does not begin with a whole record.
    """
    place: int | None = 0
    while place is not None:
        record = _record_at(stream, place)
        if record is None:
            place = _after_damage(stream, place) if place else None
        else:
            yield record
            place = record.end


def _record_at(stream: IO[bytes], place: int) -> EventRecord | None:
    stream.seek(place)
    header = stream.read(HEADER)
    if not _is_header(header):
        return None
    length: int = _LENGTH.unpack_from(header)[0]
    payload, checksum = stream.read(length), stream.read(_SUM.size)
    if checksum != masked_crc32c(payload):
        return None
    return EventRecord(payload, place, place + HEADER + length + _SUM.size)


def _is_header(header: bytes) -> bool:
    length, checksum = header[: _LENGTH.size], header[_LENGTH.size :]
    return checksum == masked_crc32c(length) and _LENGTH.unpack(length)[0] <= LARGEST


def _after_damage(stream: IO[bytes], place: int) -> int | None:
    """The start of the first whole record after the damaged one at `place`, if one is near."""
    stream.seek(place)
    ahead = stream.read(SEARCHED)
    for offset in range(1, len(ahead) - HEADER):
        header = ahead[offset : offset + HEADER]
        # A length below 2^28 has four zero bytes, which few other places have.
        if header[4:8] == b"\0\0\0\0" and _is_header(header) and _record_at(stream, place + offset):
            return place + offset
    return None
