"""Output on the terminal, messages on stderr and results on stdout, and the window of `--show`."""

import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from resdepth.cli.spelling import spell, spell_field
from resdepth.data.cache_folder import temporary_folder
from resdepth.errors import ResdepthError, Usage
from resdepth.options.location import home_folder

ParserError: type[Any] = (
    getattr(typer, "TyperException", None) or import_module("click").ClickException
)
"""Raised by the parser for a wrong command line: in earlier releases of typer, click's error."""


HELP = {"help_option_names": ["--help", "-h"]}
"""Settings of every command."""
COMMAND: list[str] = []
"""The words of the command that runs."""
BACKEND: list[str] = []
"""The value of MPLBACKEND."""


def interactive() -> bool:
    """Whether bars and colours may be drawn: stderr is a terminal and NO_COLOR is not set."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def say(text: str, *, quiet: bool = False) -> None:
    """Print one line on stderr, with flags in place of the fields of options."""
    if not quiet:
        print(spell(text), file=sys.stderr, flush=True)


def say_cost(what: Path, gradients: int, *, quiet: bool) -> None:
    """Announce how much a computation at the weights in `what` costs."""
    say(f"{what}: costs about {gradients} gradients of the loss", quiet=quiet)


def warn(text: str) -> None:
    """Print one line of warning on stderr, also if quiet."""
    say(f"resdepth: warning: {text}")


def route_warnings() -> list[str]:
    """Print every warning as one line on stderr; they are appended to the returned list."""
    said: list[str] = []

    def show(message: Warning | str, *_: object, **__: object) -> None:
        said.append(str(message))
        warn(said[-1])

    warnings.showwarning = show
    # Also with PYTHONWARNINGS=ignore: these warnings say that a number is doubtful.
    warnings.filterwarnings("default", category=UserWarning)
    # Deprecations are for developers; those of pyparsing are UserWarnings too.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    return said


def wrote(paths: Iterable[Path], *, aside: bool = False) -> None:
    """Print the paths that a command wrote, one per line: on stdout, or on stderr if `aside`."""
    for path in paths:
        print(path, file=sys.stderr if aside else sys.stdout, flush=True)


def fail(error: ResdepthError) -> int:
    """Print one line: what is wrong, where, and what to do; return the exit code."""
    print(f"resdepth: error: {line(error)}", file=sys.stderr, flush=True)
    return error.exit_code


def line(error: ResdepthError) -> str:
    """ "where: what (remedy)" with flags in place of the fields of options."""
    remedy = spell(error.remedy)
    if isinstance(error, Usage) and not remedy:
        remedy = f"see '{' '.join(('resdepth', *COMMAND))} --help' for the range of every option"
    remedy = f" ({remedy})" if remedy else ""
    where = error.where if error.is_path else spell_field(error.where)
    return f"{where}: {spell(error.what)}{remedy}"


def misuse(error: Any) -> int:
    """Print a complaint of the parser as one line; return the exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr, flush=True)
        return int(error.exit_code)
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "resdepth"
    hint = f"see '{where} --help'"
    line = f"resdepth: error: {message.rstrip('.')} ({hint})" if message else hint
    print(line, file=sys.stderr, flush=True)
    return int(error.exit_code)


def settle_environment() -> None:
    """Prepare the environment that matplotlib reads when it is imported.

    MPLBACKEND is removed and kept for `--show`: it may name a backend of another environment, as in
    the cells of a notebook, with which matplotlib cannot be imported. Without a home folder its
    caches get a permanent folder of ours.
    """
    BACKEND[:] = [os.environ.pop("MPLBACKEND", "")]
    home = home_folder()
    homeless = home is None or not os.access(home, os.W_OK | os.X_OK)
    if homeless and "MPLCONFIGDIR" not in os.environ:
        os.environ["MPLCONFIGDIR"] = str(temporary_folder() / "matplotlib")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines of text, every column flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
