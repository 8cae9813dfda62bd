"""Commands in the process of the test, which may change what they call."""

import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.process import Outcome


@pytest.fixture
def call(
    tmp_path: Path,
    small_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., Outcome]:
    """A command line run in this process, in `tmp_path`, where `run` and `a.npy` lie."""
    from resdepth.cli.app import run

    shutil.copytree(small_run, tmp_path / "run")
    np.save(tmp_path / "a.npy", np.add.outer(np.arange(3.0), np.arange(4.0)) + 1)
    monkeypatch.chdir(tmp_path)
    capfd.readouterr()

    def called(*args: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["resdepth", *map(str, args)])
        with warnings.catch_warnings():
            code = run()
        return Outcome(code, *capfd.readouterr())

    return called
