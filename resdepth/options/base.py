"""What an option is: a field of a frozen pydantic model that carries all the command line needs.

The command line, its help, its completion, the configuration file and the reference page are all
derived from these models; there is no second list of options anywhere.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from resdepth.options.place import place


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


def option(
    default: Any,
    help: str,
    *,
    unit: str = "",
    flags: tuple[str, ...] = (),
    positional: bool = False,
    default_text: str = "",
    hidden: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    **bounds: Any,
) -> Any:
    """A field with its help text and bounds (`ge`, `gt`, `le`, `lt`, as pydantic has them)."""
    shown = Presentation(unit, flags, positional, default_text, hidden, words)
    info = Field(default, description=help, **bounds)
    info.metadata.append(shown)
    return info


class Options(BaseModel):
    """Base of all options: frozen, finite numbers, no unknown names."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )

    OLD_NAMES: ClassVar[dict[str, str]] = {}
    """Names of earlier versions, which records and configuration files may still have."""

    @model_validator(mode="before")
    @classmethod
    def _today(cls, values: Any) -> Any:
        return cls.renamed(values) if isinstance(values, Mapping) else values

    @classmethod
    def renamed(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same values under today's names; an old name without a value says nothing."""
        old = {name: value for name, value in values.items() if name in cls.OLD_NAMES}
        today = {name: value for name, value in values.items() if name not in cls.OLD_NAMES}
        return {cls.OLD_NAMES[n]: v for n, v in old.items() if v is not None} | today

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Let `help` show every option as the command line's help does."""
        fields = cls.model_fields.items()
        rows = [f"{name}: {_kind(info)}\n    {help_text(info)}" for name, info in fields]
        described = (cls.__doc__ or "").partition("\n\nOptions\n---")[0]
        cls.__doc__ = "\n".join([described, "", "Options", "-------", *rows])
        keyword = inspect.Parameter.KEYWORD_ONLY
        cls.__signature__ = inspect.Signature(
            [
                inspect.Parameter(name, keyword, default=_signed(info), annotation=info.annotation)
                for name, info in fields
            ]
        )

    @field_validator("*", mode="before")
    @classmethod
    def _places(cls, value: Any, field: ValidationInfo) -> Any:
        """Read every path alike, whether a flag, a file or Python gave it as a word."""
        if Path not in _elements(cls.model_fields[field.field_name or ""]):
            return value
        if isinstance(value, (list, tuple)):
            return [place(part) if isinstance(part, str) else part for part in value]
        return place(value) if isinstance(value, str) else value

    def recorded(self, *, explicit: bool = False) -> dict[str, Any]:
        """The options as a manifest holds them: JSON values, paths absolute.

        `explicit` leaves out those that were not set.
        """
        paths = {name: value.absolute() for name, value in self if isinstance(value, Path)}
        whole = self.model_copy(update=paths)
        return whole.model_dump(mode="json", exclude_unset=explicit)


def _signed(info: FieldInfo) -> Any:
    return inspect.Parameter.empty if info.is_required() else info.default


def _kind(info: FieldInfo) -> str:
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


def presentation(info: FieldInfo) -> Presentation:
    """The presentation of a field declared by `option`."""
    return next((m for m in info.metadata if isinstance(m, Presentation)), Presentation())


def flags(name: str, info: FieldInfo) -> tuple[str, ...]:
    """The command line's spellings of a field, the one to name in messages first."""
    declared = presentation(info).flags
    if any(flag.startswith("--") for flag in declared):
        return declared
    return (f"--{name.replace('_', '-')}", *declared)


def flag_of(model: type[Options], name: str) -> str:
    """The spelling to name in messages."""
    info = model.model_fields[name]
    if presentation(info).positional:
        return name.upper()
    return flags(name, info)[0].split("/")[0]


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
    words = [kinds[part] for part in _elements(info) if part in kinds]
    return "|".join([*words, *choices(info)]) or name.upper()


def _elements(info: FieldInfo) -> list[Any]:
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


class Invocation(Options):
    """What belongs to one call alone and is not recorded with its result."""

    config: Path | None = option(None, "YAML file of options; flags win over it")
    print_config: bool = option(
        False, "print the resolved options as YAML for --config and exit", flags=("--print-config",)
    )
    quiet: bool = option(False, "print nothing but errors and results", flags=("--quiet", "-q"))


class AnalysisInvocation(Invocation):
    """One call of a command whose answer is numbers."""

    json_: bool = option(False, "print the numbers as JSON on stdout", flags=("--json",))
