"""`paths norm`, `paths weights` and `paths profile` as the installed program runs them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from resdepth.runs.export import write_model

DEPTHS, SEEDS, BETA = (4, 9, 16), ("a", "b", "c"), 0.4


def blocks(depth: int, seed: str, width: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(depth + ord(seed))
    return torch.randn(depth, width, width, generator=generator)


@pytest.fixture
def collections(tmp_path: Path) -> list[str]:
    """Three folders of three depths; the flags that name them."""
    for seed in SEEDS:
        for depth in DEPTHS:
            write_model(tmp_path / seed, blocks(depth, seed))
    return [f"--dir-path={seed}" for seed in SEEDS]


def test_norms_agree_with_numpy(run_worker, collections, tmp_path: Path) -> None:
    ended = run_worker("paths", "norm", *collections, "--beta", BETA, "--pvar", 1, "--json")
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert numbers == json.loads((tmp_path / "paths-norm.json").read_text())
    assert ended.stderr.splitlines()[-2:] == ["paths-norm.pdf", "paths-norm.json"]
    for curve, row in zip(numbers["curves"], numbers["p_variation_norm"]["rows"], strict=True):
        depth = curve["depth"]
        weights = [
            torch.stack(torch.load(f"{tmp_path}/{s}/resnet_{depth}.pth")).double().numpy()
            for s in SEEDS
        ]
        paths = depth**BETA * np.stack(weights).reshape(3, depth, -1)
        norms = np.linalg.norm(paths, axis=2)
        np.testing.assert_allclose(curve["norm"]["mean"], norms.mean(0), rtol=1e-12)
        # At p = 1 the norm is the length of the path.
        lengths = np.linalg.norm(np.diff(paths, axis=1), axis=2).sum(1)
        np.testing.assert_allclose(row["norm"]["mean"], [lengths.mean()], rtol=1e-12)
        np.testing.assert_allclose(row["norm"]["deviation"], [lengths.std(ddof=1)], rtol=1e-12)


def test_a_table_is_printed_and_no_figure_drawn(run_worker, collections, tmp_path: Path) -> None:
    ended = run_worker("paths", "norm", *collections, "--beta=0", "--pvar=2", "--pvar-only")
    assert ended.code == 0
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["L", "runs", "p", "=", "2"]
    assert [line.split()[:2] for line in lines[1:4]] == [[str(d), "3"] for d in DEPTHS]
    assert lines[4].split()[0] == "growth" and lines[4].split()[1].startswith("L^")
    low, high = (float(word.strip("[,]")) for word in lines[4].split()[2:])
    growth = json.loads((tmp_path / "paths-norm.json").read_text())["p_variation_norm"]["growth"]
    assert low <= growth[0]["exponent"]["value"] <= high
    assert lines[5] == "±: standard deviation over the runs of a depth"
    assert lines[6].startswith(
        "growth: effective exponent over these depths with its 95 % interval"
    )
    assert lines[7:] == ["paths-norm.json"] and not (tmp_path / "paths-norm.pdf").exists()


def test_growth_says_that_it_rests_on_fewer_seeds_than_the_means(
    run_worker, tmp_path: Path
) -> None:
    for depth in DEPTHS:
        for seed in SEEDS[: 3 if depth == 4 else 1]:
            write_model(tmp_path / seed, blocks(depth, seed))
    ended = run_worker("paths", "norm", *SEEDS, "--beta=0", "--pvar=2", "--pvar-only")
    assert ended.code == 0
    assert [line.split()[:2] for line in ended.stdout.splitlines()[1:4]] == [
        ["4", "3"], ["9", "1"], ["16", "1"]
    ]  # fmt: skip
    assert "growth  1 of 3  L^" in ended.stdout and "seeds: 1 of 3" in ended.stdout
    growth = json.loads((tmp_path / "paths-norm.json").read_text())["p_variation_norm"]["growth"]
    assert (growth[0]["seeds"], growth[0]["excluded"]) == (1, 2)


def test_growth_that_bends_is_warned_of(run_worker, tmp_path: Path) -> None:
    for seed, factor in (("a", 1.0), ("b", 1.1), ("c", 0.9)):
        for depth in (8, 16, 32, 64):
            blocks = torch.zeros(depth, 1, 1, dtype=torch.float64)
            # The path jumps once, by what bends on log-log.
            blocks[depth // 2 :] = factor * float(np.exp(0.2 * np.log(depth) ** 2))
            write_model(tmp_path / seed, blocks)
    ended = run_worker("paths", "norm", "a", "b", "c", "--beta=0", "--pvar=2", "--pvar-only")
    assert ended.code == 0
    assert "warning: p = 2: the growth bends, from L^0.97" in ended.stderr


def test_old_spellings_and_a_single_model(run_worker, collections, tmp_path: Path) -> None:
    args = [
        "path-unused",
        "--dir_path=a/resnet_4.pth",
        "--ext",
        "pth",
        "--beta=0.75",
        "--pvar=1.0",
    ][1:]
    ended = run_worker("paths", "norm", *args, "--out", "new/x.svg")
    assert ended.code == 0
    assert ended.stdout.splitlines()[-2:] == ["new/x.svg", "new/x.json"]
    assert "±" not in ended.stdout and "growth" not in ended.stdout
    assert (tmp_path / "new/x.svg").read_text().startswith("<?xml")


def test_a_run_knows_its_beta(run_worker, small_run: Path) -> None:
    ended = run_worker("paths", "norm", "--dir-path", small_run, "--json")
    assert ended.code == 0
    assert json.loads(ended.stdout)["beta"] == 0.25


def test_entries(run_worker, collections, tmp_path: Path) -> None:
    ended = run_worker(
        *("paths", "weights", *collections, "--beta", BETA, "--json"),
        *("--pos", "0,2", "--pos", "1,1", "--pos_x=2", "--pos_y=0"),
    )
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert numbers["entries"] == [[0, 2], [1, 1], [2, 0]]
    first = numbers["curves"][0]
    weights = 4**BETA * blocks(4, "a").double().numpy()
    np.testing.assert_allclose(first["values"][0][0], weights[:, 0, 2], rtol=1e-12)
    assert (tmp_path / "paths-weights.pdf").read_bytes().startswith(b"%PDF")


def test_profile(run_worker, collections) -> None:
    args = ("--p-min=1", "--p-max=3", "--points=5", "--beta=0", "--json")
    ended = run_worker("paths", "profile", *collections, *args)
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert numbers["exponents"] == [1.0, 1.5, 2.0, 2.5, 3.0]
    for row in numbers["rows"]:
        assert (np.diff(row["norm"]["mean"]) <= 1e-9).all()
        assert row["critical"] is None


def test_the_critical_exponent_is_printed(run_worker, tmp_path: Path) -> None:
    write_model(tmp_path / "x", blocks(600, "a").cumsum(0))
    ended = run_worker("paths", "profile", "--dir-path", "x", "--beta=0", "--points=3")
    assert ended.code == 0
    first = ended.stdout.splitlines()[0]
    assert first.startswith("L = 600: critical exponent") and "±" in first
    assert 1.5 < float(first.split()[5]) < 2.6


def test_one_layer_is_said_to_have_no_variation(run_worker, tmp_path: Path) -> None:
    write_model(tmp_path / "x", blocks(1, "a"))
    ended = run_worker("paths", "norm", "--dir-path", "x", "--beta=0", "--pvar=2")
    assert ended.code == 0
    assert "one layer is a path of one point" in ended.stderr
    assert ended.stdout.splitlines()[1].split() == ["1", "1", "0"]


def test_null_compares_with_random_orders(run_worker, small_run: Path, tmp_path: Path) -> None:
    args = ("--null", "--pvar=2", "--out", "x.svg")
    ended = run_worker("paths", "norm", small_run, *args)
    assert ended.code == 0
    lines = ended.stdout.splitlines()
    head = next(i for i, line in enumerate(lines) if "quadratic variation" in line)
    assert lines[head].split()[-2:] == ["neighbours", "increments"]
    assert lines[head + 1].split()[:2] == ["6", "3"] and lines[head - 1] == ""
    assert lines[head + 5].startswith("L = 6: ")
    null = json.loads((tmp_path / "x.json").read_text())["null"]
    (row,), (curve,) = null["paths"], null["curves"]
    assert (row["depth"], row["seed"], row["orders"], row["exact"]) == (6, 3, 359, True)
    assert lines[head + 1].split()[2] == f"{row['quadratic_variation']['ratio']:.3g}"
    assert len(curve["norm"]["low"]) == len(curve["norm"]["initial"]) == 6
    assert len(curve["p_variation_norm"]["high"]) == 1 and null["orders"] == 39
    ended = run_worker("paths", "profile", small_run, "--null", "--points=3", "--json")
    assert ended.code == 0
    (curve,) = json.loads(ended.stdout)["null"]["curves"]
    assert curve["norm"] is None and len(curve["p_variation_norm"]["mean"]) == 3


def test_null_of_files_and_of_two_layers(run_worker, collections, tmp_path: Path) -> None:
    args = ("--beta=0", "--pvar=1", "--pvar-only", "--null")
    ended = run_worker("paths", "norm", *collections, *args)
    assert ended.code == 0
    assert "9 seeds" not in ended.stdout and "L = 9: 3 seeds together: no sign" in ended.stdout
    assert "a/resnet_4.pth" in ended.stdout and not (tmp_path / "paths-norm.pdf").exists()
    write_model(tmp_path / "x", blocks(2, "a"))
    ended = run_worker("paths", "profile", "--dir-path", "x", "--beta=0", "--null")
    assert ended.code == 0
    assert "L = 2: too few layers to compare" in ended.stdout
    assert "quadratic" not in ended.stdout


def test_a_long_null_is_announced(call, monkeypatch) -> None:
    monkeypatch.setattr("resdepth.cli.paths.LONG", 0.0)
    ended = call("paths", "norm", "run", "--null", "--out=x.svg")
    assert ended.code == 0
    cost = "null: p-variation norms of 39 random orders of 1 path take about 0 s"
    assert ended.stderr.splitlines()[1] == cost


HOSTILE = {
    "no beta": (["norm", "--dir-path=a"], 2, "--beta: is needed"),
    "nowhere": (["norm", "--dir-path=nowhere"], 2, "nowhere: no such file or folder"),
    "no models": (["norm", "--dir-path=empty"], 1, "empty: no trained weights found"),
    "wrong ext": (["norm", "--dir-path=a", "--ext=npz"], 1, "with extension npz"),
    "widths": (["norm", "--dir-path=a", "--dir-path=wide", "--beta=0"], 1, "5 x 5, but 3 x 3"),
    "nan": (["norm", "--dir-path=nan", "--beta=0"], 1, "layer 2, entry (0, 1) is nan"),
    "truncated": (["weights", "--dir-path=cut", "--beta=0"], 1, "truncated"),
    "small p": (["norm", "--dir-path=a", "--pvar=0.5"], 2, "--pvar: should be at least 1"),
    "no p": (["norm", "--dir-path=a", "--pvar-only"], 2, "--pvar-only: needs an exponent"),
    "entry": (["weights", "--dir-path=a", "--beta=0", "--pos=3,0"], 1, "no entry (3, 0)"),
    "no entry": (["weights", "--dir-path=a", "--pos=3"], 2, "--pos: should be a row and a column"),
    "half": (
        ["weights", "--dir-path=a", "--pos-x=1"],
        2,
        "--pos: should be a row and a column as in 0,3, not '1,'",
    ),
    "suffix": (["norm", "--dir-path=a", "--beta=0", "--out=x.jpg"], 2, "'.jpg' is not one of"),
    "order": (["profile", "--dir-path=a", "--p-min=3", "--p-max=2"], 2, "--p-max: should be above"),
    "file": (["norm", "a/resnet_4.pth", "--ext=npz"], 2, "--ext: a/resnet_4.pth has another"),
    "layers": (["norm", "--dir-path=a", "--layers=0-1"], 2, "--layers: has no effect without"),
    "undrawn": (["norm", "a", "--pvar=2", "--pvar-only", "--norm=spectral"], 2, "--norm: has no"),
    "input": (["norm", "a", "--beta=0", "--norm=operator", "--input-size=8"], 2, "is a convolut"),
    "no folder": (["norm"], 2, "SOURCES: none was given"),
    "display": (["norm", "--dir-path=a", "--beta=0", "--show"], 1, "no display"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_line(run_worker, collections, tmp_path: Path, case: str) -> None:
    (tmp_path / "empty").mkdir()
    write_model(tmp_path / "wide", blocks(4, "a", width=5))
    spoilt = blocks(4, "a")
    spoilt[2, 0, 1] = torch.nan
    write_model(tmp_path / "nan", spoilt)
    cut = write_model(tmp_path / "cut", blocks(4, "a"))
    cut.write_bytes(cut.read_bytes()[:900])
    args, code, message = HOSTILE[case]
    ended = run_worker("paths", *args, DISPLAY="", WAYLAND_DISPLAY="")
    assert ended.code == code
    assert message in ended.complaint


@pytest.mark.long
def test_the_installed_program_does_the_same(run_program, collections) -> None:
    args = ("--beta=0", "--pvar=2", "--quiet", "--null")
    ended = run_program("paths", "norm", *collections, *args)
    assert ended.code == 0
    assert ended.stderr == ""
    assert ended.stdout.splitlines()[-1] == "paths-norm.json"
