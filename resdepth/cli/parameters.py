"""Typer parameters derived from the option models, once for all commands."""

import inspect
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo
from typer.core import TyperArgument, TyperCommand
from typer.main import get_command

from resdepth.cli import console, spelling
from resdepth.cli.console import HELP
from resdepth.errors import Missing
from resdepth.options.base import Invocation, Options, flag_of
from resdepth.options.fields import (
    choices,
    elements,
    flags,
    help_text,
    metavar,
    presentation,
    repeated,
)
from resdepth.options.location import place
from resdepth.options.resolve import from_record, read_config, resolve, to_yaml
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import read_manifest

CONFIGURED = ("config", "print_config")
"""Options without effect for a command that has no options of its own."""


def command(
    name: str, options: type[Options] | None = None
) -> Callable[[Callable[..., int | None]], TyperCommand]:
    """Make a function the command `name`, whose help text is the docstring.

    The function may have the parameters `options` (with `options` or the annotation as their
    class), `call` (a class of invocations) and `given` (names of the options that were set by a
    flag or the configuration file). It returns the exit code (None: 0).
    """
    return partial(_command, name, options)


def _command(
    name: str, model: type[Options] | None, run: Callable[..., int | None]
) -> TyperCommand:
    options: type[Options] = model or run.__annotations__.get("options", Options)
    invocation: type[Invocation] = run.__annotations__["call"]

    def call(context: typer.Context, **flags_given: Any) -> int | None:
        values = {key: value for key, value in flags_given.items() if value not in (None, [], ())}
        how = resolve(
            invocation, {n: v for n, v in values.items() if n in invocation.fields()}, command=name
        )
        given = {} if how.config is None else read_config(options, how.config)
        given |= {key: value for key, value in values.items() if key in options.fields()}
        dotted = context.meta.get(spelling.DOTTED, set()) & given.keys()
        # A resumed run has options of its own, over which those that are given are laid.
        record, idle = _recorded(name, options, how)
        for key in given.keys() & idle.keys():
            if options.parsed(key, given[key]) == idle[key]:
                del given[key]  # It had no effect on the run either.
        lenient = (record.keys() - given.keys()) | dotted
        what = resolve(options, record | given, command=name, lenient=lenient)
        if ignored := dotted - what.model_fields_set:
            spelled = ", ".join(sorted(flag_of(options, key) for key in ignored))
            console.say(f"{spelled}: ignored, because it has no effect here", quiet=how.quiet)
        if how.print_config:
            print(to_yaml(what), end="")
            return 0
        arguments = {"options": what, "call": how, "given": frozenset(given.keys() - ignored)}
        return run(**{key: arguments[key] for key in run.__annotations__ if key in arguments})

    parameters = [
        _parameter(key, info)
        for model in (options, invocation)
        for key, info in model.fields().items()
        if options.fields() or key not in CONFIGURED
    ]
    # Arguments come before options, as in the usage line.
    parameters.sort(key=lambda one: not isinstance(_info(one), typer.models.ArgumentInfo))
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    signature = inspect.Signature([context, *parameters])
    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__annotations__ = {one.name: one.annotation for one in (context, *parameters)}
    leaf = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=HELP)
    leaf.command(name.split()[-1], help=inspect.getdoc(run))(call)
    built = get_command(leaf)
    if not isinstance(built, TyperCommand):
        raise TypeError(f"{name} is not a single command")
    helps = {one.name: _info(one).help for one in parameters}
    for parameter in built.params:
        if isinstance(parameter, TyperArgument):
            # The help says what it takes, "<list[str]>" next to it does not.
            parameter.display_type_rich = lambda ctx: None  # type: ignore[method-assign]
            # The newest click removes the help of arguments of earlier releases of typer.
            parameter.help = helps[str(parameter.name)]
    return built


def _recorded(
    program: str, model: type[Options], call: Invocation
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the run that this call resumes, and those recorded without effect."""
    resume = getattr(call, "resume", None)
    if not isinstance(resume, Path):
        return {}, {}
    try:
        manifest = read_manifest(resume)
    except Missing:
        return {}, {}  # The command itself reports it.
    if manifest.program != program:
        return {}, {}
    known = from_record(model, manifest.options, resume / MANIFEST).recorded()
    written = json.loads((resume / MANIFEST).read_text(encoding="utf-8"))["options"]
    return known, {n: v for n, v in written.items() if n in known and known[n] != v}


def _info(parameter: inspect.Parameter) -> Any:
    return parameter.annotation.__metadata__[0]


def _parameter(name: str, info: FieldInfo) -> inspect.Parameter:
    kind: Any = bool if info.annotation is bool else list[str] if repeated(info) else str
    shared: dict[str, Any] = {"help": help_text(info), "show_default": False}
    if kind is not bool:
        shared["autocompletion"] = _completion(info)
        shared["metavar"] = metavar(name, info)
    if presentation(info).positional:
        declared: Any = typer.Argument(**shared)
    elif kind is bool and not any(flag.startswith("--") for flag in presentation(info).flags):
        spelled = flags(name, info)[0]
        declared = typer.Option(f"{spelled}/--no-{spelled[2:]}", **shared)
    else:
        declared = typer.Option(*flags(name, info), **shared)
    kind = Annotated[kind | None, declared]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=None, annotation=kind)


def _completion(info: FieldInfo) -> Callable[[str], list[str]]:
    words = presentation(info).words or choices(info)
    paths = Path in elements(info) or bool(presentation(info).words)
    return lambda incomplete: [
        *(word for word in words if word.startswith(incomplete)),
        *(_paths(incomplete) if paths else ()),
    ]


def _paths(incomplete: str) -> list[str]:
    folder, _, start = incomplete.rpartition("/")
    try:
        where = place(f"{folder}/" if folder or incomplete[:1] == "/" else ".")
        entries = sorted(os.scandir(where), key=lambda entry: entry.name)
    except (OSError, ValueError):
        return []
    prefix = f"{folder}/" if "/" in incomplete else ""
    return [
        f"{prefix}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in entries
        if entry.name.startswith(start) and (start or not entry.name.startswith("."))
    ]


def command_line() -> list[str]:
    """The command line of this process, for the record."""
    return ["resdepth", *sys.argv[1:]]
