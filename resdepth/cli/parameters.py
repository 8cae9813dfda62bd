"""Typer parameters derived from the option models, once for all commands."""

import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic.fields import FieldInfo
from typer.core import TyperArgument, TyperCommand
from typer.main import get_command

from resdepth.cli import console, spelling
from resdepth.options.base import Invocation, Options, flag_of
from resdepth.options.effect import idle, refuse_idle
from resdepth.options.fields import choices, flags, help_text, metavar, presentation, repeated
from resdepth.options.location import place
from resdepth.options.resolve import resolve, to_yaml

O = TypeVar("O", bound=Options)  # noqa: E741
I = TypeVar("I", bound=Invocation)  # noqa: E741


CONFIGURED = ("config", "print_config")
"""What has no effect for a command without options of its own."""


def command(
    name: str,
    options: type[O],
    invocation: type[I],
    run: Callable[[O, I, frozenset[str]], int | None],
) -> TyperCommand:
    """The command `name`: flags from both models, then `run(options, invocation, given)`.

    `given` names the options that were set by a flag or the configuration file. What `run` returns
    is the exit code (None: 0). The help text is the docstring of `run`.
    """

    def call(context: typer.Context, **flags_given: Any) -> int | None:
        values = {key: value for key, value in flags_given.items() if not _absent(value)}
        ours = {key: value for key, value in values.items() if key in invocation.model_fields}
        theirs = {key: value for key, value in values.items() if key in options.model_fields}
        how = resolve(invocation, ours, command=name)
        what = resolve(options, theirs, how.config, command=name)
        ignored = set(idle(what)) & context.meta.get(spelling.DOTTED, set())
        if ignored:
            kept = {key: value for key, value in theirs.items() if key not in ignored}
            what = resolve(options, kept, how.config, command=name)
            spelled = ", ".join(sorted(flag_of(options, key) for key in ignored))
            console.say(f"{spelled}: ignored, without effect here", quiet=how.quiet)
        if getattr(how, "resume", None) is None:
            # What is resumed has options of its own, with which these have to agree.
            refuse_idle(what)
        if how.print_config:
            print(to_yaml(what), end="")
            return 0
        return run(what, how, frozenset(what.model_fields_set))

    parameters = [
        _parameter(key, info)
        for model in (options, invocation)
        for key, info in _fields(model)
        if options.model_fields or key not in CONFIGURED
    ]
    # Arguments come before options, as the usage line has them.
    parameters.sort(
        key=lambda parameter: not isinstance(_info(parameter), typer.models.ArgumentInfo)
    )
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    whole = [context, *parameters]
    call.__signature__ = inspect.Signature(whole)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in whole}
    leaf = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    leaf.command(name.split()[-1], help=inspect.getdoc(run))(call)
    built = get_command(leaf)
    if not isinstance(built, TyperCommand):
        raise TypeError(f"{name} is not a single command")
    helps = {parameter.name: _info(parameter).help for parameter in parameters}
    for parameter in built.params:
        if isinstance(parameter, TyperArgument):
            # What it takes is in its help; "<list[str]>" beside it says nothing to its reader.
            parameter.display_type_rich = lambda ctx: None  # type: ignore[method-assign]
            # The newest click takes the help away from arguments of earlier releases of typer.
            parameter.help = helps[str(parameter.name)]
    return built


def _fields(model: type[Options]) -> list[tuple[str, FieldInfo]]:
    return list(model.model_fields.items())


def _absent(value: Any) -> bool:
    return value is None or value == [] or value == ()


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
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, declared],
    )


def _completion(info: FieldInfo) -> Callable[[str], list[str]]:
    beside = presentation(info).words
    if beside:
        return lambda incomplete: [
            *(word for word in beside if word.startswith(incomplete)),
            *_paths(incomplete),
        ]
    words = choices(info)
    if words:
        return lambda incomplete: [word for word in words if word.startswith(incomplete)]
    if Path in getattr(info.annotation, "__args__", (info.annotation,)) or "Path" in str(
        info.annotation
    ):
        return _paths
    return lambda incomplete: []


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
