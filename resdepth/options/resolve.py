"""Options of a command: flag over configuration file over record over default."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from resdepth.errors import Corrupt, Usage
from resdepth.options.base import LENIENT, Options, flag_of
from resdepth.options.complaint import usage_error
from resdepth.options.config import read_config
from resdepth.options.effect import without_idle

Model = TypeVar("Model", bound=Options)


def resolve(
    model: type[Model],
    given: Mapping[str, Any],
    config: Path | None = None,
    *,
    command: str,
    lenient: Collection[str] = (),
) -> Model:
    """Options of `model` from the flags `given` over the file `config` over the defaults.

    Raises Usage if a value is wrong, is missing or has no effect, or if the file cannot be used.
    Options without effect that are `lenient` are dropped instead.
    """
    values = {} if config is None else read_config(model, config)
    values.update(given)
    try:
        made = model.model_validate(values, context={LENIENT: lenient})
    except ValidationError as failure:
        error = usage_error(model, failure)
        if failure.errors()[0]["type"] == "missing" and not error.remedy:
            flag = flag_of(model, error.where)
            remedy = f"resdepth {command} {'RUN' if flag == 'SOURCES' else flag}"
            error = Usage(error.where, error.what, remedy)
        raise error from None
    return without_idle(made, lenient)


def from_record(model: type[Model], recorded: Mapping[str, Any], path: Path) -> Model:
    """The options that the manifest at `path` recorded; what had no effect is dropped.

    Raises Corrupt, which names the first that is wrong, if they are not options of `model`.
    """
    try:
        return resolve(model, recorded, command="", lenient=recorded)
    except Usage as error:
        reason = f"`{error.where}`: {error.what}"
        raise Corrupt(path, reason, "restore the file, or train again") from None
