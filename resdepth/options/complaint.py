"""pydantic's complaints in our words: which option is wrong, and how."""

import difflib
import reprlib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from resdepth.errors import Usage
from resdepth.options.fields import choices, members, span


def in_python(model: type[BaseModel], failure: ValidationError) -> Usage:
    """The error for a caller in Python, which names fields instead of flags."""
    ours = original(failure)
    if ours is None:
        name, reason = complaint(model, failure)
        return Usage(name, reason, f"see help({model.__name__}) for every option")
    return ours


def complaint(model: type[BaseModel], failure: ValidationError) -> tuple[str, str]:
    """The field that is wrong, and what is wrong with it."""
    first = failure.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    return name, _reason(model, name, first)


def original(failure: ValidationError) -> Usage | None:
    """The error of ours that a validator raised; None if pydantic itself complains."""
    error = failure.errors()[0].get("ctx", {}).get("error")
    return error if isinstance(error, Usage) else None


def nearest(word: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """ "did you mean '…'?" for a near miss, else the list of what is known."""
    spelled = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(spelled), 1)
    return f"did you mean '{spelled[close[0]]}'?" if close else f"known: {', '.join(known)}"


def _reason(model: type[BaseModel], name: str, error: ErrorDetails) -> str:
    given = error["input"]
    info = model.model_fields.get(name)
    if error["type"] == "missing":
        return "needs a value"
    if error["type"] == "extra_forbidden":
        return f"no such option; {nearest(name, model.model_fields)}"
    if error["type"] == "place":
        return error["msg"]
    # Aliases may make a value of a small file without end.
    shown = f"'{given}'" if isinstance(given, str) else _SHOWN.repr(given)
    if info is not None and choices(info) and len(members(info)) > 1:
        return f"should be a number or {' or '.join(choices(info))}, not {shown}"
    if info is not None and choices(info):
        words = choices(info)
        return f"should be one of {', '.join(words)}, not {shown}; {nearest(str(given), words)}"
    if info is not None and span(info) and error["type"] in _BOUNDS:
        return f"should be {span(info)}, not {shown}"
    return f"{_KINDS.get(error['type'], error['msg'][:1].lower() + error['msg'][1:])}, not {shown}"


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
