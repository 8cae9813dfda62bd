"""Options in nested groups, which are given and read by their flat names as well.

A group may have several kinds, such as the data sets; each kind has its own fields. An option of
another kind than the selected one has no effect: it is refused unless it has its default value.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import (
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo

from resdepth.errors import Usage
from resdepth.options.base import LENIENT, Options
from resdepth.options.fields import Need, members, no_effect, not_a_choice

_SWITCH = TypeAdapter(bool)


class Kind(Options):
    """One kind of a group; it compares equal to the word that selects it."""

    kind: ClassVar[str]

    def __init_subclass__(cls, kind: str = "", **settings: Any) -> None:
        super().__init_subclass__(**settings)
        cls.kind = kind

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": self.kind, **handler(self)}

    def __eq__(self, other: object) -> bool:
        return self.kind == other if isinstance(other, str) else super().__eq__(other)

    def __hash__(self) -> int:
        return hash(self.kind)

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True)
class Place:
    """The group of a flat option ("" for none), its field, and the kinds that have it."""

    group: str
    info: FieldInfo
    kinds: tuple[str, ...] = ()


class Grouped(Options):
    """Base of options in groups: a field is a group if its type is one or several `Options`."""

    SELECTORS: ClassVar[dict[str, str]] = {}
    """The flat option that selects the kind of a group. If it has another name than the group, it
    is a boolean that selects the first or the second kind."""
    groups: ClassVar[dict[str, dict[str, type[Options]]]] = {}
    places: ClassVar[dict[str, Place]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **settings: Any) -> None:
        """Find the place of every flat option."""
        cls.groups, found = {}, {}
        for name, info in cls.model_fields.items():
            kinds = {
                _word(part): part
                for part in members(info)
                if isinstance(part, type) and issubclass(part, Options)
            }
            if not kinds:
                found[name] = Place("", info)
                continue
            cls.groups[name] = kinds
            if selector := cls.SELECTORS.get(name):
                words = tuple(kinds)
                chosen = (words[0], Literal[words]) if selector == name else (False, bool)
                found[selector] = Place(name, _like(info, *chosen))
            for kind in kinds.values():
                for inner, field in kind.fields().items():
                    # A flat option is never required.
                    if field.is_required():
                        field = _like(field, None, field.annotation | None)  # type: ignore[operator]
                    words = tuple(word for word in kinds if inner in kinds[word].model_fields)
                    found.setdefault(inner, Place(name, field, words))
        cls.places = found
        super().__pydantic_init_subclass__(**settings)
        parameters = dict(cls.__signature__.parameters)
        for name in cls.groups.keys() & parameters.keys():
            both = parameters[name].annotation | cls.model_fields[name].annotation
            parameters[name] = parameters[name].replace(annotation=both)
        cls.__signature__ = cls.__signature__.replace(parameters=list(parameters.values()))

    @classmethod
    def fields(cls) -> dict[str, FieldInfo]:
        """Every option by its flat name."""
        return {name: place.info for name, place in cls.places.items()}

    @classmethod
    def flattened(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Nested, flat or mixed values by their flat names."""
        flat: dict[str, Any] = {}
        for name, value in values.items():
            inside = cls._ungrouped(name, value) if name in cls.groups else {name: value}
            for inner, one in inside.items():
                if inner in flat and str(one).lower() != str(flat[inner]).lower():
                    raise Usage(inner, "is given twice, with different values")
                flat[inner] = one
        return cls.renamed(flat)

    @classmethod
    def _ungrouped(cls, group: str, value: Any) -> dict[str, Any]:
        """The options of one group by their flat names."""
        if isinstance(value, Options):
            value = {"kind": _word(type(value))} | value.model_dump(exclude_unset=True)
        selector, words = cls.SELECTORS.get(group, ""), list(cls.groups[group])
        if not isinstance(value, Mapping):
            if selector == group:
                return {group: value}
            raise Usage(group, "should be a group of options")
        flat = {name: one for name, one in value.items() if name != "kind"}
        for name in flat:
            if name in cls.places and cls.places[name].group != group:
                raise Usage(name, f"is not an option of '{group}'")
        word = value.get("kind", words[0])
        if not selector and word not in words:
            raise Usage(group, f"should be {words[0]}, not another kind")
        if selector and "kind" in value:
            flat[selector] = word == words[1] if selector != group and word in words else word
        return flat

    @classmethod
    def split(cls, flat: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Flat values in their groups, and those that the selected kinds do not have."""
        nested: dict[str, Any] = {name: {} for name in cls.groups}
        idle: dict[str, Any] = {}
        words = {group: cls._selected(group, flat) for group in cls.SELECTORS}
        for name, value in flat.items():
            place = cls.places.get(name)
            if place is None or not place.group:
                nested[name] = value
            elif not place.kinds:
                nested[place.group] = {"kind": words[place.group]} | nested[place.group]
            else:
                has = words.get(place.group, place.kinds[0]) in place.kinds
                (nested[place.group] if has else idle)[name] = value
        order = [*cls.model_fields, *nested]
        return {name: nested[name] for name in order if nested.get(name, {}) != {}}, idle

    @classmethod
    def _selected(cls, group: str, flat: Mapping[str, Any]) -> Any:
        """The word of the kind that flat values select."""
        selector, words = cls.SELECTORS[group], tuple(cls.groups[group])
        value = flat.get(selector, words[0])
        if selector == group or value in words:
            return value
        try:
            return words[_SWITCH.validate_python(value)]
        except ValidationError:
            return value

    @model_validator(mode="wrap")
    @classmethod
    def _grouped(
        cls, values: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Put flat values into their groups."""
        if not isinstance(values, Mapping):
            return handler(values)
        flat, context = cls.flattened(values), info.context or {}
        nested, idle = cls.split(flat)
        for group in cls.SELECTORS:
            content = nested.get(group, {}) | {"kind": cls._selected(group, flat)}
            nested[group] = cls._made(group, content, context)
        made = handler({group: {} for group in cls.groups} | nested)
        for name, value in idle.items():
            place = cls.places[name]
            # An option that the selected kind does not have may be given as its default.
            if (
                name not in context.get(LENIENT, ())
                and cls.parsed(name, value) != place.info.default
            ):
                selector = cls.SELECTORS[place.group]
                need = Need(selector, place.kinds if selector == place.group else (True,))
                raise no_effect(name, [(need, getattr(made, selector))])
        unset = {group for group, selector in cls.SELECTORS.items() if selector not in flat}
        made.__pydantic_fields_set__.difference_update(unset)
        return made

    @classmethod
    def _made(cls, group: str, content: dict[str, Any], context: Mapping[str, Any]) -> Options:
        """A group from its values and the word of its kind."""
        word, selector = content.pop("kind"), cls.SELECTORS[group]
        if word not in tuple(cls.groups[group]):
            raise Usage(selector, not_a_choice(cls.fields()[selector], word))
        try:
            return cls.groups[group][word].model_validate(content, context=context)
        except ValidationError as failure:
            first = failure.errors()[0]
            if first["type"] != "missing":
                raise
            name = str(first["loc"][0])
            remedy = f"give the {cls.groups[group][word].fields()[name].description}"
            raise Usage(f"{selector}={word}", f"needs `{name}`", remedy) from None

    def __getattr__(self, name: str) -> Any:
        place = type(self).places.get(name)
        if place is None:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        group = getattr(self, place.group)
        if not place.kinds:
            return group.kind == list(self.groups[place.group])[1]
        return getattr(group, name, place.info.default)

    @property
    def model_fields_set(self) -> set[str]:
        """The options that were set, by their flat names."""
        found = {name for group in self.groups for name in getattr(self, group).model_fields_set}
        own = self.__pydantic_fields_set__ - (self.groups.keys() - self.SELECTORS.keys())
        return found | {self.SELECTORS.get(name, name) for name in own}

    def flat(self) -> dict[str, Any]:
        """Every option by its flat name, with the default for one that the kind does not have."""
        values = {name: getattr(self, name) for name in self.places}
        return {n: one.kind if isinstance(one, Kind) else one for n, one in values.items()}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values of flat options, which drops what has no effect any more."""
        if not update:
            return super().model_copy(deep=deep)
        given = {
            name: value for name, value in self.flat().items() if name in self.model_fields_set
        }
        try:
            changed = self.flattened(update)
            context = {LENIENT: given.keys() - changed.keys()}
            return self.model_validate(given | changed, context=context)
        except ValidationError as failure:
            raise self.error(failure) from None


def _word(kind: type[Options]) -> str:
    """The word that selects a kind."""
    return kind.kind if issubclass(kind, Kind) else kind.__name__


def _like(info: FieldInfo, default: Any, annotation: Any) -> FieldInfo:
    """The same field with another default and type."""
    flat = copy(info)
    flat.default, flat.annotation = default, annotation
    return flat
