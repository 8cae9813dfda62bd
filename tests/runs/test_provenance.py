"""Provenance: checksums of files of any size, and the short form for figures."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from resdepth.figures import style
from resdepth.records import with_provenance, write_numbers
from resdepth.runs import provenance as module
from resdepth.runs.provenance import provenance


def test_large_files_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 99)
    monkeypatch.setattr(module, "SAMPLE", 10)
    content = os.urandom(100_000)
    places = [number * (100_000 - 10) // 255 for number in range(256)]
    changed = bytearray(content)
    changed[places[100] + 3] ^= 1
    found = []
    for text in (content, bytes(changed)):
        (tmp_path / "a").write_bytes(text)
        (source,) = provenance(["x"], {}, [tmp_path / "a"]).sources
        samples = b"".join(text[place : place + 10] for place in places)
        assert (source.sha256, source.bytes) == (None, 100_000)
        assert source.sampled == hashlib.sha256(samples).hexdigest()
        found.append(source.sampled)
    assert found[0] != found[1]


def test_a_missing_source_is_listed_without_checksum(tmp_path: Path) -> None:
    (source,) = provenance(["x"], {}, [tmp_path / "gone", tmp_path / "gone"]).sources
    assert source.path == str(tmp_path / "gone") and source.sha256 is source.bytes is None


def test_figures_list_few_of_many_sources(tmp_path: Path) -> None:
    many = [tmp_path / str(number) for number in range(80)]
    whole = provenance(["resdepth", "\udcffé"], {"seed": 3}, many)
    brief = json.loads(whole.brief())
    assert len(whole.sources) == 80 and len(brief["sources"]) == 50 and brief["left_out"] == 30
    assert brief["command"] == ["resdepth", "\udcffé"] and brief["seed"] == 3
    assert whole.brief().isascii() and "\n" not in whole.brief()


@pytest.mark.parametrize(("numbers", "rows"), [({"a": 1}, 1), ([{"a": 1}, {"a": 2}], 2)])
def test_numbers_keep_their_shape(tmp_path: Path, numbers: object, rows: int) -> None:
    origin = provenance(["x"], {})
    path = write_numbers(tmp_path / "x.json", numbers, origin)
    found = json.loads(path.read_text())
    assert found == json.loads(json.dumps(with_provenance(numbers, origin)))
    entries = found if isinstance(found, list) else [found]
    assert len(entries) == rows and all(
        entry["provenance"]["command"] == ["x"] for entry in entries
    )


def test_a_figure_from_python_carries_it(tmp_path: Path) -> None:
    drawn = style.figure(1, 2.0)
    style.save(drawn, tmp_path / "x.svg", provenance(["my script"], {"seed": 7}))
    style.save(drawn, tmp_path / "y.svg")
    assert "my script" in (tmp_path / "x.svg").read_text()
    assert "description" not in (tmp_path / "y.svg").read_text()
