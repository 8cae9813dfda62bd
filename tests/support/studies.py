"""Small studies, and what they leave behind compared to the bit."""

import json
import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resdepth.cli.app import LazyCommand
from resdepth.options.resolve import resolve
from resdepth.options.study import StudyOptions
from resdepth.studies import worker
from tests.support.process import Workers, wait_until
from tests.support.runs import Whole, whole

SMALL = (
    "--width 4 --train-fraction 0.2 --alpha 1 --activation relu --lr 2 --lr-depth 4 "
    "--checkpoint-every 10 --threads 1"
)
FOUR = f"{SMALL} --depth 4,8 --seed 0:2 --epochs 40"
"""Four cells of a second."""
LONG = f"{SMALL} --depth 16,32 --seed 0:2 --epochs 800"
"""Four cells of some seconds."""
ENDLESS = f"{SMALL} --depth 16,32 --seed 0:2 --epochs 1000000"
"""Four cells that do not end by themselves."""


def cells(study: Path) -> dict[str, Path]:
    """The run folders of a study by cell."""
    return {path.name: path for path in sorted((study / "cells").iterdir())}


def contents(study: Path) -> dict[str, Whole]:
    """All of a study's runs that must not depend on who trained them."""
    return {name: whole(path) for name, path in cells(study).items()}


def files(study: Path) -> dict[str, bytes]:
    """The weights that lie in a study, file by file."""
    kinds = (".safetensors", ".pth")
    found = [path for path in sorted((study / "cells").rglob("*")) if path.suffix in kinds]
    return {path.relative_to(study).as_posix(): path.read_bytes() for path in found}


def states(workers: Workers, study: Path) -> dict[str, str]:
    """What `study status` says."""
    ended = workers.run("study", "status", study, "--json", cwd=study.parent)
    assert ended.code == 0, ended.stderr
    return {cell["cell"]: cell["state"] for cell in json.loads(ended.stdout)["cells"]}


def trainers(study: Path) -> dict[str, int]:
    """The process that trains each cell, where one does."""
    found = {}
    for lock in (study / "cells").glob("*/lock"):
        try:
            found[lock.parent.name] = int(json.loads(lock.read_text())["pid"])
        except (OSError, ValueError):
            continue
    return found


def training(study: Path, checkpoints: int = 1) -> bool:
    """Whether some cell is at work and has made checkpoints."""
    made = [(study / "cells" / n / "checkpoints").glob("step_*") for n in trainers(study)]
    return any(len(list(files)) >= checkpoints for files in made)


def newest(study: Path) -> int:
    """The latest step that a checkpoint of any cell has."""
    names = [path.stem for path in (study / "cells").glob("*/checkpoints/step_*")]
    return max((int(name.removeprefix("step_")) for name in names), default=0)


def beyond(study: Path, step: int) -> Callable[[], bool]:
    """Whether some cell has a checkpoint after `step`, when it is asked."""
    return lambda: newest(study) > step


def alive(number: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def parent_of(number: int) -> int:
    """The number of a process's parent."""
    return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])


def kill(number: int) -> None:
    """SIGKILL, and until the process is gone."""
    os.kill(number, signal.SIGKILL)
    wait_until(lambda: not alive(number))


def parsed(command: str) -> tuple[str, Path, dict[str, Any], dict[str, Any]]:
    """What the command line understands of a printed command: action, folder, options, executor."""
    program, group, action, *words = shlex.split(command)
    assert (program, group) == ("resdepth", "study")
    context = LazyCommand((group, action), "").make_context(action, words)
    given = {name: value for name, value in context.params.items() if value not in (None, [], ())}
    call = {name: given.pop(name) for name in list(given) if name not in StudyOptions.model_fields}
    folder = Path(call.pop("study"))
    options = resolve(StudyOptions, given, command="study run")
    return action, folder, options.model_dump(mode="json", exclude_unset=True), call


def fake_workers(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Have workers import nothing and run a line of Python before they serve."""
    begin, main, end = worker.BOOT.rpartition("main(")
    lines = "import os, time, resdepth.cli.worker as worker\nworker.MODULES = ()\n"
    monkeypatch.setattr(worker, "BOOT", f"{begin}{lines}{line}\n{main}{end}")


def customise(site: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every Python that is started from now on run a script at its start."""
    site.mkdir()
    (site / "sitecustomize.py").write_text(script)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
