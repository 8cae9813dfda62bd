"""pydantic's complaints in our words: which option is wrong, and how."""

import difflib
import reprlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from resdepth.errors import Usage
from resdepth.options.fields import choices, members, span

if TYPE_CHECKING:
    from resdepth.options.base import Options


def usage_error(model: "type[Options]", failure: ValidationError, remedy: str = "") -> Usage:
    """The error of ours for a validation that failed, in which fields have their flat names."""
    first = failure.errors()[0]
    error = first.get("ctx", {}).get("error")
    if isinstance(error, Usage):
        return error
    fields, where = model.fields(), [str(part) for part in first["loc"]]
    name = next((part for part in reversed(where) if part in fields), "".join(where[:1]))
    return Usage(name, reason_of(fields, name, first), remedy)


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
    return f"{_KINDS.get(kind, error['msg'][:1].lower() + error['msg'][1:])}, not {shown}"


def not_a_choice(info: FieldInfo, given: object) -> str:
    """What is wrong with a value that is none of the words of a field."""
    if info.annotation is bool:
        return f"{_KINDS['bool_parsing']}, not {_shown(given)}"
    words = choices(info)
    return f"should be one of {', '.join(words)}, not {_shown(given)}; {nearest(str(given), words)}"


def _shown(given: object) -> str:
    # Aliases may make a value of a small file without end.
    return f"'{given}'" if isinstance(given, str) else _SHOWN.repr(given)


_SHOWN = reprlib.Repr()
_SHOWN.maxlevel = 3
_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_KINDS = {
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "int_type": "should be a whole number",
    "float_parsing": "should be a number",
    "float_type": "should be a number",
    "finite_number": "should be a finite number",
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "string_type": "should be a word (in quotes where it looks like a number)",
    "path_type": "should be a path (in quotes where it looks like a number)",
}
