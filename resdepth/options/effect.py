"""When an option has an effect: conditions on other options, declared once for each field.

`NEEDS` of an options class is the table. An option that differs from its default although its
condition does not hold is idle: it is refused when a user gives it, and left out of comparisons of
recorded options.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from resdepth.errors import Usage

if TYPE_CHECKING:
    from resdepth.options.base import Options

Model = TypeVar("Model", bound="Options")


@dataclass(frozen=True)
class Need:
    """Another option, and its values with which an option has an effect.

    `seen` names the property that holds the value in use, if it is not the option itself.
    """

    option: str
    values: tuple[Any, ...]
    seen: str = ""

    def value(self, options: "Options") -> Any:
        """The value in use."""
        return getattr(options, self.seen or self.option)

    def state(self, options: "Options") -> str:
        """The value in use, in words."""
        value = self.value(options)
        if isinstance(value, bool):
            return f"with{'' if value else 'out'} `{self.option}`"
        return f"with `{self.option}={value}`"

    def remedy(self) -> str:
        """What to do for the option to have an effect."""
        if self.values == (False,):
            return f"leave `{self.option}` out"
        if self.values == (True,):
            return f"give `{self.option}`"
        return f"give `{self.option}={_or(self.values)}`"


def _or(words: Sequence[Any]) -> str:
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


Needs = tuple[Need, ...]
"""Alternatives, one of which has to hold."""


def needs(option: str, *values: Any, seen: str = "") -> Needs:
    """The condition that `option` has one of `values`; add conditions to make alternatives."""
    return (Need(option, values, seen),)


def idle(options: "Options") -> dict[str, Needs]:
    """The options that differ from their defaults but have no effect, and what they need."""
    fields = type(options).model_fields
    return {
        name: alternatives
        for name, alternatives in type(options).NEEDS.items()
        if getattr(options, name) != fields[name].default
        and not any(need.value(options) in need.values for need in alternatives)
    }


def refuse_idle(options: "Options") -> None:
    """Raise Usage if an option has no effect."""
    for name, alternatives in idle(options).items():
        states = " and ".join(need.state(options) for need in alternatives)
        remedies = ["leave it out", *(need.remedy() for need in alternatives)]
        reason = f"has no effect {states}"
        raise Usage(name, reason, _or(remedies))


def refuse_given(options: "Options", names: Sequence[str], remedy: str) -> None:
    """Raise Usage if one of `names` differs from its default: the caller ignores them."""
    fields = type(options).model_fields
    for name in names:
        if getattr(options, name) != fields[name].default:
            raise Usage(name, "has no effect here", remedy)


def effective(options: Model) -> Model:
    """The same options with defaults in place of those that have no effect."""
    fields = type(options).model_fields
    return options.model_copy(update={name: fields[name].default for name in idle(options)})


def effective_record(model: "type[Options]", recorded: Mapping[str, Any]) -> dict[str, Any]:
    """The same for options as a manifest records them, which are not validated."""
    known = model.model_construct(**{n: v for n, v in recorded.items() if n in model.model_fields})
    without = idle(known)
    fields = model.model_fields
    return {n: fields[n].default if n in without else value for n, value in recorded.items()}
