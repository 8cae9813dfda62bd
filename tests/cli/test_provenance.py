"""Every JSON and every figure says which call made it from which files."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resdepth
from tests.support.commands import COMMANDS, GRID, OTHERS, SPECTRUM, SUFFIXES
from tests.support.pictures import picture_folder
from tests.support.process import Outcome
from tests.support.provenance import READERS, read_html, read_pdf

Call = Callable[..., Outcome]
NEWEST = ("run/manifest.json", "run/checkpoints/last.safetensors")
EVENTS = "run/events.out.tfevents.*"
READ: dict[str, tuple[str, ...]] = {
    "curvefit": (EVENTS,),
    "norm": NEWEST,
    "weights": NEWEST,
    "profile": NEWEST,
    "scaling": NEWEST,
    "vis": ("a.npy",),
    "trajectory": (*NEWEST, "run/checkpoints/*0[0-4].safetensors"),
    "spectrum": NEWEST,
    "report": (*NEWEST, EVENTS),
    "render": NEWEST,
    "export": NEWEST,
}
"""The files that each command reads, as patterns."""


def files(folder: Path, patterns: tuple[str, ...]) -> dict[str, str]:
    """Checksums by path, computed here."""
    found = [path for pattern in patterns for path in folder.glob(pattern)]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def check(origin: dict[str, Any], words: tuple[object, ...], expected: dict[str, str]) -> None:
    assert origin["command"] == ["resdepth", *map(str, words)]
    assert origin["versions"]["resdepth"] == resdepth.__version__
    assert {"torch", "numpy", "pvar"} <= set(origin["versions"])
    assert {entry["path"]: entry["sha256"] for entry in origin["sources"]} == expected
    assert all(entry["bytes"] == Path(entry["path"]).stat().st_size for entry in origin["sources"])
    assert origin["left_out"] == 0


@pytest.mark.long
@pytest.mark.parametrize("command", READ)
def test_every_json_says_where_it_is_from(call: Call, tmp_path: Path, command: str) -> None:
    expected = files(tmp_path, READ[command])
    words = (*(COMMANDS | OTHERS)[command], "--json", f"--out=x{SUFFIXES.get(command, '.png')}")
    ended = call(*words)
    assert ended.code == 0, ended.stderr
    printed = json.loads(ended.stdout)
    if command == "report":
        expected |= files(tmp_path, ("x/interventions-1.json",))
    check(printed["provenance"], words, expected)
    if command != "export":
        saved = json.loads((tmp_path / "x.json").read_text())
        assert saved["provenance"] == printed["provenance"]
        assert saved == printed or command in ("render", "trajectory")
    options = printed["provenance"]["options"]
    assert options["out"].endswith("x" + SUFFIXES.get(command, ".png"))
    seeded = command in ("spectrum", "render", "trajectory")
    assert (printed["provenance"]["seed"] is not None) == seeded
    if command == "report":
        page = (tmp_path / "x.html").read_text()
        assert "Command of this report</summary><pre>resdepth study report run --json" in page
        for figure in (tmp_path / "x").glob("*.pdf"):
            assert json.loads(read_pdf(figure)) == json.loads(read_html(tmp_path / "x.html"))


def test_each_of_several_spectra_says_it(call: Call, tmp_path: Path) -> None:
    words = ("spectrum", "run", "run/checkpoints/step_00000002.safetensors", *SPECTRUM)
    expected = files(tmp_path, (*NEWEST, "run/checkpoints/step_00000002.safetensors"))
    assert call(*words, "--out=x").code == 0
    for entry in json.loads((tmp_path / "x.json").read_text()):
        check(entry["provenance"], (*words, "--out=x"), expected)


def test_directions_towards_another_run_are_sources(call: Call, tmp_path: Path) -> None:
    other = "run/checkpoints/step_00000002.safetensors"
    words = (*OTHERS["render"], "--directions", other, "--out=x")
    assert call(*words).code == 0
    record = json.loads((tmp_path / "x.json").read_text())
    check(record["provenance"], words, files(tmp_path, (*NEWEST, other)))


def test_a_series_of_seeds_says_it(call: Call, tmp_path: Path) -> None:
    picture_folder(tmp_path / "images")
    words = "resnet-cifar --data folder --data-dir images --depth 8 --epochs 1 --batch-size 80"
    words += " --threads 1 --lr 0.05 --json --limit-train 80"
    ended = call(*words.split(), "--seeds=2", "--out=many")
    assert ended.code == 0, ended.stderr
    summary = json.loads((tmp_path / "many/summary.json").read_text())
    check(summary["provenance"], (*words.split(), "--seeds=2", "--out=many"), {})
    assert json.loads(ended.stdout)["provenance"] == summary["provenance"]
    single = json.loads(call(*words.split(), "--seed=3", "--out=one").stdout)
    assert single["provenance"]["command"][-2:] == ["--seed=3", "--out=one"]
    assert single["provenance"]["seed"] == single["provenance"]["options"]["seed"] == 3


@pytest.mark.parametrize("suffix", READERS)
def test_pictures_carry_it(call: Call, tmp_path: Path, suffix: str) -> None:
    out = f"a -- (b) \\ & ' < é{'.' + suffix}"
    words = ("landscape", "trajectory", "run", *GRID, "--out", out)
    assert call(*words).code == 0
    found = json.loads(READERS[suffix](tmp_path / out))
    stem = out.rpartition(".")[0]
    expected = {str(tmp_path / f"{stem}{end}") for end in (".npy", ".json", "_accuracy.npy")}
    check(found, words, {str(path): hashlib.sha256(Path(path).read_bytes()).hexdigest()
                         for path in expected})  # fmt: skip


@pytest.mark.parametrize("command", ["curvefit", "norm", "vis"])
def test_the_same_call_gives_the_same_bytes(call: Call, tmp_path: Path, command: str) -> None:
    content = []
    for _ in range(2):
        assert call(*COMMANDS[command], "--out=x.pdf").code == 0
        content.append([(tmp_path / f"x{end}").read_bytes() for end in (".pdf", ".json")])
    assert content[0] == content[1]
