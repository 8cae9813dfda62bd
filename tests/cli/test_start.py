"""Messages never fail, results never in silence, and every text is written in every encoding."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from resdepth.cli.start import ESCAPE

STDERR = """
import sys
from resdepth.cli.start import configure_streams
configure_streams()
print("first", file=sys.stderr, flush=True)
print("second", flush=True)
"""


def full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def unread() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("place", [full, unread])
def test_messages_never_fail(place: Callable[[], int]) -> None:
    command = [sys.executable, "-c", STDERR]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=place(), check=False)
    assert (ended.returncode, ended.stdout) == (0, b"second\n")


@pytest.mark.parametrize(
    ("encoding", "text", "wanted"),
    [
        ("ascii", "± Ω ²", rb"\xb1 \u03a9 \xb2"),
        ("latin-1", "± Ω ²", b"\xb1 \\u03a9 \xb2"),
        ("gbk", "Ω ²", b"\xa6\xb8 \\xb2"),
        ("utf-8", "± Ω", "± Ω".encode()),
        ("utf-8", os.fsdecode(b"run\xff/x"), b"run\xff/x"),
        ("ascii", os.fsdecode(b"\xff\xfe"), b"\xff\xfe"),
        ("utf-8", "\ud800", rb"\ud800"),
    ],
)
def test_what_an_encoding_cannot_say(encoding: str, text: str, wanted: bytes) -> None:
    assert text.encode(encoding, ESCAPE) == wanted
