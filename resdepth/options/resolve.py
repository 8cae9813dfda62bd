"""Flag > configuration file > default, merged once; every complaint names the flag."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from resdepth.errors import (
    ConfigKeyUnknown,
    ConfigUnreadable,
    FileCorrupt,
    OptionConflict,
    OptionInvalid,
    PathMissing,
)
from resdepth.options import yaml12
from resdepth.options.base import Options, flag_of
from resdepth.options.complaint import complaint, nearest, original
from resdepth.options.effect import effective
from resdepth.options.location import spelled

Model = TypeVar("Model", bound=Options)


def resolve(
    model: type[Model], given: Mapping[str, Any], config: Path | None = None, *, command: str
) -> Model:
    """Options of `model` from the flags `given` over the file `config` over the defaults.

    Options without effect are taken; `refuse_idle` refuses them.

    Raises
    ------
    OptionInvalid
        A value is of the wrong kind or out of its range; the message names the flag.
    OptionConflict
        An argument is missing.
    ConfigUnreadable, ConfigKeyUnknown, PathMissing
        The file is no mapping of options, names an unknown option, or is not there.
    """
    values = {} if config is None else read_config(model, config)
    values.update(given)
    try:
        return model.model_validate(values)
    except ValidationError as failure:
        if ours := original(failure):
            raise type(ours)(**ours.context | {"command": command}) from None
        name, reason = complaint(model, failure)
        flag = flag_of(model, name) if name in model.model_fields else name
        if failure.errors()[0]["type"] == "missing":
            remedy = f"resdepth {command} {'RUN' if flag == 'SOURCES' else flag}"
            raise OptionConflict(flag=flag, reason="none was given", remedy=remedy) from None
        raise OptionInvalid(flag=flag, reason=reason, command=command) from None


def from_record(model: type[Model], recorded: Mapping[str, Any], path: Path) -> Model:
    """The options that the manifest at `path` recorded, with defaults for those without effect.

    Raises
    ------
    FileCorrupt
        They are not options of `model`; the message names the first that is wrong.
    """
    try:
        return effective(model.model_validate(recorded))
    except ValidationError as failure:
        name, reason = complaint(model, failure)
        flag = flag_of(model, name) if name in model.model_fields else name
        reason = str(original(failure) or f"{flag}: {reason}")
        remedy = "restore the file, or train again"
        raise FileCorrupt(path=path, reason=reason, remedy=remedy) from None


def read_config(model: type[Options], path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, its keys checked against the options of `model`."""
    try:
        content = yaml12.load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PathMissing(path=path, kind="file") from None
    except IsADirectoryError:
        raise ConfigUnreadable(path=path, reason=f"{_NO_CONFIG}: it is a directory") from None
    except OSError as error:
        raise ConfigUnreadable(path=path, reason=f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigUnreadable(path=path, reason=f"{_NO_CONFIG}: not UTF-8 text") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # A number of too many digits is a ValueError, brackets without end are a RecursionError.
        raise ConfigUnreadable(path=path, reason=f"{_NO_CONFIG}: {_problem(error)}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        reason = f"{_NO_CONFIG}: it is not a mapping of option: value"
        raise ConfigUnreadable(path=path, reason=reason)
    named = model.renamed({str(key).replace("-", "_"): v for key, v in content.items()})
    for key in named:
        if key not in model.model_fields:
            suggestion = _MERGE if key == "<<" else nearest(key, model.model_fields)
            raise ConfigKeyUnknown(path=path, key=key, suggestion=suggestion)
    return {key: _unboolean(model, key, value) for key, value in named.items()}


_NO_CONFIG = "not a configuration file"
_MERGE = "YAML 1.2 has no merge keys: write the options out"


def _problem(error: Exception) -> str:
    """What is wrong with a file, and in which line where that is known."""
    if isinstance(error, RecursionError):
        return "brackets within brackets without end"
    mark = getattr(error, "problem_mark", None)
    line = f"line {mark.line + 1}: " if mark else ""
    problem = str(getattr(error, "problem", None) or error)
    context = getattr(error, "context", None)
    return f"{line}{context}, {problem}" if problem.startswith("but ") else f"{line}{problem}"


def _unboolean(model: type[Options], key: str, value: Any) -> Any:
    # pydantic would take a truth value for the number 1.
    if isinstance(value, bool) and model.model_fields[key].annotation is not bool:
        return str(value).lower()
    return value


def to_yaml(options: Options) -> str:
    """The options as YAML that `--config` takes back to the same options."""
    return yaml12.dump({name: _written(value) for name, value in options.model_dump().items()})


def _written(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_written(part) for part in value]
    return spelled(value) if isinstance(value, Path) else value
