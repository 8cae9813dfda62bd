"""Every error of the catalogue, shown: one line that says what and where, and what to do."""

import string

import pytest

from resdepth import errors
from resdepth.cli import console
from resdepth.errors import ResdepthError

EXAMPLES: dict[type[ResdepthError], dict[str, object]] = {
    errors.OptionInvalid: {
        "flag": "--alpha",
        "reason": "should be at most 1, not 2",
        "command": "train",
    },
    errors.OptionConflict: {
        "flag": "--model",
        "reason": "does not fit",
        "remedy": "leave --model out",
    },
    errors.ConfigKeyUnknown: {
        "path": "c.yaml",
        "key": "dept",
        "suggestion": "did you mean 'depth'?",
    },
    errors.ConfigUnreadable: {"path": "c.yaml", "reason": "line 3: a bracket is missing"},
    errors.OldSpellingUnknown: {"flag": "--model.depth", "command": "train"},
    errors.PathMissing: {"path": "a/b", "kind": "checkpoint"},
    errors.OutputExists: {"path": "runs/a"},
    errors.NotARun: {"path": "runs/a", "reason": "it has no manifest.json"},
    errors.WriteFailed: {"path": "runs/a", "reason": "Permission denied"},
    errors.DiskFull: {"path": "runs/a", "reason": "No space left on device"},
    errors.SystemRefused: {"path": "runs/a", "reason": "File name too long"},
    errors.Unreadable: {"path": "runs/a/manifest.json", "reason": "Permission denied"},
    errors.ResultUnwritable: {"reason": "No space left on device"},
    errors.CompletionFailed: {"reason": "Permission denied: '/home/ada/.bashrc'"},
    errors.LibraryUnloadable: {
        "name": "torch",
        "reason": "failed to map segment",
        "remedy": "install it again",
    },
    errors.FileCorrupt: {"path": "a.npz", "reason": "truncated", "remedy": "export it again"},
    errors.FileChanged: {"path": "m.json", "reason": "its checksum", "remedy": "restore it"},
    errors.WeightsForeign: {"path": "a.pt", "reason": "no 'blocks' in it", "remedy": "name one"},
    errors.PatternMissing: {
        "path": "a.pt",
        "families": "2 families",
        "example": "--pattern h",
    },
    errors.PatternUnmatched: {"path": "a.pt", "pattern": "l.*", "near": "near it: h.*"},
    errors.FileUnsafe: {"path": "a.pth", "name": "os.system"},
    errors.DataMissing: {
        "data": "mnist",
        "path": "cache",
        "reason": "no network",
        "remedy": "put the files there",
    },
    errors.DataInvalid: {"path": "i.zip", "reason": "not whole", "remedy": "download it again"},
    errors.DeviceUnavailable: {"device": "cuda", "reason": "there is none"},
    errors.EngineUnavailable: {"engine": "cuda", "reason": "runs on cuda, not on cpu"},
    errors.MemoryExhausted: {"reason": "unable to allocate 8 PiB"},
    errors.Diverged: {"step": 7, "place": " in layer 3", "loss": "nan", "path": "runs/a"},
    errors.ResumeChanged: {"flag": "--depth", "path": "runs/a", "recorded": 64, "given": 32},
    errors.SurfaceChanged: {"path": "loss.npy", "what": "steps (3, not 4)"},
    errors.EventsMissing: {
        "path": "events",
        "reason": "no event file in or under it",
        "remedy": "names",
    },
    errors.DepthTwice: {
        "first": "runs/a",
        "second": "runs/b",
        "depth": 64,
        "remedy": "--by-run writes a folder for each run",
    },
    errors.NotAStudy: {"path": "study"},
    errors.NotEmpty: {"path": "study"},
    errors.StudyChanged: {
        "flag": "--alpha",
        "path": "study",
        "recorded": 1.0,
        "given": 0.5,
        "command": "resdepth study run study-2 --alpha 0.5",
    },
    errors.ExtraMissing: {"executor": "slurm", "package": "submitit", "whole": "submitit"},
    errors.ProgramMissing: {
        "path": "x.mp4",
        "program": "ffmpeg",
        "reason": "is not on the PATH",
        "remedy": "write a .gif",
    },
    errors.ExecutorFailed: {"executor": "slurm", "reason": "squeue: command not found"},
    errors.WorkerLost: {
        "cell": "depth16-seed0",
        "reason": "ended with exit code 1",
        "printed": ": MemoryError",
    },
    errors.ModelsMissing: {"path": "weights", "detail": " with extension npz"},
    errors.AnalysisImpossible: {
        "path": "events",
        "reason": "two points",
        "remedy": "record more steps",
    },
    errors.RunBusy: {"path": "runs/a", "owner": "process 7 on ada", "lock": "runs/a/lock"},
    errors.RunsDiffer: {
        "first": "runs/a",
        "second": "runs/b",
        "what": "--alpha",
        "ours": 0.5,
        "theirs": 0.75,
    },
    errors.NotConverged: {"found": 3, "wanted": 10, "products": 200},
    errors.NoDisplay: {"path": "figure.pdf"},
}


def subclasses(kind: type[ResdepthError]) -> set[type[ResdepthError]]:
    below = set(kind.__subclasses__())
    return below.union(*(subclasses(one) for one in below))


def test_every_error_has_an_example() -> None:
    assert subclasses(ResdepthError) == set(EXAMPLES)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_an_error_is_one_line_with_a_hint(
    kind: type[ResdepthError], capsys: pytest.CaptureFixture[str]
) -> None:
    context = EXAMPLES[kind]
    error = kind(**context)
    assert kind.__doc__ and error.exit_code in (1, 2)
    assert console.fail(error) == error.exit_code
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith("resdepth: error: ")
    assert shown.err.count("\n") == 1 and shown.err.endswith(")\n")
    assert error.advice() and error.advice() in shown.err
    # Everything that is known is said, and nothing is left to fill in.
    assert all(str(value).strip() in shown.err for value in context.values())
    assert "{" not in shown.err and "}" not in shown.err


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_the_example_is_what_the_template_asks_for(kind: type[ResdepthError]) -> None:
    texts = (kind.template, kind.hint)
    asked = {field for text in texts for _, field, *_ in string.Formatter().parse(text) if field}
    assert asked == set(EXAMPLES[kind])


@pytest.mark.parametrize("text", ["two\nlines", "tab\there", "{braces}", "100 %", "Ω"])
def test_odd_text_stays_one_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.fail(errors.DataInvalid(path=text, reason=text, remedy=text))
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and text.split()[0] in shown
