"""What a run needs is imported, and nothing else: a list of modules, not a time."""

import json
import subprocess
import sys

import pytest

from tests.data.test_mnist import mnist

NEEDLESS = (
    "torchvision",
    "PIL",
    "matplotlib",
    "plotly",
    "pandas",
    "sympy",
    "torch._dynamo",
    "torch._inductor",
    "scipy.stats",
    "scipy.optimize",
    "tensorboard.compat.tensorflow_stub",
    "absl",
    "fsspec",
)
SCRIPT = """
import json, os, sys
from resdepth.cli.start import main
import torch
before = set(sys.modules)
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.fixture(scope="module", params=["digits", "sin", "mnist"])
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What `train` imports beside torch, on each kind of data."""
    tmp = tmp_path_factory.mktemp("imports")
    args = [
        "--data",
        request.param,
        *["--depth", "2", "--width", "3", "--epochs", "1", "--quiet", "--out", "run"],
    ]
    if request.param == "mnist":
        args += ["--data-dir", str(mnist(tmp / "mnist"))]
    call = [sys.executable, "-c", SCRIPT, "train", *args]
    ran = subprocess.run(call, cwd=tmp, capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.long
@pytest.mark.parametrize("name", NEEDLESS)
def test_nothing_needless_is_imported(imported: set[str], name: str) -> None:
    assert "resdepth.training.session" in imported
    found = [module for module in sorted(imported) if f"{module}.".startswith(f"{name}.")]
    assert not found
