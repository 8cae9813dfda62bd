"""Malformed invocations and files: one line, the right exit code, nothing half-written."""

import inspect
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import typer

from resdepth.runs.sealed import sealed
from tests.support.images import contents, encoded, pixels, write_folder, write_zip
from tests.support.process import EXECUTABLE, Outcome

Run = Callable[..., Outcome]
SUGGESTS = "suggest_commands" in inspect.signature(typer.Typer).parameters
"""Early releases of typer name no command that is spelled alike."""
QUICK = ("train", "--depth", "3", "--width", "2", "--threads", "1", "--epochs", "2")


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".output-")
    }


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("nonsense", "nonsense"),
        ("trian", "'train'" if SUGGESTS else "trian"),
        ("paths nonsense", "nonsense"),
        ("train --nonsense 3", "--nonsense"),
        ("train --dept 3", "--depth"),
        ("train stray", "stray"),
        ("train --depth", "--depth"),
        ("train --depth 0", "--depth: should be at least 1, not '0'"),
        ("train -L 0", "--depth: should be at least 1, not '0'"),
        ("train --model.L=0", "--depth: should be at least 1, not '0'"),
        ("train --depth three", "--depth: should be a whole number, not 'three'"),
        ("train --depth=", "--depth: should be a whole number, not ''"),
        ("train --alpha 1.01", "--alpha: should be at least 0, at most 1, not '1.01'"),
        ("train --alpha nan", "--alpha: should be a finite number, not 'nan'"),
        ("train --p-var 1", "--p-var: should be at least 2, not '1'"),
        ("train --model.p_var=1", "--p-var: should be at least 2, not '1'"),
        ("train --lr -1", "--lr: should be above 0, not '-1'"),
        ("train --lr 1e999", "--lr: should be a finite number, not '1e999'"),
        ("train --activation tanhh", "did you mean 'tanh'?"),
        ("train --data imagenet", "--data: should be one of digits, mnist"),
        ("train --data=folder", "--data=folder: needs --data-dir"),
        ("train --data sin --model classification", "--model: 'classification' does not fit"),
        ("train --dynamic-lr=perhaps", "--dynamic-lr: should be true or false"),
        ("train --model.depth=3", "--model.depth: no such option"),
        ("train --config missing.yaml", "missing.yaml: no such file"),
        ("train --config .", "not a configuration file"),
        ("train --seed -1", "--seed: should be at least 0"),
        ("export", "SOURCES: none was given"),
        ("export a --format onnx", "--format: should be one of pth, safetensors, npz"),
    ],
)
def test_a_wrong_invocation(tmp_path: Path, run_program: Run, line: str, complaint: str) -> None:
    ended = run_program(*line.split(" "))
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr == ended.complaint + "\n" and complaint in ended.complaint
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("dept: 3", "c.yaml: unknown option 'dept' (did you mean 'depth'?)"),
        ("[depth, 3]", "c.yaml: not a configuration file: it is not a mapping"),
        ("depth: [", "c.yaml: not a configuration file: line 2"),
        ("depth: 0", "--depth: should be at least 1, not '0'"),
        ("depth: yes", "--depth: should be a whole number, not 'yes'"),
        ("depth: true", "--depth: should be a whole number, not 'true'"),
        ("epochs: 1:30", "--epochs: should be a whole number, not '1:30'"),
        ("depth: 3\ndepth: 4", "line 2: 'depth' is given twice, first in line 1"),
        ("lr: .inf", "--lr: should be a number, not '.inf'"),
        ("data: [sin, constant]", "--data: should be one of"),
        (
            "lr: !!python/object/apply:os.system [touch ran]",
            "--lr: should be a number, not ['",
        ),
    ],
)
def test_a_wrong_file(tmp_path: Path, run_program: Run, content: str, complaint: str) -> None:
    (tmp_path / "c.yaml").write_text(content + "\n")
    ended = run_program("train", "--config", "c.yaml")
    assert ended.code == 2 and complaint in ended.complaint
    assert ended.stderr == ended.complaint + "\n" and list(files(tmp_path)) == ["c.yaml"]


def corrupt_image(tmp: Path) -> Path:
    return write_folder(tmp / "d", contents() | {"train/cat/0.png": b"no image"})


def mixed_sizes(tmp: Path) -> Path:
    return write_folder(tmp / "d", contents() | {"train/cat/0.png": encoded(pixels(0, (9, 9, 3)))})


def truncated_zip(tmp: Path) -> Path:
    path = write_zip(tmp / "d.zip", contents())
    os.truncate(path, path.stat().st_size // 2)
    return path


@pytest.mark.parametrize(
    ("make", "code", "complaint"),
    [
        (lambda tmp: tmp / "missing", 2, "no such image folder or .zip"),
        (corrupt_image, 1, "train/cat/0.png: cannot be decoded (not an image)"),
        (mixed_sizes, 1, "9x9 pixels"),
        (truncated_zip, 1, "not a whole .zip archive"),
        (lambda tmp: write_zip(tmp / "d.zip", {}), 1, "no images under train/<class>/"),
        (lambda tmp: write_folder(tmp / "d", contents(test=0)), 1, "no images under test/<class>/"),
    ],
    ids=["missing", "corrupt", "sizes", "truncated", "empty", "no test"],
)
def test_wrong_data(
    tmp_path: Path, run_worker: Run, make: Callable[[Path], Path], code: int, complaint: str
) -> None:
    data = make(tmp_path)
    ended = run_worker(*QUICK, "--data", "folder", "--data-dir", data, "--out", "run")
    assert ended.code == code and complaint in ended.complaint and str(data) in ended.complaint
    # The run folder holds the manifest alone, and says what happened.
    (name,) = files(tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / name).read_text())
    assert manifest["outcome"] == "failed" and complaint in manifest["detail"]["error"]


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--input-size", "3"], "--input-size: 3 is not the 64 features"),
        (["--classes", "3"], "--classes: 3 is fewer than the 10"),
        (["--device", "cuda"], "--device=cuda: this machine has no usable cuda device"),
        (["--engine", "cuda"], "--engine=cuda: runs on cuda, not on cpu"),
    ],
)
def test_options_that_the_machine_or_the_data_refuse(
    run_worker: Run, args: list[str], complaint: str
) -> None:
    if "cuda" in args and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    ended = run_worker(*QUICK, "--device", "cpu", *args, "--out", "run")
    assert ended.code == 2 and complaint in ended.complaint


@pytest.mark.parametrize("below", ["train", "export"])
def test_an_output_below_a_file(
    tmp_path: Path, run_worker: Run, small_run: Path, below: str
) -> None:
    (tmp_path / "file").write_text("")
    args = QUICK if below == "train" else ("export", small_run)
    ended = run_worker(*args, "--out", "file/run")
    assert ended.code == 1 and "cannot write: Not a directory" in ended.complaint
    assert list(files(tmp_path)) == ["file"]


def test_an_output_that_is_a_file(tmp_path: Path, run_worker: Run) -> None:
    (tmp_path / "run").write_text("precious")
    ended = run_worker(*QUICK, "--out", "run", "--overwrite")
    assert ended.code == 1 and "run: cannot write: Not a directory" in ended.complaint
    assert files(tmp_path) == {"run": b"precious"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_without_permission(tmp_path: Path, run_worker: Run) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    ended = run_worker(*QUICK, "--out", "locked/run")
    assert ended.code == 1 and "cannot write: Permission denied" in ended.complaint


@pytest.mark.parametrize("limit", [0, 1000, 4000])
def test_a_full_disk_while_training(tmp_path: Path, run_worker: Run, limit: int) -> None:
    args = (*QUICK, "--depth", "100", "--epochs", "20", "--out", "run")
    ended = run_worker(*args, file_limit=limit)
    if limit == 0:
        # Not even what is printed can be written.
        assert ended.code == 1
    else:
        assert ended.code == 1 and "cannot write: File too large" in ended.complaint
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("format", ["pth", "safetensors", "npz"])
def test_a_full_disk_while_exporting(
    tmp_path: Path, run_worker: Run, small_run: Path, format: str
) -> None:
    ended = run_worker("export", small_run, "--format", format, "--out", "w", file_limit=500)
    assert ended.code == 1 and "cannot write: File too large" in ended.complaint
    assert files(tmp_path) == {}


class Payload:
    """A pickle that touches a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mknod, (str(self.path),)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 7)


def not_finite(path: Path) -> None:
    tensors = safetensors.torch.load_file(path)
    with safetensors.safe_open(path, "pt") as archive:
        metadata = archive.metadata()
    tensors["blocks"][1, 0, 0] = float("nan")
    path.write_bytes(sealed(tensors, metadata))


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Payload(path.with_name("ran"))))


def other_tensors(path: Path) -> None:
    path.write_bytes(safetensors.torch.save({"weights": torch.zeros(3)}))


@pytest.mark.parametrize("command", ["export", "resume"])
@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (truncated, "not a whole checkpoint"),
        (not_finite, "blocks holds numbers that are not finite"),
        (pickled, "it is a Python pickle"),
        (other_tensors, "not a resdepth checkpoint: it is a safetensors file (weights)"),
    ],
)
def test_a_damaged_checkpoint(
    tmp_path: Path,
    run_worker: Run,
    small_run: Path,
    command: str,
    damage: Callable[[Path], None],
    complaint: str,
) -> None:
    shutil.copytree(small_run, tmp_path / "run")
    path = tmp_path / "run/checkpoints/last.safetensors"
    damage(path)
    before = files(tmp_path / "run/checkpoints")
    args = ("export", "run", "--out", "w") if command == "export" else ("train", "--resume", "run")
    ended = run_worker(*args)
    assert ended.code == 1 and complaint in ended.complaint
    assert "last.safetensors" in ended.complaint and "remove the file" in ended.complaint
    assert files(tmp_path / "run/checkpoints") == before and not (tmp_path / "w").exists()
    # What the hint says helps.
    path.unlink()
    assert run_worker("export", "run", "--out", "w").code == 0


def without_manifest(run: Path) -> None:
    (run / "manifest.json").unlink()


def with_manifest(content: str) -> Callable[[Path], None]:
    return lambda run: (run / "manifest.json").write_text(content) and None


def with_options(**changes: Any) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        content = json.loads((run / "manifest.json").read_text())
        content["options"] |= changes
        content["options"]["network"] |= changes
        del content["sha256"]
        (run / "manifest.json").write_text(json.dumps(content))

    return change


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (shutil.rmtree, "run: not a run folder: no such folder"),
        (without_manifest, "run: not a run folder: it has no manifest.json"),
        (with_manifest("{"), "manifest.json: not JSON"),
        (with_manifest("[]"), "manifest.json: manifest format None, not 1 or 2"),
        (with_manifest('{"format": 3}'), "manifest.json: manifest format 3, not 1 or 2"),
        (with_options(depth=0), "manifest.json: --depth: should be at least 1, not 0"),
        (with_options(activation="sine"), "manifest.json: --activation: should be one of"),
        (with_options(depth=7), "the checkpoint is not of this run"),
    ],
)
def test_resuming_what_is_no_run(
    tmp_path: Path,
    run_worker: Run,
    small_run: Path,
    damage: Callable[[Path], None],
    complaint: str,
) -> None:
    shutil.copytree(small_run, tmp_path / "run")
    damage(tmp_path / "run")
    ended = run_worker("train", "--resume", "run")
    assert ended.code == 1 and complaint in ended.complaint


def test_exporting_what_is_no_run(tmp_path: Path, run_worker: Run) -> None:
    ended = run_worker("export", ".", "--out", "w")
    assert ended.code == 1 and "not a run folder: it has no manifest.json" in ended.complaint
    (tmp_path / "x.safetensors").write_bytes(b"hello")
    ended = run_worker("export", "x.safetensors", "--out", "w")
    assert (
        ended.code == 1 and "x.safetensors: not a whole checkpoint: it is text" in ended.complaint
    )
    assert "an earlier checkpoint" not in ended.complaint
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "sizes",
    [
        ("--depth", 10**7, "--width", 10**4),
        ("--depth", 10**9, "--width", 10**6),
        ("--depth", 10**23),
        ("--data", "sin", "--num-samples", 10**25),
    ],
    ids=str,
)
def test_more_than_the_memory(run_worker: Run, sizes: tuple[object, ...]) -> None:
    ended = run_worker("train", *sizes, "--out", "run")
    assert ended.code == 1 and "memory" in ended.complaint


def test_the_reader_of_a_pipe_goes_away(run_program: Run) -> None:
    line = "resdepth train --print-config | head -n 1"
    line = line.replace("resdepth", str(EXECUTABLE), 1)
    ended = run_program(program=("sh", "-c", line))
    assert ended == Outcome(0, "model: null\n", "")
