"""The critical scaling against the network itself, loops, and the limits of the literature."""

import json
import subprocess
import sys
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch

from reproduce.critical import (
    STRUCTURES,
    CriticalScaling,
    CriticalTable,
    critical_scaling,
    draw_critical,
    limit,
    main,
    prefixes,
)
from resdepth.engine.autograd import hidden_states
from resdepth.engine.loss import CrossEntropy
from resdepth.engine.network import Network
from resdepth.mathematics.activation import ACTIVATIONS
from resdepth.mathematics.fractional import fractional_noise
from resdepth.mathematics.interval import Interval
from resdepth.mathematics.random import stream
from tests.support.artists import bars, curves, same

SCRIPT = Path(__file__).resolve().parents[2] / "reproduce" / "critical.py"
SMALL = ("--width=4", "--depth=64", "--draws=5")


def drawn(hurst: float, width: int, depth: int, seed: int, draw: int, count: int):
    """h_0 and the matrices of one draw, (depth, width, width) each."""
    generator = stream(seed, "blocks", draw)
    noise = [
        fractional_noise(depth, hurst, repeat(generator, width**2)).reshape(width, width, depth)
        for _ in range(count)
    ]
    h = stream(seed, "inputs", draw).standard_normal(width)
    return h, [matrix.transpose(2, 0, 1) / np.sqrt(width) for matrix in noise]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_branch_of_skip_is_the_networks_own(activation: str) -> None:
    h, (blocks,) = drawn(0.6, 3, 5, 1, 0, 1)
    value = ACTIVATIONS[activation].value
    sigma = lambda z: value(torch.from_numpy(z)).numpy()  # noqa: E731
    found = STRUCTURES["skip"](h, sigma, iter([blocks.transpose(1, 2, 0)]))
    start = torch.from_numpy(h)[None]
    for k in range(5):
        network = Network(
            torch.from_numpy(blocks[k : k + 1].copy()),
            torch.zeros(3, 2, dtype=torch.float64),
            torch.zeros(2, 3, dtype=torch.float64),
            alpha=0.5,
            activation=activation,
            augmentation="skip",
            loss=CrossEntropy(),
        )
        (after,) = hidden_states(network, start)
        np.testing.assert_allclose(found[:, k], (after - start)[0].numpy(), atol=1e-14)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_estimate_is_the_slope_written_out(structure: str) -> None:
    slopes = []
    for draw in range(3):
        h, matrices = drawn(0.7, 4, 64, 9, draw, {"skip": 1, "res3": 2}[structure])
        total, norms = np.zeros(4), {}
        for k, layer in enumerate(zip(*matrices, strict=True), 1):
            branch = np.tanh(layer[0] @ h)
            total = total + (layer[1] @ branch if structure == "res3" else branch)
            norms[k] = np.linalg.norm(total)
        sizes = [norms[n] for n in (4, 8, 16, 32, 64)]
        slopes.append(np.polyfit(np.log([4, 8, 16, 32, 64]), np.log(sizes), 1)[0])
    found = critical_scaling(0.7, structure, "tanh", width=4, depth=64, draws=3, seed=9)
    assert found.beta.value == pytest.approx(np.mean(slopes), rel=1e-9)
    assert found.standard_error == pytest.approx(np.std(slopes, ddof=1) / np.sqrt(3), rel=1e-6)
    # Student's t of two degrees of freedom.
    assert found.beta.high - found.beta.value == pytest.approx(4.302653 * found.standard_error)


def test_prefixes_are_halves() -> None:
    assert prefixes(2000) == (125, 250, 500, 1000, 2000)


# Measured on a prototype with 24 draws at width 20, standard errors .008 to .018.
PROTOTYPE = {
    ("res3", "relu", 0.2): 0.496,
    ("res3", "relu", 0.5): 0.516,
    ("res3", "relu", 0.8): 0.754,
    ("res3", "relu", 0.95): 0.927,
    ("skip", "tanh", 0.2): 0.445,
    ("skip", "tanh", 0.5): 0.501,
    ("skip", "tanh", 0.8): 0.797,
    ("skip", "tanh", 0.95): 0.935,
}


@pytest.mark.parametrize(
    ("structure", "activation", "hurst"),
    [pytest.param(*case, marks=pytest.mark.long if case[2] != 0.8 else ()) for case in PROTOTYPE],
)
def test_estimates_of_the_prototype(structure: str, activation: str, hurst: float) -> None:
    found = critical_scaling(hurst, structure, activation, width=10)
    assert found.standard_error < 0.035
    expected = PROTOTYPE[structure, activation, hurst]
    assert found.beta.value == pytest.approx(expected, abs=3 * (found.standard_error + 0.01))


@pytest.mark.parametrize(
    ("structure", "activation", "hurst", "expected"),
    [
        ("res3", "tanh", 0.95, 0.9),
        ("skip", "relu", 0.8, 1.0),
        pytest.param("res3", "relu", 0.3, 0.5, marks=pytest.mark.long),
        pytest.param("res3", "relu", 0.8, 0.8, marks=pytest.mark.long),
        pytest.param("res3", "tanh", 0.7, 0.5, marks=pytest.mark.long),
        pytest.param("skip", "tanh", 0.8, 0.8, marks=pytest.mark.long),
        pytest.param("skip", "sigmoid", 0.3, 1.0, marks=pytest.mark.long),
    ],
)
def test_the_limit_is_what_estimates_tend_to(structure, activation, hurst, expected) -> None:
    assert limit(hurst, structure, activation) == pytest.approx(expected)
    found = critical_scaling(hurst, structure, activation, width=10, seed=3)
    assert found.beta.value == pytest.approx(expected, abs=0.07 + 2 * found.standard_error)


LIMITS = {
    ("skip", "relu"): ("$1$", lambda h: np.ones_like(h)),
    ("skip", "tanh"): (r"$\max(\frac{1}{2}, H)$", lambda h: np.maximum(0.5, h)),
    ("res3", "relu"): (r"$\max(\frac{1}{2}, H)$", lambda h: np.maximum(0.5, h)),
    ("res3", "tanh"): (r"$\max(\frac{1}{2}, 2H-1)$", lambda h: np.maximum(0.5, 2 * h - 1)),
}


@pytest.mark.parametrize(("structure", "activation"), LIMITS)
def test_the_figure_shows_the_estimates_and_the_limit(structure: str, activation: str) -> None:
    # The two sides of an interval are of different lengths: none stands for the other.
    rows = [(0.25, 0.5, 0.4375, 0.625), (0.5, 0.53125, 0.5, 0.5625), (0.75, 0.75, 0.625, 0.8125)]
    estimates = tuple(CriticalScaling(h, Interval(*beta), 0.02, 0.0) for h, *beta in rows)
    table = CriticalTable(structure, activation, 20, (64, 1024), 24, 0, estimates)
    (axes,) = draw_critical(table).axes
    line, dots = curves(axes)[:2]
    named, limit = LIMITS[structure, activation]
    np.testing.assert_allclose(line[1], limit(line[0]))
    assert (line[0].min(), line[0].max()) == (0.0, 1.0)
    assert axes.lines[0].get_label().endswith(named)
    same(dots, [h for h, *_ in rows], [value for _, value, _, _ in rows])
    np.testing.assert_array_equal(bars(axes)[0], [(h, low, high) for h, _, low, high in rows])


def test_numbers_are_those_of_the_estimator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, "--hurst=0.8", "--hurst", "0.3", "0.30", "--seed=7", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers == json.loads((tmp_path / "critical.json").read_text())
    assert (tmp_path / "critical.pdf").read_bytes().startswith(b"%PDF")
    assert (numbers["structure"], numbers["activation"]) == ("res3", "relu")
    assert numbers["depths"] == [4, 8, 16, 32, 64]
    assert [row["hurst"] for row in numbers["estimates"]] == [0.3, 0.8]
    expected = critical_scaling(0.3, "res3", "relu", width=4, depth=64, draws=5, seed=7)
    assert numbers["estimates"][0]["beta"]["value"] == expected.beta.value
    assert numbers["estimates"][1]["limit"] == 0.8
    origin = numbers["provenance"]
    assert origin["command"][0] == "reproduce/critical.py" and origin["seed"] == 7
    assert origin["options"]["hurst"] == [0.3, 0.8]


def test_the_script_draws_and_prints(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, *SMALL, "--structure=skip", "--hurst=0.5", "--out=a.png"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == ""
    line, *paths = ended.stdout.splitlines()
    assert line.startswith("H = 0.5: beta = 0.") and line.endswith("limit 0.5")
    assert paths == ["a.png", "a.json"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "a.json").read_text())["activation"] == "tanh"


HOSTILE = {
    "hurst 0": (["--hurst=0"], 2, "--hurst: should be above 0, below 1, not 0"),
    "hurst 1": (["--hurst=0.5", "--hurst=1"], 2, "should be above 0, below 1, not 1"),
    "hurst nan": (["--hurst=nan"], 2, "--hurst: should be"),
    "word": (["--hurst=rough"], 2, "--hurst: should be above 0, below 1, not rough"),
    "structure": (["--structure=res1"], 2, "choose from"),
    "one draw": (["--draws=1"], 2, "--draws: should be at least 2"),
    "shallow": (["--depth=63"], 2, "--depth: should be at least 64"),
    "suffix": (["--out=a.bmp"], 2, ".bmp is not one of"),
    "no folder": ([*SMALL, "--hurst=0.5", "--out=/dev/null/a.pdf"], 1, "/dev/null"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_line(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, code, message = HOSTILE[case]
    try:
        ended: object = main(arguments)
    except SystemExit as error:
        ended = error.code
    (line,) = capsys.readouterr().err.splitlines()
    assert ended == code and message in line


def test_the_former_command_says_where_it_went(run_worker) -> None:
    ended = run_worker("critical", "--hurst=0.5")
    assert ended.code == 2 and "python reproduce/critical.py" in ended.complaint
