"""Flag > configuration file > default, merged once; every complaint names the flag."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from resdepth.errors import Corrupt, Usage
from resdepth.options.base import Options, flag_of
from resdepth.options.complaint import complaint, original
from resdepth.options.config import read_config
from resdepth.options.effect import effective

Model = TypeVar("Model", bound=Options)


def resolve(
    model: type[Model], given: Mapping[str, Any], config: Path | None = None, *, command: str
) -> Model:
    """Options of `model` from the flags `given` over the file `config` over the defaults.

    Options without effect are taken; `refuse_idle` refuses them.

    Raises
    ------
    Usage
        A value is of the wrong kind or out of its range; the message names the flag.
    Usage
        An argument is missing.
    Usage, Usage, Missing
        The file is no mapping of options, names an unknown option, or is not there.
    """
    values = {} if config is None else read_config(model, config)
    values.update(given)
    try:
        return model.model_validate(values)
    except ValidationError as failure:
        if ours := original(failure):
            raise ours from None
        name, reason = complaint(model, failure)
        if failure.errors()[0]["type"] == "missing":
            flag = flag_of(model, name)
            remedy = f"resdepth {command} {'RUN' if flag == 'SOURCES' else flag}"
            raise Usage(name, "none was given", remedy) from None
        raise Usage(name, reason) from None


def from_record(model: type[Model], recorded: Mapping[str, Any], path: Path) -> Model:
    """The options that the manifest at `path` recorded, with defaults for those without effect.

    Raises
    ------
    Corrupt
        They are not options of `model`; the message names the first that is wrong.
    """
    try:
        return effective(model.model_validate(recorded))
    except ValidationError as failure:
        name, reason = complaint(model, failure)
        flag = flag_of(model, name) if name in model.model_fields else name
        reason = str(original(failure) or f"{flag}: {reason}")
        remedy = "restore the file, or train again"
        raise Corrupt(path, reason, remedy) from None
