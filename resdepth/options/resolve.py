"""Flag > configuration file > default, merged once; every complaint names the flag."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from resdepth.errors import (
    Corrupt,
    Usage,
    no_such,
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
    Usage
        A value is of the wrong kind or out of its range; the message names the flag.
    Usage
        An argument is missing.
    Usage, Missing
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


def read_config(model: type[Options], path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, its keys checked against the options of `model`."""
    try:
        content = yaml12.load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise no_such(path, "file") from None
    except IsADirectoryError:
        raise Usage(path, f"{_NO_CONFIG}: it is a directory", _REMEDY) from None
    except OSError as error:
        raise Usage(path, f"cannot be read: {error.strerror}", _REMEDY) from None
    except UnicodeDecodeError:
        raise Usage(path, f"{_NO_CONFIG}: not UTF-8 text", _REMEDY) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # A number of too many digits is a ValueError, brackets without end are a RecursionError.
        raise Usage(path, f"{_NO_CONFIG}: {_problem(error)}", _REMEDY) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        reason = f"{_NO_CONFIG}: it is not a mapping of option: value"
        raise Usage(path, reason, _REMEDY)
    named = model.renamed({str(key).replace("-", "_"): v for key, v in content.items()})
    for key in named:
        if key not in model.model_fields:
            suggestion = _MERGE if key == "<<" else nearest(key, model.model_fields)
            raise Usage(path, f"unknown option '{key}'", suggestion)
    return {key: _unboolean(model, key, value) for key, value in named.items()}


_REMEDY = "'--print-config' writes one to start from"
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
