"""Names of tensors with a layer's number in them: patterns, and the families of names that fit."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from math import prod

from resdepth.weights.tensor import Stored

LAYER = "{k}"
DIGITS = 9
"""Longer numbers are none of a layer."""
NEAR = 3
"""So many patterns are offered in the place of one that fits nothing."""


def grouped(names: Iterable[str], pattern: str) -> dict[str, list[tuple[int, str]]]:
    """The families that fit `pattern`: for each its layers (k, name), ascending.

    `{k}` is a number in decimal digits; `*` is one character or more, and a family for each text
    that it stands for. A family is called by its names with `{k}` in the place of the number.
    """
    parts = [re.escape(part).replace(r"\*", "(?:.+?)") for part in pattern.split(LAYER)]
    expression = re.compile(f"([0-9]{{1,{DIGITS}}})".join(parts), re.DOTALL)
    found: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        match = expression.fullmatch(name)
        if match is not None:
            family = name[: match.start(1)] + LAYER + name[match.end(1) :]
            found.setdefault(family, []).append((int(match[1]), name))
    return {family: sorted(layers) for family, layers in found.items()}


@dataclass(frozen=True)
class Listed:
    """Layers first, ..., last of the family `pattern`: neighbours of one `shape`.

    `whole` says whether the family has no others; `dtypes` are the words for how they are stored.
    """

    pattern: str
    first: int
    last: int
    shape: tuple[int, ...]
    dtypes: tuple[str, ...]
    whole: bool

    @property
    def count(self) -> int:
        """How many layers these are."""
        return self.last - self.first + 1


def layer_families(tensors: Mapping[str, Stored]) -> list[Listed]:
    """What in `tensors` looks like layers: two or more neighbours of one shape, largest first.

    The layer's number is a part of the name between dots, else any digits in it; where a name has
    several numbers, the one along which there are most layers.
    """
    real = {name: stored for name, stored in tensors.items() if stored.numbers is not None}
    found: dict[str, list[tuple[int, str]]] = {}
    left = list(real)
    for places in (_between_dots, _anywhere):
        sizes = Counter(family for name in left for family, _ in places(name))
        rest = []
        for name in left:
            options = [(sizes[family], family, k) for family, k in places(name)]
            count, family, k = max(options, key=lambda option: option[0], default=(0, "", 0))
            if count > 1:
                found.setdefault(family, []).append((k, name))
            else:
                rest.append(name)
        left = rest
    rows = [row for family, layers in found.items() for row in _rows(family, layers, real)]
    return sorted(rows, key=lambda row: (len(row.shape) < 2, -row.count * prod(row.shape)))


def _between_dots(name: str) -> Iterator[tuple[str, int]]:
    yield from _numbers(name, r"(?<![^./])[0-9]+(?![^./])")


def _anywhere(name: str) -> Iterator[tuple[str, int]]:
    yield from _numbers(name, r"[0-9]+")


def _numbers(name: str, expression: str) -> Iterator[tuple[str, int]]:
    for match in re.finditer(expression, name):
        if len(match[0]) > DIGITS:
            continue
        yield name[: match.start()] + LAYER + name[match.end() :], int(match[0])


def _rows(
    family: str, layers: Sequence[tuple[int, str]], tensors: Mapping[str, Stored]
) -> Iterator[Listed]:
    ordered = sorted(layers)
    for run in neighbours([(k, tensors[name].shape) for k, name in ordered]):
        shape = run[0][1]
        names = [name for k, name in ordered if run[0][0] <= k <= run[-1][0]]
        dtypes = tuple(dict.fromkeys(tensors[name].dtype for name in names))
        if len(run) > 1:
            whole = len(run) == len(layers)
            yield Listed(family, run[0][0], run[-1][0], shape, dtypes, whole)


def neighbours(
    layers: Sequence[tuple[int, tuple[int, ...]]],
) -> list[list[tuple[int, tuple[int, ...]]]]:
    """Layers (k, shape), ascending, cut where k jumps or the shape changes."""
    numbered = enumerate(layers)
    runs = groupby(numbered, key=lambda item: (item[1][0] - item[0], item[1][1]))
    return [[layer for _, layer in run] for _, run in runs]


def near(pattern: str, families: Iterable[str]) -> list[str]:
    """The families whose names are most like `pattern`."""
    return get_close_matches(pattern, list(dict.fromkeys(families)), NEAR, cutoff=0.5)
