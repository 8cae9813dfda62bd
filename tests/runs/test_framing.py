"""The framing of event files against TensorBoard's own, and against the published checksum."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.tensorflow_stub import pywrap_tensorflow
from tensorboard.summary.writer.record_writer import RecordWriter

from resdepth.runs.framing import frame, masked_crc32c, read_records


@given(st.binary(max_size=300))
def test_the_checksum_is_tensorboards(content: bytes) -> None:
    assert masked_crc32c(content) == struct.pack("<I", pywrap_tensorflow.masked_crc32c(content))


def test_the_checksum_is_the_published_one() -> None:
    # RFC 3720, B.4: the CRC-32C of thirty-two bytes of zeros, before it is masked.
    masked = int.from_bytes(masked_crc32c(bytes(32)), "little")
    turned = (masked - 0xA282EAD8) & 0xFFFFFFFF
    assert (turned << 15 | turned >> 17) & 0xFFFFFFFF == 0x8A9136AA


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_a_frame_is_what_tensorboard_writes(payloads: list[bytes]) -> None:
    stream = io.BytesIO()
    writer = RecordWriter(stream)
    for payload in payloads:
        writer.write(payload)
    assert b"".join(map(frame, payloads)) == stream.getvalue()
    stream.seek(0)
    assert [record.payload for record in read_records(stream)] == payloads


@pytest.mark.parametrize("bit", range(0, 8 * 21, 5))
def test_a_flipped_bit_anywhere_ends_the_reading(bit: int) -> None:
    content = bytearray(frame(b"first") + frame(b"second"))
    content[bit // 8] ^= 1 << bit % 8
    assert list(read_records(io.BytesIO(content))) == []


def test_a_length_beyond_reason_is_not_believed() -> None:
    length = struct.pack("<Q", 1 << 60)
    content = length + masked_crc32c(length) + b"x" * 100
    assert list(read_records(io.BytesIO(content))) == []
