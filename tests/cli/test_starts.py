"""The starts of `train` as the installed program takes them."""

import hashlib
from pathlib import Path

import pytest

from resdepth.runs.run import open_run

SMALL = ("train", "--width", 4, "--depth", 8, "--train-fraction", 0.1, "--epochs", 1)


@pytest.mark.parametrize(
    "args",
    [
        ["--init=repeat"],
        ["--init=fbm", "--hurst=0.3", "--init-depth=32"],
        ["--init=fbm", "--hurst=0.7", "--init-alpha=1"],
    ],
    ids=" ".join,
)
def test_a_start_is_trained_from_and_recorded(run_worker, tmp_path: Path, args) -> None:
    assert run_worker(*SMALL, *args, "--out=run", "--quiet").code == 0
    options = open_run(tmp_path / "run").options
    given = dict(arg[2:].replace("-", "_").split("=") for arg in args)
    assert {name: str(getattr(options, name)).removesuffix(".0") for name in given} == given


HOSTILE = {
    "no hurst": (["--init=fbm"], "--init=fbm: needs --hurst"),
    "hurst alone": (["--hurst=0.5"], "--hurst: has no effect with --init=ntrunc"),
    "depth": (
        ["--init=fbm", "--hurst=0.5", "--init-depth=24"],
        "24 is not --depth=8 times a power",
    ),
    "range": (["--init=fbm", "--hurst=1"], "--hurst: should be above 0, below 1"),
    "alpha": (["--init-alpha=2"], "--init-alpha: should be at least 0, at most 1"),
    "no run": (["--init=run"], "--init=run: needs --start-from (give the run of 'train'"),
    "run and draw": (
        ["--init=ntrunc", "--start-from=a"],
        "--start-from: has no effect with --init=ntrunc (leave it out or give --init=run)",
    ),
    "scale": (["--start-from=a", "--gamma=2"], "--gamma: has no effect with --init=run"),
    "rule": (["--start-rule=interpolate"], "--start-rule: has no effect with --init=ntrunc"),
    "typo": (["--init=fbn"], "did you mean 'fbm'?"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_starts_that_do_not_fit_are_one_line(run_worker, case: str) -> None:
    args, message = HOSTILE[case]
    ended = run_worker(*SMALL, *args)
    assert ended.code == 2
    assert message in ended.complaint


def test_a_run_is_trained_from_another(run_worker, tmp_path: Path) -> None:
    assert run_worker(*SMALL, "--seed=3", "--out=a", "--quiet").code == 0
    deep = ("train", "--width=4", "--epochs=1", "--start-from=a")
    wrong = run_worker(*deep, "--depth=24")
    assert wrong.code == 2 and not (tmp_path / "runs").exists()
    fits = f"24 is not 2^k times the 8 layers of {tmp_path / 'a'} (depths that fit: 8, 16, 32, …)"
    assert wrong.complaint == f"resdepth: error: --depth: {fits}"
    ended = run_worker(*deep, "--depth=16", "--start-rule=interpolate", "--out=b")
    assert (ended.code, ended.stdout) == (0, "b\n")
    file = tmp_path / "a/checkpoints/last.safetensors"
    assert f"starting from {file}: 8 layers, seed 3, step 1" in ended.stderr
    manifest = open_run(tmp_path / "b").manifest
    assert manifest.command[4] == "--start-from=a"
    assert manifest.options["start_from"] == str(tmp_path / "a")
    assert manifest.parent == {
        "checkpoint": str(file),
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "depth": 8,
        "seed": 3,
        "step": 1,
    }
