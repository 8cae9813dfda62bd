"""A file is written whole, or stays as it was."""

import errno
import os
from pathlib import Path
from typing import IO

import pytest

from resdepth.atomic import check_writable, write_text, write_whole
from resdepth.errors import System
from tests.support.messages import refused


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def full(stream: IO[bytes]) -> None:
    stream.write(b"half of it")
    stream.flush()
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    write_text(path, "Ω\n")
    assert path.read_text(encoding="utf-8") == "Ω\n"
    assert names(path.parent) == ["c.txt"]


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, old: bytes | None) -> None:
    path = tmp_path / "c.txt"
    if old is not None:
        path.write_bytes(old)
    with refused(System, match=r"c\.txt: cannot write: No space left"):
        write_whole(path, full)
    assert names(tmp_path) == ([] if old is None else ["c.txt"])
    assert old is None or path.read_bytes() == old


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_what_was_there(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    def interrupted(stream: IO[bytes]) -> None:
        stream.write(b"half")
        raise interruption

    path = tmp_path / "c.txt"
    path.write_bytes(b"old")
    with pytest.raises(interruption):
        write_whole(path, interrupted)
    assert path.read_bytes() == b"old" and names(tmp_path) == ["c.txt"]


@pytest.mark.parametrize("name", ["file/below", "x" * 300], ids=["below a file", "name too long"])
def test_impossible_places(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with refused(System, match="cannot write"):
        write_text(tmp_path / name, "")
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("file/c.txt", "Not a directory"),
        ("file/new/c.txt", "Not a directory"),
        ("new/" + "x" * 300 + "/c.txt", "File name too long"),
        ("new/" + "x" * 300, "File name too long"),
        ("folder", "Is a directory"),
        ("/proc/sys/new/c.txt", ""),
    ],
)
def test_unwritable_paths_are_found_without_a_trace(
    tmp_path: Path, place: str, reason: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with refused(System, match=f"cannot write: {reason}"):
        check_writable(tmp_path / "fine.txt", tmp_path / place)
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("place", ["c.txt", "a/b/c.txt", "x" * 250, "file", "link", "dangling"])
def test_checking_changes_nothing(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    check_writable(tmp_path / place)
    assert names(tmp_path) == ["dangling", "file", "link"]
    assert (tmp_path / "file").read_text() == "old"
    write_text(tmp_path / place, "new")
    assert (tmp_path / place).read_text() == "new"
