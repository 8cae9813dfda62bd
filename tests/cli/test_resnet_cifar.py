"""`resdepth resnet-cifar` as a program: what it prints, what it refuses, how it stops."""

from __future__ import annotations

import json
import os
import re
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from resdepth.runs.manifest import read_manifest
from tests.support.pictures import picture_folder
from tests.support.process import Outcome, Workers, wait_until

SMALL = "--data folder --data-dir images --depth 8 --epochs 1 --batch-size 20 --threads 1 --lr 0.05"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The working folder, with images in it."""
    picture_folder(tmp_path / "images")
    return tmp_path


@pytest.fixture
def call(run_worker: Callable[..., Outcome], place: Path) -> Callable[..., Outcome]:
    return lambda line="", **settings: run_worker(
        "resnet-cifar", *SMALL.split(), *line.split(), **settings
    )


def test_prints_both_accuracies_of_each_class(call: Callable[..., Outcome], place: Path) -> None:
    ended = call("--out run")
    assert ended.code == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["class", "top-1", "top-2"]
    assert [line.split()[0] for line in lines[1:9]] == [f"class{k}" for k in range(8)]
    final = read_manifest(place / "run").final
    assert lines[9].split() == [
        "all",
        f"{100 * final['val/accuracy']:.2f}",
        "%",
        f"{100 * final['val/top2']:.2f}",
        "%",
    ]
    assert lines[10] == "run"
    assert "images/s" in ended.stderr


def test_json_holds_what_the_manifest_does(call: Callable[..., Outcome], place: Path) -> None:
    ended = call("--out run --json --quiet")
    assert ended.code == 0
    answer = json.loads(ended.stdout)
    assert answer["outcome"] == "finished"
    assert answer["final"] == read_manifest(place / "run").final
    assert ended.stderr.split() == ["run"]


def test_manifest_says_what_ran(call: Callable[..., Outcome], place: Path) -> None:
    assert call("--out run --amp off").code == 0
    manifest = read_manifest(place / "run")
    assert manifest.program == "resnet-cifar"
    assert manifest.engine.startswith("torch float32")
    assert manifest.options["data_dir"] == str(place / "images")
    assert manifest.command[:2] == ["resdepth", "resnet-cifar"]


def test_default_folder_and_old_spelling(run_worker: Callable[..., Outcome], place: Path) -> None:
    line = SMALL.replace("--depth 8", "--L=14").split()
    ended = run_worker("resnet-cifar", *line, "--seed_everything=3")
    assert ended.code == 0, ended.stderr
    assert any((place / "runs/resnet-L14-seed3").glob("events.out.tfevents.*"))


def test_events_are_fitted_as_they_are(
    call: Callable[..., Outcome], run_worker: Callable[..., Outcome], place: Path
) -> None:
    assert call("--out run --epochs 4").code == 0
    ended = run_worker("curvefit", "--event-paths", "run/resnet_events", "--json")
    assert ended.code == 0, ended.stderr
    (fit,) = json.loads(ended.stdout)["fits"]
    assert fit["points"] == 12


def test_seeds_print_mean_and_deviation(
    call: Callable[..., Outcome], run_worker: Callable[..., Outcome], place: Path
) -> None:
    ended = call("--out many --seeds 2")
    assert ended.code == 0, ended.stderr
    summary = json.loads((place / "many/summary.json").read_text())
    mean, deviation = (100 * summary[name]["val/accuracy"] for name in ("mean", "std"))
    assert f"{mean:.2f} ± {deviation:.2f} %" in ended.stdout
    assert (place / "many/seed_1/manifest.json").is_file()
    ended = run_worker("study", "report", "many", "--json")
    assert ended.code == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["means"][0]["mean"]["accuracy"] == summary["mean"]["val/accuracy"]
    assert report["means"][0]["std"]["accuracy"] == summary["std"]["val/accuracy"]
    assert report["cells"][1]["values"] == {"depth": 8, "seed": 1}
    page, table = (place / f"many/report{end}" for end in (".html", ".csv"))
    assert f"{mean:.4g}" in page.read_text() and table.read_text().count("\n") == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_leaves_a_run_to_resume(
    number: signal.Signals, workers: Workers, call: Callable[..., Outcome], place: Path
) -> None:
    line = f"resnet-cifar {SMALL} --epochs 4000 --eval-every 0 --out run"
    process, wait = workers.start(*line.split(), cwd=place)
    wait_until(lambda: (place / "run/checkpoints/step_00000003.safetensors").exists())
    os.kill(process.pid, number)
    ended = wait()
    assert ended.code == 128 + number, ended.stderr
    manifest = read_manifest(place / "run")
    assert manifest.outcome == "interrupted"
    assert 3 <= manifest.steps < 12000


REFUSED = [
    ("--depth 57", 2, r"--depth: should be 6n \+ 2, not 57 \(the nearest are 56 and 62\)"),
    ("--depth 4", 2, r"--depth: should be at least 8, not '4'"),
    ("--alpha 2", 2, r"--alpha: should be at least 0, at most 1, not '2'"),
    ("--momentum 1", 2, r"--momentum: should be at least 0, below 1, not '1'"),
    ("--schedule linear", 2, r"--schedule: should be one of constant, cosine, step"),
    ("--amp fp16", 2, r"--amp: should be one of auto, off, bf16"),
    ("--batch-size 1", 2, r"--batch-size: should be at least 2, not '1'"),
    ("--data-dir nowhere", 2, r"nowhere: no such image folder or \.zip"),
    ("--data mnist", 2, r"--data: should be one of cifar10, folder"),
    ("--resume nowhere", 1, r"nowhere: not a run folder"),
    ("--resume images --overwrite", 2, r"--overwrite: --resume resumes a run in its own folder"),
    ("--device mps", 2, r"--device=mps"),
]


@pytest.mark.parametrize(("line", "code", "message"), REFUSED)
def test_one_line_says_what_is_wrong(
    line: str, code: int, message: str, call: Callable[..., Outcome]
) -> None:
    ended = call(f"--out run {line}" if "resume" not in line else line)
    assert ended.code == code
    assert re.search(message, ended.complaint), ended.complaint


def test_folder_data_needs_its_place(run_worker: Callable[..., Outcome]) -> None:
    ended = run_worker("resnet-cifar", "--data", "folder")
    assert ended.code == 2
    assert "--data=folder: needs --data-dir" in ended.complaint


def test_corrupt_image(call: Callable[..., Outcome], place: Path) -> None:
    (place / "images/train/class0/0.png").write_bytes(b"no picture")
    ended = call("--out run")
    assert ended.code == 1
    assert "train/class0/0.png" in ended.complaint
    assert read_manifest(place / "run").outcome == "failed"


def test_broken_archive(call: Callable[..., Outcome], place: Path) -> None:
    with zipfile.ZipFile(place / "whole.zip", "w") as archive:
        archive.writestr("train/a/0.png", b"x" * 2000)
    (place / "broken.zip").write_bytes((place / "whole.zip").read_bytes()[:-40])
    ended = call("--out run --data-dir broken.zip")
    assert ended.code == 1
    assert "not a whole .zip archive" in ended.complaint


def test_full_disk(call: Callable[..., Outcome], place: Path) -> None:
    ended = call("--out run", file_limit=20_000)
    assert ended.code == 1
    assert "cannot write" in ended.complaint
    assert not list((place / "run/checkpoints").glob("*"))


def test_folder_in_use(call: Callable[..., Outcome], place: Path) -> None:
    assert call("--out images").code == 2
    assert "--overwrite replaces it" in call("--out images").complaint


def test_divergence(call: Callable[..., Outcome], place: Path) -> None:
    ended = call("--out run --lr 1e30 --weight-decay 1 --epochs 3 --amp off")
    assert ended.code == 1
    assert "training diverged at step" in ended.complaint
    assert read_manifest(place / "run").outcome == "diverged"


def test_changed_option_on_resume(call: Callable[..., Outcome], place: Path) -> None:
    assert call("--out run").code == 0
    ended = call("--resume run --alpha 0.5")
    assert ended.code == 2
    assert "--alpha: the run in run has 0.75, not 0.5" in ended.complaint


def test_configuration_round_trip(call: Callable[..., Outcome], place: Path) -> None:
    text = call("--print-config").stdout
    (place / "again.yaml").write_text(text)
    assert call("--config again.yaml --print-config").stdout == text
    assert "weight_decay: 0.0" in text
