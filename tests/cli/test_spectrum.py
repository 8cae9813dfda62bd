"""`spectrum` as the installed program runs it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from resdepth.cli.spectrum import completeness
from resdepth.mathematics.lanczos import Search
from tests.support.process import Outcome

QUICK = ("--threads=1", "--device=cpu")


@pytest.fixture
def run_copy(small_run: Path, tmp_path: Path) -> Path:
    """A run that may be written to."""
    return shutil.copytree(small_run, tmp_path / "run")


@pytest.mark.long
def test_the_installed_program_says_price_and_eigenvalues(run_program, run_copy: Path) -> None:
    ended: Outcome = run_program("spectrum", "run", *QUICK, "--top=2")
    assert ended.code == 0
    price = "run/checkpoints/last.safetensors: costs about "
    assert ended.stderr.startswith(price) and ended.stderr.endswith(" gradients of the loss\n")
    head, *lines, pdf, numbers = ended.stdout.splitlines()
    assert "L = 6, 96 parameters" in head
    assert [line.split(" = ")[0].strip() for line in lines[:3]] == [
        "lambda_1",
        "lambda_2",
        "lambda_96",
    ]
    assert lines[3].endswith("(exact)") and lines[5].endswith("edge of stability 2")
    assert lines[6].endswith("the whole matrix was diagonalised: no eigenvalue is missing")
    assert (pdf, numbers) == ("run/spectrum.pdf", "run/spectrum.json")
    assert (run_copy / "spectrum.pdf").read_bytes().startswith(b"%PDF")


def test_the_numbers_as_json(run_worker, small_run: Path, tmp_path: Path) -> None:
    args = ("--density", "--interaction=2", "--blocks=spectra", "--out=x.png", "--json")
    ended = run_worker("spectrum", small_run, *QUICK, *args)
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert numbers == json.loads((tmp_path / "x.json").read_text())
    assert len(numbers["top"]) == 10 and len(numbers["smallest"]) == 1
    assert len(numbers["residuals"]) == 11 and numbers["search"] is None
    assert sum(numbers["layers"]["hessian"]) == pytest.approx(numbers["trace"]["hessian"])
    assert np.shape(numbers["spectra"]) == (6, 16) and np.shape(numbers["interaction"]) == (2, 2)
    assert numbers["rate_times_top"] == pytest.approx(numbers["rate"] * numbers["top"][0])
    assert (tmp_path / "x.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (Search(0, 0, 0), "further copies of it were not searched for"),
        (Search(3, 63, 2), "63 of them searched for further copies"),
        (Search(3, 63, 2), "restarts 3, copies found 2"),
    ],
)
def test_the_text_says_what_is_known_of_multiple_eigenvalues(search: Search, expected: str) -> None:
    assert expected in completeness(search)


def test_checkpoints_and_runs_in_one_picture(run_worker, small_run: Path, tmp_path: Path) -> None:
    checkpoint = small_run / "checkpoints" / "step_00000002.safetensors"
    ended = run_worker("spectrum", checkpoint, small_run, *QUICK, "--out=x", "--json", "--quiet")
    assert ended.code == 0 and ended.stderr.splitlines() == ["x.pdf", "x.json"]
    numbers = json.loads(ended.stdout)
    assert [entry["step"] for entry in numbers] == [2, 5]


HOSTILE = {
    "nothing": ([], 2, "SOURCES: none was given"),
    "no such run": (["nowhere"], 2, "nowhere: no such"),
    "no run": (["."], 1, "not a run folder"),
    "missing": (["RUN", "a.safetensors"], 2, "a.safetensors: no such file"),
    "probes": (["RUN", "--probes=5"], 2, "--probes: has no effect: the traces of this network"),
    "steps": (["RUN", "--steps=5"], 2, "--steps: has no effect without --density"),
    "options": (["YAML"], 2, "a.yaml does not say where the weights are"),
    "matrix": (["RUN", "--matrix=fisher"], 2, "--matrix: should be one of hessian, gauss-newton"),
    "top 0": (["RUN", "--top=0"], 2, "--top: should be at least 1"),
    "smallest": (["RUN", "--smallest=-1"], 2, "--smallest: should be at least 0"),
    "one group": (["RUN", "--interaction=1"], 2, "--interaction: should be at least 2"),
    "groups": (["RUN", "--interaction=7"], 2, "--interaction: 7 groups of 6 layers"),
    "one probe": (["RUN", "--probes=1"], 2, "--probes: should be at least 2"),
    "half": (["RUN", "--dtype=float16"], 2, "--dtype: should be one of float32, float64"),
    "tolerance": (["RUN", "--tolerance=nan"], 2, "--tolerance: should be"),
    "engine": (["RUN", "--engine=cuda"], 2, "--engine: should be one of auto, cpu"),
    "suffix": (["RUN", "--out=a.bmp"], 2, "'.bmp' is not one of"),
    "no folder": (["RUN", "--out=/dev/null/a.pdf"], 1, "cannot write"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_line(run_worker, small_run: Path, tmp_path: Path, case: str) -> None:
    args, code, message = HOSTILE[case]
    (tmp_path / "a.yaml").touch()
    paths = {"RUN": small_run, "YAML": tmp_path / "a.yaml"}
    ended = run_worker("spectrum", *(paths.get(arg, arg) for arg in args), *QUICK)
    assert ended.code == code
    assert message in ended.complaint
