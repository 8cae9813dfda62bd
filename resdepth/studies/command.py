"""A study as the command line that begins it."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resdepth.options.base import Options, flag_of
from resdepth.options.executor import ExecutorInvocation
from resdepth.options.study import DEFAULTS
from resdepth.options.train import TrainOptions


def run_command(folder: Path, *words: str, action: str = "run") -> str:
    """The command that does `action` with the study in `folder`, quoted for a shell."""
    return shlex.join(["resdepth", "study", action, str(folder), *words])


def quoted(command: str) -> str:
    """A command within a sentence."""
    return f"`{command}`" if "'" in command else f"'{command}'"


def new_study_command(folder: Path, options: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The command that begins a study with `options` in `folder`.

    `options` are spelled as `Plan.of` takes them, `settings` are those of the executor. Default
    values are left out.
    """
    # The rule of the rate has other defaults in a study than in `train`.
    defaults, always = TrainOptions(lr=1.0), (*DEFAULTS, "lr_depth_exponent")
    words: list[str] = []
    for name, value in options.items():
        if value is not None and (name in always or value != getattr(defaults, name)):
            words += _words(TrainOptions, name, value)
    if settings.get("executor", "local") != "local":
        for name, value in settings.items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                words += _words(ExecutorInvocation, name, one)
    return run_command(folder, *words)


def _words(model: type[Options], name: str, value: Any) -> list[str]:
    flag = flag_of(model, name)
    # Truth values take no word of their own.
    return [f"{flag}={str(value).lower()}"] if isinstance(value, bool) else [flag, str(value)]
