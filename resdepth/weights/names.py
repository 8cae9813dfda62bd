"""Names of tensors that contain the number of a layer: patterns, and the families that fit them."""

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
"""A longer number is not that of a layer."""
SUGGESTED = 3
"""How many patterns are suggested for one that fits nothing."""
_PLACES = (r"(?<![^./])[0-9]+(?![^./])", r"[0-9]+")
"""Where a layer's number may be: a part of the name between dots, else any digits."""
Numbered = tuple[int, tuple[int, ...]]
"""A layer's number and its shape."""


def grouped(names: Iterable[str], pattern: str) -> dict[str, list[tuple[int, str]]]:
    """The families that fit `pattern`, each with its layers (k, name) in ascending order.

    `{k}` is a number in decimal digits; `*` is any text of at least one character, and each text is
    a family of its own. A family is called by its names, with `{k}` instead of the number.
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
    """Layers first, ..., last of the family `pattern`: consecutive ones of one `shape`.

    `whole` says whether the family has no others; `dtypes` describe how they are stored.
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
    """What in `tensors` looks like layers: at least two consecutive ones of a shape, largest first.

    If a name has several numbers, the layer's is the one with the most layers.
    """
    left = [name for name, stored in tensors.items() if stored.numbers is not None]
    found: dict[str, list[tuple[int, str]]] = {}
    for place in _PLACES:
        places = {name: list(_numbers(name, place)) for name in left}
        sizes = Counter(family for options in places.values() for family, _ in options)
        left = []
        for name, options in places.items():
            family, k = max(options, key=lambda option: sizes[option[0]], default=("", 0))
            if sizes[family] > 1:
                found.setdefault(family, []).append((k, name))
            else:
                left.append(name)
    rows = [row for family, layers in found.items() for row in _rows(family, layers, tensors)]
    return sorted(rows, key=lambda row: (len(row.shape) < 2, -row.count * prod(row.shape)))


def _numbers(name: str, expression: str) -> Iterator[tuple[str, int]]:
    """Each number in a name, with the family that it would be the layer of."""
    for match in re.finditer(expression, name):
        if len(match[0]) <= DIGITS:
            yield name[: match.start()] + LAYER + name[match.end() :], int(match[0])


def _rows(
    family: str, layers: Sequence[tuple[int, str]], tensors: Mapping[str, Stored]
) -> Iterator[Listed]:
    ordered = sorted(layers)
    for run in consecutive([(k, tensors[name].shape) for k, name in ordered]):
        (first, shape), last = run[0], run[-1][0]
        dtypes = dict.fromkeys(tensors[name].dtype for k, name in ordered if first <= k <= last)
        if len(run) > 1:
            yield Listed(family, first, last, shape, tuple(dtypes), len(run) == len(layers))


def consecutive(layers: Sequence[Numbered]) -> list[list[Numbered]]:
    """Layers in ascending order, cut where k jumps or the shape changes."""
    numbered = enumerate(layers)
    runs = groupby(numbered, key=lambda item: (item[1][0] - item[0], item[1][1]))
    return [[layer for _, layer in run] for _, run in runs]


def near(pattern: str, families: Iterable[str]) -> list[str]:
    """The families whose names are most similar to `pattern`."""
    return get_close_matches(pattern, list(dict.fromkeys(families)), SUGGESTED, cutoff=0.5)
