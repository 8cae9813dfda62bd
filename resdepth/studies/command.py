"""Studies and their cells as command lines."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from resdepth.options.base import Options, flag_of
from resdepth.options.study import StudyOptions


def run_command(folder: Path, action: str = "run", **options: Any) -> str:
    """The command that does `action` with the study in `folder`, quoted for a shell."""
    words = ["resdepth", "study", action, str(folder), *words_of(StudyOptions, options)]
    return shlex.join(words)


def quoted(command: str) -> str:
    """A command within a sentence."""
    return f"`{command}`" if "'" in command else f"'{command}'"


def flag(model: type[Options], name: str, value: object) -> str:
    """One option with its value as a single word."""
    return f"{flag_of(model, name)}={value}"


def words_of(model: type[Options], options: Mapping[str, Any]) -> Iterator[str]:
    """The flags of options with their values; of several values each has its flag."""
    for name, value in options.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            # Only truth values need a word with an equals sign.
            if isinstance(one, bool):
                yield flag(model, name, str(one).lower())
            else:
                yield from (flag_of(model, name), str(one))
