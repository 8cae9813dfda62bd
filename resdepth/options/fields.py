"""What help, parser and messages need of a field: its flags, words, range, text and conditions."""

import difflib
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from resdepth.errors import Usage


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


@dataclass(frozen=True)
class Need:
    """Another option, and its values with which an option has an effect; none stands for any.

    `seen` names the property that holds the value in use, if it is not the option itself.
    """

    option: str
    values: tuple[Any, ...]
    seen: str = ""

    def met(self, value: Any) -> bool:
        """Whether the value in use is one of them."""
        return value in self.values if self.values else value is not None

    def state(self, value: Any) -> str:
        """The value in use, in words."""
        if value is None or isinstance(value, bool):
            return f"with{'' if value else 'out'} `{self.option}`"
        return f"with `{self.option}={value}`"

    def remedy(self) -> str:
        """What to do for the option to have an effect."""
        if self.values == (False,):
            return f"leave `{self.option}` out"
        if self.values in ((), (True,)):
            return f"give `{self.option}`"
        return f"give `{self.option}={_or(self.values)}`"


def _or(words: Sequence[Any]) -> str:
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


Needs = tuple[Need, ...]
"""Alternative conditions."""


def needs(option: str, *values: Any, seen: str = "") -> Needs:
    """The condition that `option` has one of `values`; add conditions to make alternatives."""
    return (Need(option, values, seen),)


def no_effect(name: str, alternatives: Sequence[tuple[Need, Any]]) -> Usage:
    """The error for an idle option: what it needs, each with the value in use."""
    states = " and ".join(need.state(value) for need, value in alternatives)
    remedies = ["leave it out", *(need.remedy() for need, _ in alternatives)]
    return Usage(name, f"has no effect {states}", _or(remedies))


def nearest(word: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """ "did you mean '…'?" for a near miss, else the list of what is known."""
    spelled = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(spelled), 1)
    return f"did you mean '{spelled[close[0]]}'?" if close else f"known: {', '.join(known)}"


def reason_of(fields: Mapping[str, FieldInfo], name: str, error: ErrorDetails) -> str:
    """What is wrong with the value of a field."""
    given, kind, info = error["input"], error["type"], fields.get(name)
    if kind == "missing":
        return "none was given"
    if kind == "extra_forbidden":
        return f"no such option; {nearest(name, fields)}"
    if kind == "place":
        return error["msg"]
    shown = _shown(given)
    if info is not None and choices(info) and len(members(info)) > 1:
        return f"should be a number or {' or '.join(choices(info))}, not {shown}"
    if info is not None and choices(info):
        return not_a_choice(info, given)
    if info is not None and span(info) and kind in _BOUNDS:
        return f"should be {span(info)}, not {shown}"
    message = error["msg"][:1].lower() + error["msg"][1:]
    return f"{_KINDS.get(kind.partition('_')[0], message)}, not {shown}"


def not_a_choice(info: FieldInfo, given: object) -> str:
    """What is wrong with a value that is none of the words of a field."""
    if info.annotation is bool:
        return f"{_KINDS['bool']}, not {_shown(given)}"
    words = choices(info)
    return f"should be one of {', '.join(words)}, not {_shown(given)}; {nearest(str(given), words)}"


def _shown(given: object) -> str:
    # Aliases may make a value of a small file without end.
    return f"'{given}'" if isinstance(given, str) else _SHOWN.repr(given)


_SHOWN = reprlib.Repr()
_SHOWN.maxlevel = 3
_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_KINDS = {
    "int": "should be a whole number",
    "float": "should be a number",
    "finite": "should be a finite number",
    "bool": "should be true or false",
    "string": "should be a word (in quotes where it looks like a number)",
    "path": "should be a path (in quotes where it looks like a number)",
}
"""What a value should be, by the start of pydantic's name of the error."""
