"""`critical` as the installed program runs it."""

import json
from pathlib import Path

import pytest

from resdepth.mathematics.critical import critical_scaling

SMALL = ("--width", 4, "--depth", 64, "--draws", 5)


def test_numbers_are_those_of_the_estimator(run_worker, tmp_path: Path) -> None:
    ended = run_worker("critical", *SMALL, "--hurst", 0.8, "--hurst", 0.3, "--seed", 7, "--json")
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert numbers == json.loads((tmp_path / "critical.json").read_text())
    assert (tmp_path / "critical.pdf").read_bytes().startswith(b"%PDF")
    assert (numbers["structure"], numbers["activation"]) == ("res3", "relu")
    assert numbers["depths"] == [4, 8, 16, 32, 64]
    assert [row["hurst"] for row in numbers["estimates"]] == [0.3, 0.8]
    expected = critical_scaling(0.3, "res3", "relu", width=4, depth=64, draws=5, seed=7)
    assert numbers["estimates"][0]["beta"]["value"] == pytest.approx(expected.beta.value, rel=1e-9)
    assert numbers["estimates"][1]["limit"] == 0.8


def test_the_installed_program_draws_and_prints(run_program, tmp_path: Path) -> None:
    ended = run_program("critical", *SMALL, "--structure=skip", "--hurst=0.5", "--out=a.png")
    assert ended.code == 0 and ended.stderr == ""
    line, *paths = ended.stdout.splitlines()
    assert line.startswith("H = 0.5: beta = 0.") and line.endswith("limit 0.5")
    assert paths == ["a.png", "a.json"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "a.json").read_text())["activation"] == "tanh"


def test_every_hurst_exponent_is_estimated_once(run_worker) -> None:
    ended = run_worker("critical", *SMALL, "--hurst=0.5", "--hurst=0.50")
    assert [text[:7] for text in ended.stdout.splitlines()].count("H = 0.5") == 1


HOSTILE = {
    "hurst 0": (["--hurst=0"], 2, "--hurst: should be above 0, below 1, not 0"),
    "hurst 1": (["--hurst=0.5", "--hurst=1"], 2, "should be above 0, below 1, not 1"),
    "hurst nan": (["--hurst=nan"], 2, "--hurst: should be"),
    "word": (["--hurst=rough"], 2, "--hurst: should be a number"),
    "structure": (["--structure=res1"], 2, "--structure: should be one of res3, skip"),
    "one draw": (["--draws=1"], 2, "--draws: should be at least 2"),
    "shallow": (["--depth=63"], 2, "--depth: should be at least 64"),
    "suffix": (["--out=a.bmp"], 2, "'.bmp' is not one of"),
    "no folder": ([*SMALL, "--hurst=0.5", "--out=/dev/null/a.pdf"], 1, "cannot write"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_line(run_worker, case: str) -> None:
    args, code, message = HOSTILE[case]
    ended = run_worker("critical", *args)
    assert ended.code == code
    assert message in ended.complaint
