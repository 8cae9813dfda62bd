"""YAML by the core schema of version 1.2, where PyYAML alone has that of 1.1.

Scalars are what YAML 1.2.2, section 10.3.2, says: `off` and `yes` are words, `010` is ten, `0o10`
eight, `1e3` a number; `1:30`, `1_000`, dates, `=` and `<<` are words. Keys given twice are refused
with both lines, and a tab may stand wherever white space may, but for indentation. What is written
reads back the same by 1.1 as well. (ruamel.yaml keeps dates, merge keys and `1_000` of 1.1 under
1.2, and takes no tab.)
"""

import re
from collections.abc import Callable
from typing import Any, ClassVar

import yaml
from yaml.composer import Composer
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner, ScannerError

_TAG = "tag:yaml.org,2002:"
_DIGITS = "-+0123456789"
_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list(_DIGITS)),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list(_DIGITS + "."),
    ),
)
"""Tags with their pattern and the characters a match begins with; the first that matches counts."""


class _Scanner(Reader, Scanner):
    """Takes a tab between tokens, and before a comment or the end of a line."""

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.peek() == "\t":
            width = 1
            while self.peek(width) in " \t":
                width += 1
            indents = self.column == 0 or self.prefix_is_blank()
            if indents and not self.flow_level and self.peek(width) not in "#\r\n\0":
                raise ScannerError(None, None, "a tab, where only spaces indent", self.get_mark())
            self.forward(width)
            super().scan_to_next_token()

    def prefix_is_blank(self) -> bool:
        """Whether nothing but white space stands before the current place in its line."""
        return not self.buffer[self.pointer - self.column : self.pointer].strip(" \t")


class _Resolver(BaseResolver):
    """The scalars of the core schema."""


for _name, _pattern, _first in _SCALARS:
    _Resolver.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), _first)


class _Constructor(SafeConstructor):
    """Builds the core schema's values and nothing else."""

    yaml_constructors: ClassVar[dict[str | None, Callable[..., Any]]] = {}

    def scalar(self, node: ScalarNode) -> Any:
        """The value of a scalar whose tag is that of its pattern, or was given and fits it."""
        text, kind = str(self.construct_scalar(node)), node.tag.removeprefix(_TAG)
        if not re.fullmatch(next(pattern for name, pattern, _ in _SCALARS if name == kind), text):
            raise ConstructorError(None, None, f"'{text}' is no {kind}", node.start_mark)
        return _VALUES[kind](text.lower())

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping, refused where two keys are the same option."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            # Underscores and dashes are equal in the names of options.
            name = str(self.construct_object(key, deep=True)).replace("-", "_")
            line = key.start_mark.line + 1
            if name in lines:
                problem = f"'{name}' is given twice, first in line {lines[name]}"
                raise ConstructorError(None, None, problem, key.start_mark)
            lines[name] = line
        built: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return built

    def flatten_mapping(self, node: MappingNode) -> None:
        """Nothing: 1.2 knows no merge keys."""


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text, base)


_VALUES: dict[str, Callable[[str], Any]] = {
    "null": lambda text: None,
    "bool": lambda text: text == "true",
    "int": _integer,
    "float": lambda text: float(text.replace(".inf", "inf").replace(".nan", "nan")),
}
_Constructor.yaml_constructors |= {_TAG + name: _Constructor.scalar for name in _VALUES}
_Constructor.yaml_constructors |= {
    tag: SafeConstructor.yaml_constructors[tag]
    for tag in (None, f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map")
}


class _Loader(_Scanner, Parser, Composer, _Constructor, _Resolver):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _Constructor.__init__(self)
        _Resolver.__init__(self)


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of the language would take for something other than a word."""


for _name, _pattern, _first in _SCALARS:
    _Dumper.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), _first)


def load(text: str) -> Any:
    """The one document in `text`: None, numbers, words, lists and dictionaries.

    Raises
    ------
    yaml.YAMLError, ValueError, RecursionError
        It is no YAML, or nothing that the core schema knows.
    """
    return _Loader(text).get_single_data()


def dump(content: Any) -> str:
    """`content` as YAML in the order it has."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)
