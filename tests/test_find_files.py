"""Folders with links, loops, links to nothing, and folders in folders."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resdepth.find_files import walk


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def found(folder: Path, **settings) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in walk(folder, **settings)]


NAMES = st.text("ab.-", min_size=1, max_size=2).filter(lambda name: name.strip("."))


@given(st.sets(st.lists(NAMES, min_size=1, max_size=4).map("/".join), max_size=12))
def test_the_order_is_that_of_sorted_paths(tmp_path_factory, names: set[str]) -> None:
    folder = tmp_path_factory.mktemp("tree")
    for name in sorted(names):
        # A name may be a file's and a folder's at once; then the first one holds.
        if not any((folder / name).parents[i].is_file() for i in range(name.count("/") + 1)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if not (folder / name).is_dir():
                (folder / name).write_bytes(b"")
    assert list(walk(folder)) == [p for p in sorted(folder.rglob("*")) if p.is_file()]


def test_linked_folders_and_files_are_followed(tmp_path: Path) -> None:
    store = fill(tmp_path / "store", "run/x", "y")
    tree = fill(tmp_path / "tree", "a")
    (tree / "b").symlink_to(store / "run")
    (tree / "c").symlink_to(store / "y")
    assert found(tree) == ["a", "b/x", "c"]


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_a_loop_ends(tmp_path: Path, target: str) -> None:
    fill(tmp_path, "a/b/x", "y")
    (tmp_path / "a/b/loop").symlink_to(target)
    assert found(tmp_path) == ["a/b/x", "y"]


def test_a_loop_of_two_links_ends(tmp_path: Path) -> None:
    fill(tmp_path, "a/x", "b/y")
    (tmp_path / "a/to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b/to_a").symlink_to(tmp_path / "a")
    assert found(tmp_path) == ["a/to_b/y", "a/x", "b/to_a/x", "b/y"]
    assert found(tmp_path, once=True) == ["a/to_b/y", "a/x"]


def test_a_folder_that_links_to_itself_by_name_ends(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("self")
    with pytest.warns(UserWarning, match="self: a link to nothing"):
        assert found(tmp_path) == []


@pytest.mark.parametrize(("once", "names"), [(False, ["test/x", "train/x"]), (True, ["test/x"])])
def test_a_folder_of_two_names(tmp_path: Path, once: bool, names: list[str]) -> None:
    fill(tmp_path, "train/x")
    (tmp_path / "test").symlink_to("train")
    assert found(tmp_path, once=once) == names


def test_many_links_among_neighbours_take_little_time(tmp_path: Path) -> None:
    # Without `once` there are more than 10^12 ways through fifteen such folders.
    for i in range(15):
        fill(tmp_path, f"{i:02d}/x")
        (tmp_path / f"{i:02d}/all").symlink_to("..")
        for j in range(15):
            (tmp_path / f"{i:02d}/to_{j:02d}").symlink_to(f"../{j:02d}")
    assert len(found(tmp_path, once=True)) == 15


def test_a_link_to_nothing_is_reported(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    (tmp_path / "gone").symlink_to("nowhere")
    with pytest.warns(UserWarning, match=r"gone: a link to nothing .*; left out"):
        assert found(tmp_path) == ["a"]


def test_an_unreadable_folder_is_reported(tmp_path: Path, monkeypatch) -> None:
    fill(tmp_path, "a/x", "b/y")
    listing = Path.iterdir

    def guarded(folder: Path):
        if folder.name == "a":
            raise PermissionError(13, "Permission denied")
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", guarded)
    with pytest.warns(UserWarning, match=r"a: cannot be read \(Permission denied\)"):
        assert found(tmp_path) == ["b/y"]


def test_folders_can_be_excluded(tmp_path: Path) -> None:
    fill(tmp_path, ".hidden/x", "a/.hidden/y", "a/z")
    assert found(tmp_path, enter=lambda path: not path.name.startswith(".")) == ["a/z"]


def test_pipes_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    os.mkfifo(tmp_path / "pipe")
    assert found(tmp_path) == ["a"]
