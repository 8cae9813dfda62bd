"""No numbers are lost: places are tried before computing, numbers are saved before drawing."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resdepth.atomic import writing
from resdepth.errors import Impossible
from tests.support.commands import COMMANDS, OTHERS, SPECTRUM, SUFFIXES
from tests.support.events import scalar, write_events
from tests.support.process import Outcome

Call = Callable[..., Outcome]


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


PLACES = {
    "below a file": "a.npy/x",
    "read-only": "/proc/sys/x",
    "too long": "new/" + "x" * 300,
    "a folder": "folder",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", COMMANDS | OTHERS)
def test_places_are_tried_before_anything_is_computed(
    call: Call, tmp_path: Path, command: str, place: str
) -> None:
    suffix = SUFFIXES.get(command, ".png")
    out = PLACES[place] + suffix
    if place == "a folder":
        if not suffix:
            pytest.skip("its output is a folder")
        (tmp_path / out).mkdir()
    before = tree(tmp_path)
    ended = call(*(COMMANDS | OTHERS)[command], "--out", out)
    assert ended.code in (1, 2) and out in ended.complaint
    assert ended.stdout == "" and "gradients of the loss" not in ended.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize("place", [".", "..", "/", "run/.."])
@pytest.mark.parametrize("command", ["norm", "vis", "trajectory", "report", "render"])
def test_a_file_needs_a_name(call: Call, tmp_path: Path, command: str, place: str) -> None:
    before = tree(tmp_path)
    ended = call(*(COMMANDS | OTHERS)[command], "--out", place)
    assert ended.code == 2 and f"--out: '{place}' is a folder" in ended.complaint
    assert tree(tmp_path) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_the_numbers_may_not_be_a_folder_either(call: Call, tmp_path: Path, command: str) -> None:
    (tmp_path / "x.json").mkdir()
    ended = call(*COMMANDS[command], f"--out=x{SUFFIXES.get(command, '.png')}")
    assert ended.code == 1 and "x.json: cannot write: Is a directory" in ended.complaint
    assert ended.stdout == ""


def fail(*_: object, **__: object) -> None:
    raise RuntimeError("matplotlib stumbles\nand says why")


def full(*args: Any, **__: object) -> None:
    with writing(Path("x")):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("failure", [fail, full])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_figure_that_fails_costs_no_numbers(
    call: Call, tmp_path: Path, monkeypatch, command: str, failure: Callable[..., None]
) -> None:
    monkeypatch.setattr("resdepth.figures.style.save", failure)
    ended = call(*COMMANDS[command], "--json", f"--out=x{SUFFIXES.get(command, '.png')}")
    assert ended.code == 1 and "the figure could not be made: " in ended.complaint
    reason = {fail: "RuntimeError: matplotlib stumbles", full: "No space left on device"}[failure]
    assert reason in ended.complaint and "why" not in ended.complaint
    saved = "x.npy" if command == "trajectory" else "x.json"
    assert f"the numbers are in {saved}" in ended.complaint
    assert (tmp_path / saved).is_file() and not (tmp_path / "x.png").exists()
    assert json.loads(ended.stdout)["provenance"]["command"][0] == "resdepth"


@pytest.mark.parametrize("command", ["curvefit", "norm", "profile", "scaling", "report"])
def test_tables_are_printed_before_the_figure(call: Call, monkeypatch, command: str) -> None:
    monkeypatch.setattr("resdepth.figures.style.save", fail)
    ended = call(*COMMANDS[command])
    first, *_, last = ended.stdout.splitlines()
    words = {"curvefit": "run: C = ", "norm": "L ", "profile": "L = 6: "}
    assert ended.code == 1 and last.endswith((".json", ".csv"))
    assert first.strip().startswith(words.get(command, "")) and not first.endswith(".json")


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "trajectory"])
def test_numbers_that_cannot_be_saved_are_printed(
    call: Call, tmp_path: Path, monkeypatch, command: str
) -> None:
    monkeypatch.setattr("resdepth.records.write_text", full)
    ended = call(*COMMANDS[command], f"--out=x{SUFFIXES.get(command, '.png')}")
    assert ended.code == 1 and "No space left" in ended.complaint
    start = ended.stdout.index("{")
    assert "provenance" in json.loads(ended.stdout[start:])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("more", [(), ("--infer-shift",), ("--window-size=3",)])
def test_a_curve_without_numbers_does_not_cost_the_others(
    call: Call, tmp_path: Path, value: float, more: tuple[str, ...]
) -> None:
    name = "events.out.tfevents.1.host"
    write_events(tmp_path / "bad" / name, [scalar(k, value) for k in range(50)])
    write_events(tmp_path / "good" / name, [scalar(k, 2 / (k + 1) ** 0.7) for k in range(1, 99)])
    ended = call("curvefit", "good", "bad", "--tag=loss", "--time=step", *more, "--json")
    assert ended.code == 0
    assert "bad: none of the 50 values of 'loss' is finite; left out" in ended.stderr
    (row,) = json.loads(ended.stdout)["fits"]
    assert row["file"] == "good" and (tmp_path / "curvefit.pdf").is_file()
    alone = call("curvefit", "bad", "--tag=loss")
    assert alone.code == 1 and "none of the 50 values" in alone.complaint


@pytest.mark.parametrize(
    "values",
    [
        [np.nan] * 20 + [1.0],
        [-1.0] * 20,
        [0.0] * 20,
        [5e-324] * 20,
        [1e-310 / k for k in range(1, 30)],
        [1e38] * 20,
        [1.0, np.nan] * 10,
        [np.inf, 1.0, -np.inf] * 10,
    ],
    ids=["one number", "negative", "zero", "denormal", "denormals", "large", "gaps", "infinite"],
)
def test_any_curve_gives_numbers_and_a_figure(
    call: Call, tmp_path: Path, values: list[float]
) -> None:
    name = "events.out.tfevents.1.host"
    write_events(tmp_path / "odd" / name, [scalar(k, v) for k, v in enumerate(values)])
    for out in ("x.pdf", "x.png"):
        ended = call("curvefit", "odd", "--tag=loss", "--out", out)
        assert ended.code == 0 and (tmp_path / out).is_file(), ended.stderr
    assert json.loads((tmp_path / "x.json").read_text())["fits"]


@pytest.mark.parametrize("bad", [0, 1])
def test_a_spectrum_that_fails_does_not_cost_the_others(
    call: Call, tmp_path: Path, monkeypatch, bad: int
) -> None:
    from resdepth.probing import hessian

    real, looked = hessian.extreme_eigenpairs, list[int]()

    def sometimes(*args: Any, **settings: Any) -> Any:
        looked.append(len(looked))
        if looked[-1] == bad:
            raise Impossible(
                "eigenvalues",
                f"{0} of {1} converged in {9} products",
                "ask for fewer of them, or accept larger residuals",
            )
        return real(*args, **settings)

    monkeypatch.setattr(hessian, "extreme_eigenpairs", sometimes)
    shutil.copytree("run", "other")
    ended = call("spectrum", "run", "other", *SPECTRUM, "--out=x.png")
    assert ended.code == 0 and (tmp_path / "x.png").is_file()
    name = ("run", "other")[bad]
    assert f"{name}/checkpoints/last.safetensors: eigenvalues: 0 of 1 converged" in ended.stderr
    (found,) = json.loads((tmp_path / "x.json").read_text())
    assert found["checkpoint"].startswith(("run", "other")[1 - bad])


def test_an_interruption_keeps_the_spectra_that_were_found(
    call: Call, tmp_path: Path, monkeypatch
) -> None:
    from resdepth.probing import hessian

    real, looked = hessian.extreme_eigenpairs, list[int]()

    def once(*args: Any, **settings: Any) -> Any:
        looked.append(1)
        if looked[1:]:
            raise KeyboardInterrupt
        return real(*args, **settings)

    monkeypatch.setattr(hessian, "extreme_eigenpairs", once)
    monkeypatch.setattr("resdepth.cli.signals.exit_code", lambda: 130)
    shutil.copytree("run", "other")
    assert call("spectrum", "run", "other", *SPECTRUM, "--json", "--out=x.png").code == 130
    assert len(json.loads((tmp_path / "x.json").read_text())) == 1
