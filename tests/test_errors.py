"""Errors as the terminal shows them: one line that says where, what, and what to do."""

from pathlib import Path

import pytest

from resdepth import errors
from resdepth.cli import console
from resdepth.errors import ResdepthError

CLASSES = ResdepthError.__subclasses__()


def test_there_are_few_classes() -> None:
    ours = [kind for kind in CLASSES if kind.__module__ == "resdepth.errors"]
    assert len(ours) == 9 and all(kind.__doc__ for kind in ours)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            errors.Usage("stop_loss", "does not fit\n`epochs=3`", "leave `stop_loss` out"),
            "--stop-loss: does not fit --epochs=3 (leave --stop-loss out)",
        ),
        (
            errors.Usage("engine=cuda", "runs on `device=cuda`", "`engine=auto`"),
            "--engine=cuda: runs on --device=cuda (--engine=auto)",
        ),
        (
            errors.no_such(Path("a/b"), "checkpoint"),
            "a/b: no such checkpoint "
            "(check the spelling; relative paths start from the working folder)",
        ),
        (
            errors.no_events(Path("depth"), "in this folder"),
            "depth: no event file in this folder (the names of event files contain 'tfevents')",
        ),
        (
            errors.Corrupt(Path("a/depth"), "no `tensor`", "copy it"),
            "a/depth: no `tensor` (copy it)",
        ),
    ],
)
def test_an_error_is_one_line(
    error: ResdepthError, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert console.fail(error) == error.exit_code
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err == f"resdepth: error: {line}\n"


def test_usage_without_remedy_points_to_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "COMMAND", ["paths", "norm"])
    console.fail(errors.Usage("beta", "should be a number"))
    assert "(see 'resdepth paths norm --help' for" in capsys.readouterr().err


def test_in_python_fields_keep_their_names() -> None:
    error = errors.Usage("stop_loss", "does not fit `epochs`")
    assert isinstance(error, ValueError) and str(error) == "stop_loss: does not fit `epochs`"
