"""`paths scaling` as the installed program runs it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import resdepth
from resdepth.mathematics.exponents import PathObservation, exponents, tabulate
from resdepth.mathematics.statistics import path_statistics
from resdepth.runs.export import write_model
from tests.support.synthetic import smooth, white

DEPTHS, SEEDS = (16, 32, 64, 128, 256), range(5)
BETA = 0.3


def diffusive(depth: int, seed: int) -> np.ndarray:
    return depth**-0.5 * white(depth, seed)


def written(folder: Path, path, depths=DEPTHS, seeds=SEEDS) -> None:
    """A folder a seed, in it a file a depth."""
    for seed in seeds:
        for depth in depths:
            blocks = torch.tensor(path(depth, seed).reshape(depth, 10, 10))
            write_model(folder / str(seed), blocks, "npz")


@pytest.mark.long
def test_the_installed_program_names_the_limit(run_program, tmp_path: Path) -> None:
    written(tmp_path / "rough", diffusive)
    ended = run_program("paths", "scaling", "rough", "--out=a.png")
    assert ended.code == 0
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("diffusive limit (H2): independent noise of size L^(-1/2)")
    assert lines[-2:] == ["a.png", "a.json"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "a.json").read_text())["verdict"]["limit"] == "H2"
    (nu,) = [line.split() for line in lines if line.lstrip().startswith("nu ")]
    assert float(nu[4]) == pytest.approx(0.5, abs=0.03)
    assert any("effective exponents over L = 16 … 256, 5 seeds" in line for line in lines)


def test_numbers_are_those_of_the_mathematics(run_worker, tmp_path: Path) -> None:
    written(tmp_path / "w", smooth)
    ended = run_worker("paths", "scaling", "w", "--beta", BETA, "--json")
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert numbers == json.loads((tmp_path / "paths-scaling.json").read_text())
    assert numbers["verdict"]["limit"] == "H1"
    assert (numbers["depths"], numbers["seeds"]) == (list(DEPTHS), 5)
    assert (numbers["alpha"], numbers["alpha_plus_nu"]) == (None, None)
    cells = [PathObservation(s, path_statistics(smooth(n, s))) for s in SEEDS for n in DEPTHS]
    for name, interval in exponents(tabulate(cells), BETA).intervals.items():
        found = [numbers["exponents"][name][part] for part in ("value", "low", "high")]
        expected = [interval.value, interval.low, interval.high]
        shown = [None if np.isnan(value) else value for value in expected]
        assert found == pytest.approx(shown, rel=1e-9, abs=1e-12), name


def test_runs_know_their_seeds_and_alpha(run_worker, tmp_path: Path) -> None:
    for seed in (3, 8):
        for depth in (5, 10, 20):
            options = resdepth.TrainOptions(
                depth=depth, seed=seed, width=3, epochs=1, threads=1, train_fraction=0.05, alpha=0.5
            )
            resdepth.train(options, tmp_path / f"study/cells/{depth}-{seed}")
    ended = run_worker("paths", "scaling", "study", "--json")
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert [(row["depth"], row["seed"]) for row in numbers["statistics"]] == [
        (depth, seed) for depth in (5, 10, 20) for seed in (3, 8)
    ]
    assert (numbers["alpha"], numbers["beta"]) == (0.5, 0.5)
    nu, total = numbers["exponents"]["nu"], numbers["alpha_plus_nu"]
    assert total == {part: pytest.approx(0.5 + nu[part]) for part in ("value", "low", "high")}
    said = run_worker("paths", "scaling", "study").stdout
    assert "alpha + nu = " in said and "caution: 2 seeds instead of 5" in said


def test_two_depths_are_no_verdict(run_worker, tmp_path: Path) -> None:
    written(tmp_path / "w", white, depths=(8, 16), seeds=(0,))
    ended = run_worker("paths", "scaling", "w")
    assert ended.code == 0
    assert ended.stdout.startswith("undecided: 2 depths and 1 seed: a verdict needs at least 3")
    assert "nan" not in ended.stdout


def test_constant_weights_are_said_to_be_constant(run_worker, tmp_path: Path) -> None:
    written(tmp_path / "w", lambda depth, seed: np.ones((depth, 100)))
    ended = run_worker("paths", "scaling", "w")
    assert ended.code == 0
    assert ended.stdout.startswith("undecided: no interval for q1, irel")


HOSTILE = {
    "nowhere": (["nowhere"], 2, "nowhere: no such file or folder"),
    "nothing": ([], 2, "SOURCES: none was given"),
    "suffix": (["w", "--out=a.bmp"], 2, "'.bmp' is not one of"),
    "empty": (["empty"], 1, "empty: no trained weights found"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_line(run_worker, tmp_path: Path, case: str) -> None:
    (tmp_path / "empty").mkdir()
    written(tmp_path / "w", white, depths=(8,), seeds=(0,))
    args, code, message = HOSTILE[case]
    ended = run_worker("paths", "scaling", *args)
    assert ended.code == code and message in ended.complaint


@pytest.mark.parametrize(
    ("path", "statistic", "words"),
    [
        (white, "P2", "P2 grows like L^0.5"),
        (smooth, "V1", "V1 is bounded over L = 16 … 256"),
        (smooth, "H", "H is "),
    ],
    ids=["grows", "bounded", "unscaled"],
)
def test_one_statistic_is_bounded_or_grows(
    run_worker, tmp_path: Path, path, statistic: str, words: str
) -> None:
    written(tmp_path / "w", path, seeds=(0, 1))
    ended = run_worker("paths", "scaling", "w", "--statistic", statistic, "--out", "a.png")
    assert ended.code == 0, ended.stderr
    sentence, head, *rows = ended.stdout.splitlines()
    assert sentence.startswith(words) and rows[-2:] == ["a.png", "a.json"]
    assert head.split()[0] == "seed" and [row.split()[0] for row in rows[:2]] == ["w/0", "w/1"]
    numbers = json.loads((tmp_path / "a.json").read_text())
    assert numbers["statistic"] == statistic and set(numbers["growth"]["by_seed"]) == {"w/0", "w/1"}
    assert numbers["growth"]["verdict"] in sentence.replace("grows like", "grows")
    assert "by_seed" in numbers and "agreement" in numbers


def test_a_statistic_that_is_none_is_refused(run_worker, tmp_path: Path) -> None:
    written(tmp_path / "w", white, depths=(8,), seeds=(0,))
    ended = run_worker("paths", "scaling", "w", "--statistic", "p2")
    assert ended.code == 2 and "--statistic" in ended.complaint and "P2" in ended.complaint
