"""What a field of the options says of itself: its flags, type, words, range and help."""

from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


@dataclass(frozen=True)
class Presentation:
    """How an option looks on the command line.

    `flags` replaces the flags derived from the name, `unit` is what a value counts, `positional`
    makes it an argument, `default_text` describes a default that depends on other things, `hidden`
    lists accepted values that help and completion do not mention, and `words` what may stand in the
    place of a path.
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
    if presentation(info).positional:
        return name.upper()
    if presentation(info).words:
        return "|".join([*presentation(info).words, "PATH"])
    if choices(info) and len(members(info)) == 1:
        return "|".join(choices(info))
    kinds = {int: "INTEGER", float: "NUMBER", Path: "PATH"}
    words = [kinds[part] for part in elements(info) if part in kinds]
    return "|".join([*words, *choices(info)]) or name.upper()


def elements(info: FieldInfo) -> list[Any]:
    """The types of the values, those in a tuple one by one."""
    parts: list[Any] = []
    for part in members(info):
        parts.extend(a for a in get_args(part) if a is not Ellipsis) if (
            get_origin(part) is tuple
        ) else parts.append(part)
    return parts


def span(info: FieldInfo) -> str:
    """The range of a number in words, as in "at least 1"; empty where it has none."""
    bounds = {
        k: getattr(m, k) for m in info.metadata for k in ("ge", "gt", "le", "lt") if hasattr(m, k)
    }
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return ", ".join(f"{words[kind]} {bounds[kind]:g}" for kind in words if kind in bounds)


def help_text(info: FieldInfo) -> str:
    """Description, unit, range and default in one line."""
    shown = presentation(info)
    default = shown.default_text
    if not default and _worth_showing(info.default):
        default = "yes" if info.default is True else str(info.default)
    notes = [shown.unit, span(info), f"default {default}" if default else ""]
    note = "; ".join(part for part in notes if part)
    return f"{info.description} ({note})" if note else str(info.description)


def _worth_showing(default: Any) -> bool:
    return not (
        default is None or default is False or default is PydanticUndefined or default == ()
    )


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
