"""What the command line and the help need of a field: its flags, type, words, range and text."""

import re
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


@dataclass(frozen=True)
class Presentation:
    """How an option looks on the command line.

    `flags` replace the flag derived from the name, `unit` is what a value counts, `positional`
    makes it an argument, `default_text` describes a default that depends on other things, `hidden`
    are accepted values that help and completion omit, and `words` may be given instead of a path.
    """

    unit: str = ""
    flags: tuple[str, ...] = ()
    positional: bool = False
    default_text: str = ""
    hidden: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def presentation(info: FieldInfo) -> Presentation:
    """The presentation of a field declared by `option`."""
    return next((m for m in info.metadata if isinstance(m, Presentation)), Presentation())


def flags(name: str, info: FieldInfo) -> tuple[str, ...]:
    """The command line's spellings of a field, the one to name in messages first."""
    declared = presentation(info).flags
    if any(flag.startswith("--") for flag in declared):
        return declared
    return (f"--{name.replace('_', '-')}", *declared)


def members(info: FieldInfo) -> tuple[Any, ...]:
    """The alternatives of a field's type, without None."""
    annotation = info.annotation
    if get_origin(annotation) in (Union, UnionType):
        return tuple(part for part in get_args(annotation) if part is not type(None))
    return (annotation,)


def choices(info: FieldInfo) -> tuple[str, ...]:
    """The words a field takes, in their order; empty where it takes none."""
    literals = [part for part in members(info) if get_origin(part) is Literal]
    hidden = presentation(info).hidden
    return tuple(word for part in literals for word in get_args(part) if word not in hidden)


def repeated(info: FieldInfo) -> bool:
    """Whether the option may be given several times."""
    return any(get_origin(part) is tuple for part in members(info))


def metavar(name: str, info: FieldInfo) -> str:
    """The placeholder of a value in the help."""
    shown, words = presentation(info), choices(info)
    if shown.words:
        return "|".join([*shown.words, "PATH"])
    if shown.positional or not words:
        words = ()
    kinds = {int: "INTEGER", float: "NUMBER", Path: "PATH"}
    types = [] if shown.positional else [kinds[part] for part in elements(info) if part in kinds]
    return "|".join([*types, *words]) or name.upper()


def elements(info: FieldInfo) -> list[Any]:
    """The types of the values, those in a tuple one by one."""
    parts: list[Any] = []
    for part in members(info):
        inside = get_args(part) if get_origin(part) is tuple else (part,)
        parts += [one for one in inside if one is not Ellipsis]
    return parts


def span(info: FieldInfo) -> str:
    """The range of a number in words, as in "at least 1"; empty if it has none."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = {k: getattr(m, k) for m in info.metadata for k in words if hasattr(m, k)}
    return ", ".join(f"{words[kind]} {bounds[kind]:g}" for kind in words if kind in bounds)


def help_text(info: FieldInfo) -> str:
    """Description, unit, range and default in one line."""
    shown, default = presentation(info), info.default
    text = shown.default_text
    if not text and default is not False and default not in (None, (), PydanticUndefined):
        text = "yes" if default is True else str(default)
    notes = [shown.unit, span(info), f"default {text}" if text else ""]
    note = "; ".join(part for part in notes if part)
    return f"{info.description} ({note})" if note else str(info.description)


def python_help(info: FieldInfo) -> str:
    """The help of an option, in which `--lr-depth` is the field `lr_depth`."""
    words = re.split(r"(?<!train )--([a-z][a-z-]*)", help_text(info))
    return "".join(f"`{w.replace('-', '_')}`" if n % 2 else w for n, w in enumerate(words))


def type_words(info: FieldInfo) -> str:
    """A field's type in words."""
    words: list[str] = []
    for part in members(info):
        if get_origin(part) is Literal:
            words += [repr(word) for word in choices(info)]
        elif get_origin(part) is tuple:
            words.append(f"tuple of {get_args(part)[0].__name__}")
        else:
            words.append(part.__name__)
    return " | ".join([*words, *(["None"] if info.default is None else [])])
