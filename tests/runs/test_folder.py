"""Run folders: created, reopened, refused, replaced."""

from pathlib import Path

import pytest

from resdepth.cli.console import line
from resdepth.errors import Exists, System, Usage
from resdepth.options.train import TrainOptions
from resdepth.runs.folder import check_resume, create_run, default_run_folder, reopen_run
from resdepth.runs.manifest import NAME
from tests.support.messages import refused

OPTIONS = TrainOptions(depth=5, seed=9, epochs=3)


def create(folder: Path, **settings: bool) -> None:
    opening = create_run(folder, "train", OPTIONS.recorded(), [], **settings)
    opening.begin(opening.manifest)
    opening.release()


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(Exists):
        create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_overwriting_removes_the_run_only(tmp_path: Path) -> None:
    create(tmp_path)
    (tmp_path / "thesis.tex").write_text("years of work")
    for name in ("checkpoints/last.safetensors", "events.out.tfevents.1", "exported_models/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    create(tmp_path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "thesis.tex"]


def test_a_run_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused(System, match="cannot write"):
        create(tmp_path / "file" / "run")


def test_the_default_folder_is_the_first_free_one(tmp_path: Path) -> None:
    assert default_run_folder("a", tmp_path) == tmp_path / "a"
    create(tmp_path / "a")
    (tmp_path / "a-2").write_text("")
    (tmp_path / "a-3").mkdir()
    assert default_run_folder("a", tmp_path) == tmp_path / "a-3"


def test_reopening_raises_the_epochs(tmp_path: Path) -> None:
    create(tmp_path)
    opening = reopen_run(tmp_path, "train", {"epochs": 8, "depth": 5})
    opening.release()
    assert opening.manifest.options == OPTIONS.recorded() | {"epochs": 8}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"depth": 6}, "--depth: the run in .* has 5, not 6"),
        ({"epochs": 2}, "--epochs: the run in .* has 3, not 2"),
        ({"epochs": 8, "loss_p": 3.0}, "--loss-p: the run in .* has 2.0, not 3.0"),
    ],
)
def test_another_option_is_refused_by_name(
    tmp_path: Path, given: dict[str, object], message: str
) -> None:
    create(tmp_path)
    with refused(Usage, match=message):
        reopen_run(tmp_path, "train", given)


def test_another_command_is_refused(tmp_path: Path) -> None:
    create(tmp_path)
    with refused(Usage, match="'train', not 'resnet-cifar'"):
        reopen_run(tmp_path, "resnet-cifar", {})


def test_a_refused_run_is_released(tmp_path: Path) -> None:
    create(tmp_path)
    with pytest.raises(Usage):
        reopen_run(tmp_path, "train", {"depth": 6})
    reopen_run(tmp_path, "train", {}).release()


@pytest.mark.parametrize(
    ("out", "overwrite", "flag"),
    [("other", False, "--out"), (None, True, "--overwrite"), ("run", True, "--overwrite")],
)
def test_resume_excludes_overwriting_and_another_folder(
    tmp_path: Path, out: str | None, overwrite: bool, flag: str
) -> None:
    place = None if out is None else tmp_path / out
    with refused(Usage, match="resumes a run in its own folder") as caught:
        check_resume(tmp_path / "run", place, overwrite=overwrite)
    assert line(caught.value).endswith(f"(leave {flag} out)")


@pytest.mark.parametrize("out", [None, "run", "other/../run"])
def test_resume_accepts_its_own_folder(tmp_path: Path, out: str | None) -> None:
    (tmp_path / "other").mkdir()
    check_resume(tmp_path / "run", out and tmp_path / out, overwrite=False)
