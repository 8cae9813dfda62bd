"""Text files of points: headers, encodings, and the line that is wrong."""

import codecs
from pathlib import Path

import numpy as np
import pytest
from pvar.__main__ import main

GOOD = {
    "plain.csv": b"0,0\n5,0\n0,0\n",
    "mark.csv": codecs.BOM_UTF8 + b"0,0\n5,0\n0,0\n",
    "UPPER.CSV": b"0,0\n5,0\n0,0\n",
    "upper.Txt": b"0 0\n5 0\n0 0\n",
    "windows.csv": b"0,0\r\n5,0\r\n0,0\r\n",
    "header.csv": b"x,y\n0,0\n5,0\n0,0\n",
    "mark and header.csv": codecs.BOM_UTF8 + b"x,y\n0,0\n5,0\n0,0\n",
    "empty name.csv": b",y\n0,0\n5,0\n0,0\n",
    "quoted.csv": b'"x","y, m"\n"0","0"\n5,0\n0,0\n',
    "comments.txt": b"# x y\n0 0\n\n5 0 # here\n0 0",
    "comment, then header.csv": b"# by hand\n\nx,y\n0,0\n5,0\n0,0\n",
    "accents.csv": "größe,weite\n0,0\n5,0\n0,0\n".encode(),
    "blanks.csv": b" 0 , 0\n+5.0e0,-0\n0.,.0\n",
    "tabs.txt": b"0\t0\n5\t0\n0\t0\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_every_spelling_of_a_file_is_the_same_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).write_bytes(GOOD[name])
    assert main([str(tmp_path / name)]) == 0
    answer = capsys.readouterr()
    assert answer.out == "p = 2  norm = 7.0710678118654755  value = 50.0\n"
    assert answer.err == ""


BAD: list[tuple[str, bytes, str]] = [
    ("minus.csv", "\N{MINUS SIGN}1,0\n5,0\n".encode(), "line 1, column 1: '\N{MINUS SIGN}1' is"),
    ("minuses.csv", "\N{MINUS SIGN}1,\N{MINUS SIGN}2\n5,0\n".encode(), "line 1, column 1"),
    ("dash.csv", "0,0\n1,\N{EN DASH}2\n".encode(), "line 2, column 2: '\N{EN DASH}2' is not"),
    ("typing.csv", b"1.5x,0\n5,0\n0,0\n", "line 1, column 1: '1.5x' is not a number"),
    ("alone.csv", b"1.5x\n5\n0\n", "line 1, column 1: '1.5x' is not a number"),
    ("later.txt", b"x y\n\n0 0\n5 O\n", "line 4, column 2: 'O' is not a number"),
    ("half a header.csv", b"x,1\n0,0\n", "line 1, column 1: 'x' is not a number"),
    ("two headers.csv", b"x,y\nm,m\n0,0\n", "line 2, column 1: 'm' is not a number"),
    ("short.csv", b"0,0\n\n1\n", "line 3 has 1 columns, line 1 has 2"),
    ("long.txt", b"x y\n0 0\n1 2 3\n", "line 3 has 3 columns, line 2 has 2"),
    ("trailing.csv", b"0,0,\n1,1,\n", "line 1, column 3: there is nothing"),
    ("gap.csv", b"x,y\n0,0\n1,\n", "line 3, column 2: there is nothing"),
    ("missing.csv", b"NA,NA\n1,2\n", "line 1, column 1: 'NA' is not a number"),
    ("semicolons.csv", b"0;0\n5;0\n", "line 1, column 1: '0;0' is not a number"),
    ("commas.txt", b"0,0\n5,0\n", "line 1, column 1: '0,0' is not a number"),
    ("decimal comma.txt", b"0,5 1\n1 2\n", "line 1, column 1: '0,5' is not a number"),
    ("underscores.csv", b"1_000,0\n5,0\n", "line 1, column 1: '1_000' is not a number"),
    ("arabic.csv", "\u0661,0\n5,0\n".encode(), "line 1, column 1: '\u0661' is not a number"),
    ("hexadecimal.csv", b"0x10,0\n5,0\n", "line 1, column 1: '0x10' is not a number"),
    ("fortran.txt", b"1d0 0\n5 0\n", "line 1, column 1: '1d0' is not a number"),
    ("complex.csv", b"1+2j\n3\n", "line 1, column 1: '1+2j' is not a number"),
    ("latin.csv", b"gr\xf6\xdfe,y\n0,0\n", "line 1 is no UTF-8 text"),
    ("latin below.csv", b"x,y\n0,0\n1,\xa02\n", "line 3 is no UTF-8 text"),
    ("utf16.csv", "0,0\n5,0\n".encode("utf-16"), "line 1 is no UTF-8 text"),
    ("nothing.csv", b"", "there are no rows of numbers"),
    ("only a header.csv", b"x,y\n", "there are no rows of numbers"),
    ("only comments.txt", b"# 1 2\n", "there are no rows of numbers"),
    ("nan.csv", b"nan,nan\n1,2\n", "row 0, column 0 of the path is nan"),
    ("infinite.csv", b"1e999,0\n1,2\n", "row 0, column 0 of the path is inf"),
    ("zeros.csv", b"1,\x002\n", "line 1, column 2"),
    ("empty.npy", b"", "empty.npy"),
    ("text.npy", b"0 0\n", "text.npy"),
    ("path.npz", b"", "the suffix must be .npy, .csv or .txt"),
]


@pytest.mark.parametrize(("name", "content", "words"), BAD)
def test_the_wrong_line_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert main([str(tmp_path / name)]) == 1
    answer = capsys.readouterr()
    assert answer.out == ""
    assert words in answer.err
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array(3.0), "a path is an array or a sequence of points"),
        (np.array([2**53 + 1]), "which no double holds"),
        (np.zeros(2, [("x", float)]), "fields (x)"),
        (np.ones(2, complex), "complex"),
    ],
)
def test_arrays_in_files_are_refused_like_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], array: object, words: str
) -> None:
    np.save(tmp_path / "path.npy", np.asarray(array))
    assert main([str(tmp_path / "path.npy")]) == 1
    assert words in capsys.readouterr().err


def test_a_folder_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert main([str(tmp_path / "folder.csv")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
