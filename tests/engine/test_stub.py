"""The compiled module matches its stub."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOUND = importlib.util.find_spec("resdepth._kernels")


@pytest.mark.skipif(FOUND is None, reason="the kernels are not compiled")
def test_the_stub_matches_the_binary(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    # Outside the package: mypy would check all that the package imports.
    binary = Path(str(FOUND and FOUND.origin))
    shutil.copy(binary, tmp_path)
    stub = Path(__file__).resolve().parents[2] / "resdepth" / "_kernels.pyi"
    shutil.copy(stub, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "_kernels"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "MYPYPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
