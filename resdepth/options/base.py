"""What an option is: a field of a frozen pydantic model that carries all the command line needs.

The command line, its help, its completion, the configuration file and the reference page are all
derived from these models; there is no second list of options anywhere.
"""

import inspect
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from resdepth.errors import Usage
from resdepth.options.fields import (
    Need,
    Needs,
    Presentation,
    elements,
    flags,
    no_effect,
    presentation,
    python_help,
    reason_of,
    type_words,
)
from resdepth.options.location import place

PER_CORE = "OMP_NUM_THREADS, else one per core"
"""Threads by default, as `cores.py` counts them."""
LENIENT = "lenient"
"""Entry of the validation context: options that are dropped if they have no effect."""


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
    """Names of earlier versions in records and configuration files; "" if nothing replaces one."""

    NEEDS: ClassVar[dict[str, Needs]] = {}
    """What an option needs to have an effect; options that always have one are not listed. An
    option is idle if it differs from its default and has no effect: it is refused if a user gives
    it, and dropped from old records."""

    def __init__(self, **values: Any) -> None:
        """Check every value; Usage, a ValueError, if one is wrong or has no effect."""
        try:
            super().__init__(**values)
        except ValidationError as failure:
            remedy = f"see help({type(self).__name__}) for every option"
            raise self.error(failure, remedy) from None
        self.without_idle()

    # pydantic's validation of a mapping does not call it, so does not check the effect.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def fields(cls) -> dict[str, FieldInfo]:
        """Every option with its field."""
        return dict(cls.model_fields)

    @classmethod
    def parsed(cls, name: str, value: Any) -> Any:
        """One value as its field reads it; Usage if it is wrong."""
        info = cls.fields()[name]
        kind: Any = Annotated[info.annotation, *info.metadata]
        try:
            return TypeAdapter(kind).validate_python(value)
        except ValidationError as failure:
            raise Usage(name, reason_of(cls.fields(), name, failure.errors()[0])) from None

    @classmethod
    def error(cls, failure: ValidationError, remedy: str = "") -> Usage:
        """The error of ours for a validation that failed, in which fields have their flat names."""
        first = failure.errors()[0]
        error = first.get("ctx", {}).get("error")
        if isinstance(error, Usage):
            return error
        fields, where = cls.fields(), [str(part) for part in first["loc"]]
        name = next((part for part in reversed(where) if part in fields), "".join(where[:1]))
        return Usage(name, reason_of(fields, name, first), remedy)

    def idle(self) -> dict[str, list[tuple[Need, Any]]]:
        """The options that are idle, with what they need and the values in use."""
        found = {}
        for name, alternatives in self.NEEDS.items():
            used = [(need, getattr(self, need.seen or need.option)) for need in alternatives]
            if self.differs(name) and not any(need.met(value) for need, value in used):
                found[name] = used
        return found

    def differs(self, name: str) -> bool:
        """Whether an option differs from its default."""
        return bool(getattr(self, name) != type(self).fields()[name].default)

    def without_idle(self, lenient: Collection[str] = ()) -> Self:
        """The options with defaults for those that are idle; Usage if one is not `lenient`."""
        idle = self.idle()
        for name in [name for name in idle if name not in lenient]:
            raise no_effect(name, idle[name])
        dropped = {name: type(self).fields()[name].default for name in idle}
        return self.model_copy(update=dropped) if dropped else self

    def refuse_given(self, names: Sequence[str], remedy: str) -> None:
        """Raise Usage if one of `names` differs from its default: the caller ignores them."""
        for name in filter(self.differs, names):
            raise Usage(name, "has no effect here", remedy)

    def flat(self) -> dict[str, Any]:
        """Every option with its value."""
        return dict(self)

    @classmethod
    def flattened(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of a file or a record by today's names of the options."""
        return cls.renamed(values)

    @classmethod
    def split(cls, flat: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values as files and records hold them, and those that have no place there."""
        return dict(flat), {}

    @model_validator(mode="before")
    @classmethod
    def _today(cls, values: Any) -> Any:
        return cls.renamed(values) if isinstance(values, Mapping) else values

    @classmethod
    def renamed(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same values under today's names; an old name without a value has no effect."""
        old = {name: value for name, value in values.items() if name in cls.OLD_NAMES}
        today = {name: value for name, value in values.items() if name not in cls.OLD_NAMES}
        given = {name: value for name, value in old.items() if value not in (None, False, "false")}
        return {cls.OLD_NAMES[name] or name: value for name, value in given.items()} | today

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Let `help` show every option as the command line's help does, with fields for flags."""
        fields = cls.fields().items()
        rows = [f"{name}: {type_words(info)}\n    {python_help(info)}" for name, info in fields]
        described = (cls.__doc__ or "").partition("\n\nOptions\n---")[0]
        cls.__doc__ = "\n".join([described, "", "Options", "-------", *rows])
        cls.__signature__ = inspect.Signature([_parameter(name, info) for name, info in fields])

    @field_validator("*", mode="before")
    @classmethod
    def _places(cls, value: Any, field: ValidationInfo) -> Any:
        """Read every path alike, whether a flag, a file or Python gave it as a word."""
        if Path not in elements(cls.model_fields[field.field_name or ""]):
            return value
        if isinstance(value, (list, tuple)):
            return [place(part) if isinstance(part, str) else part for part in value]
        return place(value) if isinstance(value, str) else value

    def recorded(self, only: Collection[str] | None = None) -> dict[str, Any]:
        """The options, or `only` some, as a manifest holds them: JSON values, paths absolute."""
        chosen = self.fields() if only is None else only
        return {name: _json(value) for name, value in self.flat().items() if name in chosen}


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(part) if isinstance(part, Path) else part for part in value]
    return str(value.absolute()) if isinstance(value, Path) else value


def _parameter(name: str, info: FieldInfo) -> inspect.Parameter:
    default = inspect.Parameter.empty if info.is_required() else info.default
    kind: Any = info.annotation
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def flag_of(model: type[Options], name: str) -> str:
    """The spelling to name in messages."""
    info = model.fields()[name]
    if presentation(info).positional:
        return name.upper()
    return flags(name, info)[0].split("/")[0]


class Invocation(Options):
    """What belongs to one call alone and is not recorded with its result."""

    config: Path | None = option(None, "YAML file of options; flags override it")
    print_config: bool = option(
        False, "print the resolved options as YAML for --config and exit", flags=("--print-config",)
    )
    quiet: bool = option(False, "print only errors and results", flags=("--quiet", "-q"))


class AnalysisInvocation(Invocation):
    """One call of a command whose answer is numbers."""

    json_: bool = option(False, "print the numbers as JSON on stdout", flags=("--json",))
