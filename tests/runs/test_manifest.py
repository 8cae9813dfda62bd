"""The content of manifests, and which files are refused."""

import json
from pathlib import Path

import pytest

from resdepth.errors import Corrupt, Missing
from resdepth.options.train import TrainOptions
from resdepth.runs.folder import create_run
from resdepth.runs.manifest import NAME, read_manifest
from resdepth.runs.run import open_run
from tests.support.messages import refused

OPTIONS = TrainOptions(depth=5, seed=9, epochs=3)


def create(folder: Path) -> None:
    create_run(folder, "train", OPTIONS.recorded(), ["resdepth", "train"]).release()


def test_a_new_run_has_a_manifest_only(tmp_path: Path) -> None:
    create(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [NAME]
    run = open_run(tmp_path / "run")
    assert run.options == OPTIONS
    assert (run.manifest.seed, run.manifest.outcome, run.manifest.steps) == (9, "running", 0)
    assert run.manifest.command == ["resdepth", "train"]
    assert {"torch", "numpy", "pvar"} <= run.manifest.versions.keys()
    assert run.manifest.threads >= 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\x00\xff", "not JSON"),
        ("[]", "manifest format None"),
        ("{}", "manifest format None"),
        ('{"format": 99}', "manifest format 99, not 1"),
        ('{"format": 1}', "command: Field required"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / NAME).write_bytes(content.encode("latin-1"))
    with refused(Corrupt, match=reason):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outcome": "splendid"}, "outcome"),
        ({"steps": "many"}, "steps"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_fields_are_checked(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    create(tmp_path)
    content = json.loads((tmp_path / NAME).read_text())
    (tmp_path / NAME).write_text(json.dumps(content | changes))
    with refused(Corrupt, match=reason):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"network": {"depth": 0}, "depth": 0}, "--depth: should be at least 1, not 0"),
        ({"colour": 1}, "`colour`: no such"),
    ],
)
def test_recorded_options_are_checked(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    create(tmp_path)
    content = json.loads((tmp_path / NAME).read_text())
    content["options"] |= changes
    del content["sha256"]
    (tmp_path / NAME).write_text(json.dumps(content))
    with refused(Corrupt, match=reason):
        _ = open_run(tmp_path).options


def test_folders_without_a_manifest_are_refused(tmp_path: Path) -> None:
    with refused(Missing, match="it has no manifest"):
        open_run(tmp_path)
    with refused(Missing, match="no such folder"):
        open_run(tmp_path / "x")


def test_options_that_contradict_their_group_are_corrupt(tmp_path: Path) -> None:
    create(tmp_path)
    content = json.loads((tmp_path / NAME).read_text())
    content["options"]["depth"] += 1
    del content["sha256"]
    (tmp_path / NAME).write_text(json.dumps(content))
    with refused(Corrupt, match=r"manifest.json: --depth: is given twice"):
        read_manifest(tmp_path)
