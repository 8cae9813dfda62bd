"""What the machine around a command may be like: nothing of it ends the work without a word."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import resdepth
from tests.support.images import contents, write_folder
from tests.support.process import EXECUTABLE, Outcome

Run = Callable[..., Outcome]
TRAIN = "train --depth 3 --width 2 --threads 1 --epochs 3 --out run"
ODD = os.fsdecode(b"odd\xff\xfe")
LONG = "x" * 300


def shell(run_program: Run, line: str, **env: str) -> Outcome:
    """`line` with `resdepth` in it, by sh."""
    line = line.replace("resdepth", str(EXECUTABLE), 1)
    return run_program(program=("sh", "-c", line), env=env)


@pytest.mark.parametrize(
    ("where", "reason"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
@pytest.mark.parametrize(
    "command", ["--version", "--help", "train --print-config", "--show-completion bash"]
)
def test_a_result_that_cannot_be_written(
    run_program: Run, command: str, where: str, reason: str
) -> None:
    ended = shell(
        run_program,
        f"resdepth {command} {where}",
        _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
    )
    assert ended.code == 1 and f"standard output: cannot write: {reason}" in ended.complaint


@pytest.mark.long
@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["ascii", "strict", "C"],
)
def test_numbers_in_an_encoding_that_has_no_plus_minus(
    run_program: Run, small_run: Path, locale: dict[str, str]
) -> None:
    ended = run_program("curvefit", "--event-paths", small_run, "--out", "c.pdf", env=locale)
    assert ended.code == 0 and r" \xb1 " in ended.stdout and r"R\xb2 = " in ended.stdout


@pytest.mark.long
@pytest.mark.parametrize(
    "line",
    [
        f"resdepth {TRAIN} 2>&-",
        f"resdepth {TRAIN} 2>/dev/full",
        f"{{ resdepth {TRAIN} 2>&1 >/dev/null; echo $? >code; }} | true; cat code",
        f"resdepth {TRAIN} <&- 2>&-",
    ],
    ids=["closed", "full", "gone", "both closed"],
)
def test_training_goes_on_when_nobody_listens(tmp_path: Path, run_program: Run, line: str) -> None:
    ended = shell(run_program, line)
    assert ended.code == 0 and ended.stdout in ("run\n", "0\n")
    run = resdepth.open_run(tmp_path / "run")
    # No file took the number of the lost stream, and what libraries say with it.
    assert run.manifest.outcome == "finished" and run.scalars("loss")[0].tolist() == [0, 1, 2, 3]


@pytest.mark.long
@pytest.mark.parametrize(
    "backend", ["module://no_such_package.backend_inline", "nonsense", "", "tkagg"]
)
def test_a_backend_that_is_of_no_use(
    tmp_path: Path, run_program: Run, small_run: Path, backend: str
) -> None:
    args = ("paths", "norm", "--dir-path", small_run, "--out", "n.pdf")
    assert run_program(*args, env={"MPLBACKEND": backend}).code == 0
    assert (tmp_path / "n.pdf").is_file()


def test_a_home_that_cannot_be_written(tmp_path: Path, run_worker: Run) -> None:
    data = write_folder(tmp_path / "d", contents())
    (tmp_path / "t").mkdir()
    env = {"HOME": "/dev/null", "XDG_CACHE_HOME": "", "TMPDIR": str(tmp_path / "t")}
    ended = run_worker(*TRAIN.split(), "--data", "folder", "--data-dir", data, **env)
    assert ended.code == 0 and "warning: data is kept in" in ended.stderr


def test_completion_where_home_cannot_be_written(run_program: Run) -> None:
    env = {"HOME": "/dev/null", "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    ended = run_program("--install-completion", "bash", env=env)
    assert ended.code == 1 and "--show-completion prints the script" in ended.complaint
    assert run_program("--show-completion", "bash", env=env).code == 0


def test_too_little_address_space_for_torch(run_program: Run, small_run: Path) -> None:
    ended = shell(
        run_program, f"ulimit -v 2000000; exec resdepth paths norm --dir-path {small_run}"
    )
    assert ended.code == 1 and "cannot be loaded" in ended.complaint
    assert "ulimit -v" in ended.complaint


@pytest.mark.parametrize(
    "args",
    [
        ("train", "--out", LONG),
        ("train", "--resume", LONG),
        ("train", "--config", LONG),
        ("train", "--data", "folder", "--data-dir", LONG, "--out", "run"),
        ("export", LONG),
        ("paths", "norm", "--dir-path", LONG),
        ("curvefit", "--event-paths", LONG),
        ("landscape", "render", LONG),
        ("landscape", "vis", LONG),
        ("landscape", "render", "--config-path", LONG),
    ],
    ids=lambda args: " ".join(args[:2]),
)
def test_a_name_that_is_too_long(run_worker: Run, args: tuple[str, ...]) -> None:
    ended = run_worker(*args)
    assert ended.code in (1, 2) and "File name too long" in ended.complaint


def test_a_name_that_is_just_short_enough(tmp_path: Path, run_worker: Run, small_run: Path) -> None:
    out = f"{'x' * 250}.pdf"
    assert run_worker("paths", "norm", "--dir-path", small_run, "--out", out).code == 0
    assert (tmp_path / out).is_file()


def test_no_name_is_no_place(tmp_path: Path, run_worker: Run) -> None:
    ended = run_worker("train", "--out", "")
    assert ended.code == 2 and "--out: should name a file or folder" in ended.complaint
    assert not list(tmp_path.glob("[!.]*"))


def test_a_tilde_behind_an_equals_sign(tmp_path: Path, run_worker: Run) -> None:
    (tmp_path / "home").mkdir()
    args = TRAIN.replace("--out run", "--out=~/runs/x").split()
    assert run_worker(*args, HOME=str(tmp_path / "home")).code == 0
    assert (tmp_path / "home/runs/x/manifest.json").is_file() and not (tmp_path / "~").exists()


@pytest.fixture
def odd_run(tmp_path: Path, run_worker: Run) -> Path:
    """A run in a folder whose name is no UTF-8, on data in another."""
    write_folder(tmp_path / ODD / "d", contents())
    args = TRAIN.replace("--out run", f"--out {ODD}/run").split()
    ended = run_worker(*args, "--data", "folder", "--data-dir", f"{ODD}/d")
    assert ended.code == 0, ended.stderr
    return tmp_path / ODD / "run"


def test_bytes_that_are_no_text_survive_in_the_record(odd_run: Path) -> None:
    run = resdepth.open_run(odd_run)
    assert run.options.data_dir == odd_run.parent / "d"
    assert f"{ODD}/run" in run.manifest.command
    text = (odd_run / "manifest.json").read_text(encoding="utf-8")
    assert r"odd\udcff\udcfe" in text and json.loads(text)["format"] == 2


@pytest.mark.parametrize(
    ("args", "written"),
    [
        (("train", "--resume", f"{ODD}/run", "--epochs", "4"), "run/manifest.json"),
        (("export", f"{ODD}/run", "--out", f"{ODD}/w"), "w/resnet_3.pth"),
        (("export", f"{ODD}/run", "--out", f"{ODD}/w", "--format", "npz"), "w/resnet_3.npz"),
        (("paths", "norm", "--dir-path", f"{ODD}/run", "--out", f"{ODD}/n.pdf"), "n.pdf"),
        (("curvefit", "--event-paths", f"{ODD}/run", "--out", f"{ODD}/c.pdf"), "c.pdf"),
        (("landscape", "render", f"{ODD}/run", "--steps", "3"), "run/landscape.json"),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else part,
)
def test_a_folder_whose_name_is_no_text(
    odd_run: Path, run_worker: Run, args: tuple[str, ...], written: str
) -> None:
    ended = run_worker(*args)
    assert ended.code == 0, ended.stderr
    assert (odd_run.parent / written).is_file()


@pytest.mark.parametrize("place", ["file/s.npy", "folder.npy"])
def test_a_target_that_cannot_be_written_is_found_out_first(
    tmp_path: Path, run_worker: Run, small_run: Path, place: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.npy").mkdir()
    ended = run_worker("landscape", "render", small_run, "--steps", "3", "--out", place)
    assert ended.code == 1 and "cannot write" in ended.complaint and "cells" not in ended.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_found_out_first(
    tmp_path: Path, run_worker: Run, small_run: Path
) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    run.chmod(0o500)
    ended = run_worker("landscape", "render", run, "--steps", "3")
    assert ended.code == 1 and "Permission denied" in ended.complaint
    assert "cells" not in ended.stderr
