"""The Python examples that the demo does not run, as their users call them."""

import json
import os
import runpy
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


@pytest.mark.long
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(runs: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = str(ROOT / "examples" / name)
    monkeypatch.chdir(runs)
    monkeypatch.setattr(sys, "argv", [script, *EXAMPLES[name]])
    runpy.run_path(script, run_name="__main__")
    out = Path(EXAMPLES[name][-1])
    assert out.exists()
    for numbers in out.glob("*.json") if out.is_dir() else [out.with_suffix(".json")]:
        assert json.loads(numbers.read_text())["provenance"]["command"] == sys.argv


@pytest.mark.long
def test_the_study_runs(tmp_path: Path) -> None:
    """The shell script, with fewer and smaller cells than by default."""
    small = "--depth 4,8 --seed 0:2 --width 3 --train-fraction .1 --epochs 4 --stop-loss 2.3"
    command = ["sh", str(ROOT / "examples/study.sh"), "out", *small.split()]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    for name in ("relu", "tanh"):
        numbers = json.loads((tmp_path / f"out/{name}/report.json").read_text())
        assert [cell["outcome"] for cell in numbers["cells"]] == ["finished"] * 4
        assert f"{name}/report.html" in ended.stdout
