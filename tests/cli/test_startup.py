"""What must be instant: help, version and completion import nothing heavy."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from resdepth.cli.app import COMMANDS
from tests.support.process import EXECUTABLE, Outcome

Run = Callable[..., Outcome]
# Early releases of typer import rich themselves.
BY_TYPER = subprocess.run(
    [sys.executable, "-c", "import sys, typer; print('rich' in sys.modules)"],
    capture_output=True,
    text=True,
    check=True,
)
HEAVY = ("torch", "numpy", "scipy", "pandas", "matplotlib", "tensorboard", "PIL")
HEAVY += () if BY_TYPER.stdout.strip() == "True" else ("rich",)
# Loaded by Python itself before anything else: notes each import of a heavy package, and whether
# the manifest was there by then.
WATCH = f"""
import importlib.abc, os, sys
class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {HEAVY}:
            there = os.path.exists("run/manifest.json")
            with open(os.environ["WATCHED"], "a") as notes:
                notes.write(f"{{name}} {{there}}\\n")
sys.meta_path.insert(0, Watch())
"""


@pytest.fixture
def watched(tmp_path: Path, run_program: Run) -> Callable[..., tuple[Outcome, dict[str, bool]]]:
    """Run the executable; its outcome, and heavy imports with whether the manifest was there."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    notes = tmp_path / "imports"

    def run(*args: str, **env: str) -> tuple[Outcome, dict[str, bool]]:
        env = {"PYTHONPATH": str(tmp_path / "watch"), "WATCHED": str(notes), **env}
        outcome = run_program(*args, env=env)
        lines = notes.read_text().split("\n")[:-1] if notes.exists() else []
        found: dict[str, bool] = {}
        for name, there in (line.split() for line in lines):
            found.setdefault(name, there == "True")
        return outcome, found

    return run


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["-h"],
        ["train", "--help"],
        ["export", "--help"],
        ["paths", "--help"],
        ["study", "run", "--help"],
        ["study", "run", "--print-config", "--depth", "4:16:x2"],
        ["study", "status", "--help"],
        ["train", "--print-config", "--depth", "7"],
        ["train", "--alpha", "2"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_imported(watched: Run, args: list[str]) -> None:
    outcome, imported = watched(*args)
    assert imported == {}
    assert outcome.code == (2 if {"2", "nonsense"} & set(args) else 0)


@pytest.mark.parametrize(
    "protocol",
    [
        {"COMP_WORDS": "resdepth train --da", "COMP_CWORD": "2"},
        {"_TYPER_COMPLETE_ARGS": "resdepth train --data "},
    ],
    ids=["complete_bash", "complete_zsh"],
)
def test_completion_imports_nothing_heavy(
    watched: Run, protocol: dict[str, str], request: pytest.FixtureRequest
) -> None:
    shell = request.node.callspec.id
    outcome, imported = watched(_RESDEPTH_COMPLETE=shell, **protocol)
    assert outcome.stdout and imported == {}


def test_the_manifest_is_there_before_torch(watched: Run) -> None:
    args = "train --depth 2 --width 2 --epochs 1 --threads 1 --quiet --out run"
    outcome, imported = watched(*args.split())
    assert outcome == Outcome(0, "run\n", "")
    assert imported["torch"] and imported["numpy"]


def test_version(run_program: Run) -> None:
    try:
        wanted = version("resdepth")
    except PackageNotFoundError:
        pytest.skip("resdepth is on the path, but was not installed")
    assert run_program("--version") == Outcome(0, f"resdepth {wanted}\n", "")


def test_the_overview_names_every_command(run_program: Run) -> None:
    shown = run_program("--help").stdout
    assert all(f"  {name} " in shown for name in COMMANDS)


def test_help_says_range_unit_and_default(run_program: Run) -> None:
    text = " ".join(run_program("train", "--help").stdout.split())
    assert "--depth, -L INTEGER" in text or "-L, --depth INTEGER" in text
    assert "layers; at least 1; default 64" in text
    assert "at least 0, at most 1; default 0.75" in text


def completed(run_program: Run, shell: str, line: str) -> list[str]:
    words = line.split(" ")
    protocol = {
        "_RESDEPTH_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
    }
    return run_program(env=protocol).stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("resdepth tr", ["train", "transfer"]),
        ("resdepth landscape tr", ["trajectory"]),
        ("resdepth landscape render --directions he", ["hessian"]),
        ("resdepth landscape render --statistics r", ["recalibrated"]),
        ("resdepth paths ", ["norm", "weights", "profile", "scaling"]),
        ("resdepth train --data ", ["digits", "mnist", "cifar10", "folder", "sin", "constant"]),
        ("resdepth train --depth 3 --activation t", ["tanh"]),
        ("resdepth train --dtype float", ["float32", "float64"]),
        ("resdepth train --checkpoint-", ["--checkpoint-every"]),
        ("resdepth train --device ", ["auto", "cpu", "cuda", "mps"]),
        ("resdepth study ", ["run", "status", "probe", "retry", "cancel", "report"]),
        ("resdepth study run --activation g", ["gelu"]),
        ("resdepth study run --lr ", ["auto"]),
        ("resdepth study retry --executor ", ["local", "slurm", "dask"]),
        ("resdepth export --format ", ["pth", "safetensors", "npz"]),
    ],
)
def test_completion(run_program: Run, shell: str, line: str, wanted: list[str]) -> None:
    found = completed(run_program, shell, line)
    if shell == "bash":
        assert found == wanted
    else:
        assert all(f'"{word}"' in " ".join(found) for word in wanted)
        assert "gpu" not in " ".join(found)


def test_paths_are_completed(tmp_path: Path, run_program: Run) -> None:
    (tmp_path / "runs" / "deep").mkdir(parents=True)
    (tmp_path / "runs" / "deeper.yaml").write_text("")
    assert completed(run_program, "bash", "resdepth train --resume ru") == ["runs/"]
    found = completed(run_program, "bash", "resdepth train --config runs/de")
    assert found == ["runs/deep/", "runs/deeper.yaml"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_completion_in_a_real_bash(tmp_path: Path) -> None:
    script = """
    eval "$(resdepth --show-completion bash)"
    spec=$(complete -p resdepth)
    function=$(sed 's/.*-F \\([^ ]*\\).*/\\1/' <<< "$spec")
    COMP_WORDS=(resdepth train --data "") COMP_CWORD=3
    "$function" resdepth "" --data
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    path = f"{EXECUTABLE.parent}:/usr/local/bin:/usr/bin:/bin"
    found = subprocess.run(
        ["bash", "--norc", "-c", script], env={"PATH": path}, capture_output=True, text=True
    )
    assert found.stdout.split() == ["digits", "mnist", "cifar10", "folder", "sin", "constant"]


def test_the_overview_needs_no_options() -> None:
    """Their classes are the slowest of what the commands import before they compute."""
    code = "import sys, resdepth.cli.app; print(*{'pydantic', 'yaml'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""
