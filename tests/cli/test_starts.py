"""The starts of `train` as the installed program takes them."""

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
    "typo": (["--init=fbn"], "did you mean 'fbm'?"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_starts_that_do_not_fit_are_one_line(run_worker, case: str) -> None:
    args, message = HOSTILE[case]
    ended = run_worker(*SMALL, *args)
    assert ended.code == 2
    assert message in ended.complaint
