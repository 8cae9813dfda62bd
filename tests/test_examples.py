"""The Python examples that the demo does not run, as their users call them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pictures import picture_folder

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = {
    "edge_of_stability.py": ("--depths", "4", "8", "--epochs", "4", "--every=2", "--out", "edge"),
    "regularity_vs_depth.py": ("--depths", "4", "8", "--seeds", "2", "--epochs", "3", "--out", "r"),
    "resnet_accuracy.py": ("conv", "--out", "accuracy.pdf"),
    "weights_for_pvar.py": ("--depths", "12", "--epochs", "4", "--out", "weights"),
}


@pytest.fixture(scope="module")
def runs(workers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    picture_folder(folder / "images")
    words = (
        "resnet-cifar --depth 8 --data folder --data-dir images --epochs 2 --threads 1 --out conv"
    )
    assert workers.run(*words.split(), cwd=folder).code == 0
    return folder


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(runs: Path, name: str) -> None:
    command = [sys.executable, str(ROOT / "examples" / name), *EXAMPLES[name]]
    ended = subprocess.run(command, cwd=runs, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    out = command[command.index("--out") + 1]
    assert (runs / out).exists()
