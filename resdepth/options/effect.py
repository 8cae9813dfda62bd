"""When an option has an effect: conditions on other options, declared once for each field.

`NEEDS` of an options class is the table. An option is idle if it differs from its default although
its condition does not hold: it is refused if a user gives it, and dropped from old records.
"""

from collections.abc import Collection, Sequence
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

    def state(self, value: Any) -> str:
        """The value in use, in words."""
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
"""Alternative conditions."""


def needs(option: str, *values: Any, seen: str = "") -> Needs:
    """The condition that `option` has one of `values`; add conditions to make alternatives."""
    return (Need(option, values, seen),)


def idle(options: "Options") -> dict[str, Needs]:
    """The options that differ from their defaults but have no effect, and what they need."""
    fields = type(options).fields()
    return {
        name: alternatives
        for name, alternatives in type(options).NEEDS.items()
        if getattr(options, name) != fields[name].default
        and not any(need.value(options) in need.values for need in alternatives)
    }


def no_effect(name: str, alternatives: Sequence[tuple[Need, Any]]) -> Usage:
    """The error for an idle option: what it needs, each with the value in use."""
    states = " and ".join(need.state(value) for need, value in alternatives)
    remedies = ["leave it out", *(need.remedy() for need, _ in alternatives)]
    return Usage(name, f"has no effect {states}", _or(remedies))


def refuse_idle(options: "Options") -> None:
    """Raise Usage if an option has no effect."""
    for name, alternatives in idle(options).items():
        raise no_effect(name, [(need, need.value(options)) for need in alternatives])


def without_idle(options: Model, lenient: Collection[str]) -> Model:
    """The options with defaults for those that are idle; only the `lenient` ones may be."""
    dropped = {name: type(options).fields()[name].default for name in idle(options)}
    if dropped.keys() - set(lenient):
        refuse_idle(options)
    return options.model_copy(update=dropped) if dropped else options


def refuse_given(options: "Options", names: Sequence[str], remedy: str) -> None:
    """Raise Usage if one of `names` differs from its default: the caller ignores them."""
    fields = type(options).fields()
    for name in names:
        if getattr(options, name) != fields[name].default:
            raise Usage(name, "has no effect here", remedy)
