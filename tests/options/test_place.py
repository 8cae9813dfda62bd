"""Every path is read alike: `~` is the home folder, an empty name is no place."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from resdepth.cli.console import line
from resdepth.errors import Usage
from resdepth.options.base import Invocation, Options, flag_of
from resdepth.options.curvefit import CurvefitOptions
from resdepth.options.export import ExportOptions
from resdepth.options.landscape import RenderOptions, VisOptions
from resdepth.options.paths import NormOptions, ProfileOptions, WeightsOptions
from resdepth.options.resnet_cifar import ResnetCifarInvocation, ResnetCifarOptions
from resdepth.options.resolve import resolve
from resdepth.options.train import TrainInvocation, TrainOptions
from tests.support.messages import refused

MODELS: list[type[Options]] = [
    TrainOptions, TrainInvocation, ResnetCifarOptions, ResnetCifarInvocation, CurvefitOptions,
    ExportOptions, RenderOptions, VisOptions, NormOptions, ProfileOptions, WeightsOptions,
    Invocation,
]  # fmt: skip
PATHS = [
    (model, name)
    for model in MODELS
    for name, info in model.fields().items()
    if "Path" in str(info.annotation)
]
NEEDED: dict[str, object] = {
    "dir_path": ["x"],
    "event_paths": ["x"],
    "sources": ["x"],
    "surface": "x",
    "data": "folder",
    "data_dir": "x",
}


def resolved(model: type[Options], name: str, value: str, config: Path | None = None) -> object:
    several = "tuple" in str(model.fields()[name].annotation)
    values = {key: given for key, given in NEEDED.items() if key in model.fields()}
    if config is None:
        values[name] = [value] if several else value
    else:
        config.write_text(f"{name}: {[value] if several else value}\n")
        values.pop(name, None)
    found = getattr(resolve(model, values, config, command="x"), name)
    return found[0] if several else found


cases = pytest.mark.parametrize(
    ("model", "name"), PATHS, ids=lambda part: getattr(part, "__name__", part)
)


@cases
def test_a_tilde_is_the_home_folder(monkeypatch, model: type[Options], name: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("HOME", "/home/ada")
    assert resolved(model, name, "~/a/b") == Path("/home/ada/a/b")


@cases
def test_a_tilde_in_a_file_too(
    monkeypatch, tmp_path: Path, model: type[Options], name: str
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("HOME", "/home/ada")
    assert resolved(model, name, "~/a/b", tmp_path / "c.yaml") == Path("/home/ada/a/b")


@cases
def test_no_name_is_no_place(model: type[Options], name: str) -> None:
    with refused(Usage, match="should name a file or folder") as caught:
        resolved(model, name, "")
    assert line(caught.value).startswith(flag_of(model, name))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("~", "/home/ada"),
        ("~/", "/home/ada"),
        ("~//etc", "/home/ada/etc"),
        ("./~/x", "~/x"),
        ("a/~", "a/~"),
        ("~nobody-of-this-name/x", "~nobody-of-this-name/x"),
        ("~$lock", "~$lock"),
        (f"~{pwd.getpwuid(os.getuid()).pw_name}/x", f"{pwd.getpwuid(os.getuid()).pw_dir}/x"),
    ],
)
def test_what_a_name_stands_for(monkeypatch, given: str, wanted: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("HOME", "/home/ada")
    assert TrainOptions(data="mnist", data_dir=given).data_dir == Path(wanted)  # type: ignore[arg-type]


def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(user: int) -> None:
        raise KeyError(user)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)


def empty_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")


@pytest.mark.parametrize("lack", [no_home, empty_home])
def test_without_a_home_folder(
    monkeypatch: pytest.MonkeyPatch, lack: Callable[[pytest.MonkeyPatch], None]
) -> None:
    lack(monkeypatch)
    with refused(Usage, match="--data-dir: no home folder is known here for '~/x'"):
        resolve(TrainOptions, {"data": "mnist", "data_dir": "~/x"}, command="train")


def test_words_that_are_no_paths_keep_their_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert CurvefitOptions(event_paths=(Path("x"),), tag="~/x").tag == "~/x"


def test_every_model_with_paths_is_here() -> None:
    assert issubclass(Options, BaseModel) and len(PATHS) > 20
