"""Options of a command: flag over configuration file over record over default.

`--config` reads YAML, and `--print-config` writes it. Every scalar is read as the word that stands
in the file, and pydantic parses it as it parses the word behind a flag: `off` is a word, `010` is
ten, `1:30` is no number.
"""

from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError
from yaml.constructor import ConstructorError

from resdepth.errors import Corrupt, Usage, no_such
from resdepth.options.base import LENIENT, Options, flag_of
from resdepth.options.fields import nearest
from resdepth.options.location import spelled

Model = TypeVar("Model", bound=Options)
NULLS = ("", "~", "null", "Null", "NULL")
_REMEDY = "'--print-config' writes one to start from"
_MERGE = "merge keys are not read: write the options out"


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
        error = model.error(failure)
        if failure.errors()[0]["type"] == "missing" and not error.remedy:
            flag = flag_of(model, error.where)
            remedy = f"resdepth {command} {'RUN' if flag == 'SOURCES' else flag}"
            error = Usage(error.where, error.what, remedy)
        raise error from None
    return made.without_idle(lenient)


def from_record(model: type[Model], recorded: Mapping[str, Any], path: Path) -> Model:
    """The options that the manifest at `path` recorded; what had no effect is dropped.

    Raises Corrupt, which names the first that is wrong, if they are not options of `model`.
    """
    try:
        return resolve(model, recorded, command="", lenient=recorded)
    except Usage as error:
        reason = f"`{error.where}`: {error.what}"
        raise Corrupt(path, reason, "restore the file, or train again") from None


class _Loader(yaml.BaseLoader):
    """Reads words, lists and mappings; an unquoted null is None."""

    def construct_scalar(self, node: Any) -> Any:
        value = super().construct_scalar(node)
        return None if node.style is None and value in NULLS else value

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping in which no option is given twice."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            # Underscores and dashes are equal in the names of options.
            name, line = str(key.value).replace("-", "_"), key.start_mark.line + 1
            if name in lines:
                problem = f"'{name}' is given twice, first in line {lines[name]}"
                raise ConstructorError(None, None, problem, key.start_mark)
            lines[name] = line
        return super().construct_mapping(node, deep=deep)


def parsed_yaml(text: str) -> Any:
    """The document in `text`: words, None, lists and dictionaries; YAMLError, RecursionError."""
    return yaml.load(text, Loader=_Loader)


def written_yaml(content: Any) -> str:
    """`content` as YAML in its order."""
    return yaml.safe_dump(content, sort_keys=False)


def read_config(model: type[Options], path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, its keys checked against the options of `model`."""
    try:
        content = parsed_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise no_such(path, "file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise Usage(path, f"not a configuration file: {_problem(error)}", _REMEDY) from None
    if not isinstance(content or {}, dict):
        reason = "not a configuration file: it is not a mapping of option: value"
        raise Usage(path, reason, _REMEDY)
    named, known = model.flattened(_underscored(content or {})), model.fields()
    for key in named:
        if key not in known:
            suggestion = _MERGE if key == "<<" else nearest(key, known)
            raise Usage(path, f"unknown option '{key}'", suggestion)
    return named


def _underscored(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same with underscores in all names, of groups and of options."""
    return {
        str(name).replace("-", "_"): _underscored(value) if isinstance(value, Mapping) else value
        for name, value in content.items()
    }


def _problem(error: Exception) -> str:
    """What is wrong with a file, and in which line if that is known."""
    if isinstance(error, RecursionError):
        return "brackets within brackets without end"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    if isinstance(error, OSError):
        directory = isinstance(error, IsADirectoryError)
        return "it is a directory" if directory else f"cannot be read: {error.strerror}"
    mark = getattr(error, "problem_mark", None)
    line = f"line {mark.line + 1}: " if mark else ""
    problem = str(getattr(error, "problem", None) or error)
    context = getattr(error, "context", None)
    return f"{line}{context}, {problem}" if problem.startswith("but ") else f"{line}{problem}"


def to_yaml(options: Options) -> str:
    """The options as YAML that `--config` reads back to the same options."""

    def word(value: Any) -> Any:
        if isinstance(value, tuple):
            return [word(part) for part in value]
        return spelled(value) if isinstance(value, Path) else value

    flat = {name: word(value) for name, value in options.flat().items()}
    return written_yaml(options.split(flat)[0])
