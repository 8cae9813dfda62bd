"""Talk never fails, results never in silence: the two streams over pipes and devices."""

import io
import os
import threading
from collections.abc import Callable

import pytest

from resdepth.cli.streams import ESCAPE, Results, Talk
from resdepth.errors import System
from tests.support.messages import refused

LINE = b"line\n" * 100_000


def full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def closed() -> int:
    number = full()
    os.close(number)
    return number


def unread() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("place", [full, closed, unread])
def test_talk_never_fails(place: Callable[[], int]) -> None:
    talk = io.TextIOWrapper(Talk(place()), write_through=True)  # type: ignore[arg-type]
    assert print("going on", file=talk, flush=True) is None


@pytest.mark.parametrize(("place", "reason"), [(full, "No space left"), (closed, "it is closed")])
def test_a_result_that_is_lost_is_an_error_once(place: Callable[[], int], reason: str) -> None:
    results = io.BufferedWriter(Results(place()))  # type: ignore[type-var]
    results.write(b"1.5\n")
    with refused(System, match=reason):
        results.flush()
    # What Python does at the exit must not fail a second time.
    results.flush()


def test_a_reader_that_has_gone_is_told_apart() -> None:
    with pytest.raises(BrokenPipeError):
        Results(unread()).write(b"1.5\n")


@pytest.mark.parametrize("kind", [Results, Talk])
def test_a_pipe_that_does_not_block_loses_nothing_of_a_result(kind: type[Results]) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    found: list[bytes] = []

    def read() -> None:
        while part := os.read(reading, 1 << 16):
            found.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    assert kind(writing).write(LINE) == len(LINE)
    os.close(writing)
    reader.join()
    assert b"".join(found) == LINE


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
