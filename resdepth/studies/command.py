"""Studies and their cells as command lines."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from resdepth.options.base import Options, flag_of
from resdepth.options.executor import ExecutorInvocation
from resdepth.options.programs import PROGRAMS
from resdepth.options.study import DEFAULTS, StudyOptions


def run_command(folder: Path, action: str = "run", **options: Any) -> str:
    """The command that does `action` with the study in `folder`, quoted for a shell."""
    return _joined(folder, action, words(StudyOptions, options))


def quoted(command: str) -> str:
    """A command within a sentence."""
    return f"`{command}`" if "'" in command else f"'{command}'"


def new_study_command(folder: Path, options: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The command that creates a study with `options` in `folder`.

    `options` are spelled as `Plan.of` takes them, `settings` are those of the executor. Default
    values are left out.
    """
    program = str(options["program"])
    # A study has other defaults for the rate and the axes than the program.
    defaults, always = PROGRAMS[program](lr=1.0), (*DEFAULTS[program], "lr", "lr_depth_exponent")
    given = {
        name: value
        for name, value in options.items()
        if value is not None and (name in always or value != getattr(defaults, name, "train"))
    }
    local = settings.get("executor", "local") == "local"
    more = [] if local else words(ExecutorInvocation, settings)
    return _joined(folder, "run", [*words(StudyOptions, given), *more])


def flag(model: type[Options], name: str, value: object) -> str:
    """One option with its value as a single word."""
    return f"{flag_of(model, name)}={value}"


def words(model: type[Options], options: Mapping[str, Any]) -> Iterator[str]:
    """The flags of options with their values; of several values each has its flag."""
    for name, value in options.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            # Only truth values need a word with an equals sign.
            if isinstance(one, bool):
                yield flag(model, name, str(one).lower())
            else:
                yield from (flag_of(model, name), str(one))


def _joined(folder: Path, action: str, flags: Any) -> str:
    return shlex.join(["resdepth", "study", action, str(folder), *flags])
