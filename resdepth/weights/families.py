"""Families of layers in a checkpoint: tensors of one shape whose names differ in a number."""

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from itertools import groupby, pairwise
from math import prod

from resdepth.contents import listed
from resdepth.errors import Corrupt, Impossible, ResdepthError, Usage
from resdepth.weights.bundle import STAGED_PATTERN, Bundle
from resdepth.weights.loading import surviving
from resdepth.weights.tensor import FLOAT8, QUANTISED, SCALED, Stored, shown
from resdepth.weights.weight_path import WeightPath

LAYER = "{k}"
DIGITS, SUGGESTED = 9, 3
"""Digits of a layer's number at most, and patterns suggested for one that fits nothing."""
_PLACES = (r"(?<![^./])[0-9]+(?![^./])", r"[0-9]+")
"""Where a layer's number may be: a part of the name between dots, else any digits."""
UNSCALED = "weights are real numbers; those of a quantised model need their scales first"
Range = tuple[int, int]  # The first and the last layer k to take.
Layers = list[tuple[int, str]]  # The layers of a family: each number k with the name of its tensor.


def grouped(names: Iterable[str], pattern: str) -> dict[str, Layers]:
    """The families that fit `pattern`, each with its layers (k, name) in ascending order.

    `{k}` is a number; `*` is any text of at least one character, and each text is a family of its
    own, which is called by its names, with `{k}` instead of the number.
    """
    parts = [re.escape(part).replace(r"\*", "(?:.+?)") for part in pattern.split(LAYER)]
    expression = re.compile(f"([0-9]{{1,{DIGITS}}})".join(parts), re.DOTALL)
    found: dict[str, Layers] = {}
    for name in names:
        if match := expression.fullmatch(name):
            family = name[: match.start(1)] + LAYER + name[match.end(1) :]
            found.setdefault(family, []).append((int(match[1]), name))
    return {family: sorted(layers) for family, layers in found.items()}


@dataclass(frozen=True)
class Listed:
    """Layers first to last of one `shape` in the family `pattern`; `whole` if it has no others."""

    pattern: str
    first: int
    last: int
    shape: tuple[int, ...]
    dtypes: tuple[str, ...]
    whole: bool

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def layer_families(tensors: Mapping[str, Stored]) -> list[Listed]:
    """What looks like layers: at least two consecutive ones of a shape, largest first."""
    left = [name for name, stored in tensors.items() if stored.numbers is not None]
    found: dict[str, Layers] = {}
    for place in _PLACES:
        places = {name: list(_numbers(name, place)) for name in left}
        sizes = Counter(family for options in places.values() for family, _ in options)
        left = []
        for name, options in places.items():
            # Of several numbers, the layer's is the one with the most layers.
            family, k = max(options, key=lambda option: sizes[option[0]], default=("", 0))
            if sizes[family] > 1:
                found.setdefault(family, []).append((k, name))
            else:
                left.append(name)
    rows: list[Listed] = []
    for family, layers in found.items():
        for run in _consecutive([(k, tensors[name]) for k, name in sorted(layers)]):
            (first, stored), (last, _), whole = run[0], run[-1], len(run) == len(layers)
            dtypes = tuple(dict.fromkeys(one.dtype for _, one in run))
            if len(run) > 1:
                rows.append(Listed(family, first, last, stored.shape, dtypes, whole))
    return sorted(rows, key=lambda row: (len(row.shape) < 2, -row.count * prod(row.shape)))


def _numbers(name: str, expression: str) -> Iterator[tuple[str, int]]:
    """Each number in a name, with the family that it would be the layer of."""
    for match in re.finditer(expression, name):
        if len(match[0]) <= DIGITS:
            yield name[: match.start()] + LAYER + name[match.end() :], int(match[0])


def _consecutive(layers: Sequence[tuple[int, Stored]]) -> list[list[tuple[int, Stored]]]:
    """Layers in ascending order, cut where k jumps or the shape changes."""
    runs = groupby(enumerate(layers), key=lambda item: (item[1][0] - item[0], item[1][1].shape))
    return [[layer for _, layer in run] for _, run in runs]


class PatternNeeded(Usage):
    """Other programs' checkpoints were given without a pattern; `families` lists their layers."""

    def __init__(self, families: Sequence[tuple[Bundle, Sequence[Listed]]]) -> None:
        self.families = families
        patterns = list(dict.fromkeys(row.pattern for _, rows in families for row in rows))
        kinds = "family" if len(patterns) == 1 else "families"
        what = f"is needed: {families[0][0].path} holds {len(patterns)} {kinds} of layers"
        super().__init__("pattern", what, f"one of {listed(patterns)}")


def default_pattern(bundles: Sequence[Bundle], reasons: Sequence[ResdepthError]) -> str:
    """The pattern of runs of `resnet-cifar`; PatternNeeded lists the families of others."""
    if all(grouped(bundle.tensors, STAGED_PATTERN) for bundle in bundles):
        return STAGED_PATTERN
    families = [(one, rows) for one in bundles if (rows := layer_families(one.tensors))]
    for bundle in bundles:
        if what := quantised(bundle):
            if not families:
                raise Corrupt(bundle.path, what, UNSCALED)
            warnings.warn(f"{bundle.path}: {what}; not listed", stacklevel=3)
    if not families:
        raise reasons[0]
    raise PatternNeeded(families)


def find_families(bundle: Bundle, pattern: str, layers: Range | None = None) -> list[WeightPath]:
    """The paths that fit `pattern`, each reduced to the requested `layers` (None: all).

    Families that are not a path are left out with a warning. Raises Usage if no tensor fits,
    Impossible if layers are missing, double or of two shapes, Corrupt if they hold no real numbers.
    """
    groups = grouped(bundle.tensors, pattern)
    if not groups:
        raise Usage(bundle.path, f"no tensor is called '{pattern}'", _near(bundle, pattern))
    found = surviving(partial(_family, bundle, *group, layers) for group in groups.items())
    firsts = [path.layers[0] for path in found]
    for path, first in zip(found, firsts, strict=True):
        if first.dtype.startswith(FLOAT8) and not first.dtype.endswith(SCALED):
            why = f"is {first.dtype}: it has no scale, so its raw numbers are used"
            warnings.warn(f"{bundle.path}: '{path.family}' {why}", stacklevel=2)
            break
    copies = list(dict.fromkeys(stored.copy for stored in bundle.tensors.values() if stored.copy))
    if copies and not any(first.copy for first in firsts):
        how = f"`pattern={copies[0]}.{pattern}` selects these"
        where = f"the same names are in its {listed(copies)} too"
        warnings.warn(f"{bundle.path}: {where}: {how}", stacklevel=2)
    return found


def quantised(bundle: Bundle) -> str:
    """Which tensors are the integers of a quantised model, in words; "" if there are none."""
    found = [one for one in bundle.tensors.values() if one.dtype.startswith(QUANTISED)]
    more = f"and {len(found) - 1} more hold" if found[1:] else "holds"
    return f"'{found[0].name}' {more} {found[0].dtype}" if found else ""


def _near(bundle: Bundle, pattern: str) -> str:
    patterns = [row.pattern for row in layer_families(bundle.tensors)]
    if found := get_close_matches(pattern, list(dict.fromkeys(patterns)), SUGGESTED, cutoff=0.5):
        return f"similar: {', '.join(found)}"
    if patterns:
        return f"it has: {listed(patterns)}"
    return f"nothing in it looks like layers: {listed(list(bundle.tensors))}"


def _family(bundle: Bundle, name: str, numbered: Layers, layers: Range | None) -> WeightPath:
    def refuse(reason: str, remedy: str) -> Impossible:
        return Impossible(bundle.path, f"'{name}' {reason}", remedy)

    first, last = layers or (numbered[0][0], numbered[-1][0])
    taken = [(k, bundle.tensors[full]) for k, full in numbered if first <= k <= last]
    if not taken:
        remedy = f"it has layers {numbered[0][0]}-{numbered[-1][0]}"
        raise refuse(f"has no layer in {first}-{last}", remedy)
    for (k, one), (other, again) in pairwise(taken):
        if k == other:
            raise refuse(f"has k = {k} twice: {one.name} and {again.name}", "rename one of them")
    runs = _consecutive(taken)
    longest = max(runs, key=len)
    remedy = f"`layers={longest[0][0]}-{longest[-1][0]}` selects consecutive ones of one shape"
    if jumps := [(k, other) for (k, _), (other, _) in pairwise(taken) if other > k + 1]:
        numbers = listed([f"{a + 1}" if b == a + 2 else f"{a + 1}-{b - 1}" for a, b in jumps])
        raise refuse(f"has no k = {numbers} between {taken[0][0]} and {taken[-1][0]}", remedy)
    if len(runs) > 1:
        (k, one), (other, again) = runs[0][-1], runs[1][0]
        shapes = f"k = {k} is {shown(one.shape)}, k = {other} is {shown(again.shape)}"
        raise refuse(f"is of different shapes: {shapes}", remedy)
    for k, stored in taken:
        if stored.numbers is None or not stored.size:
            what = f"'{name}', k = {k}, holds {stored.dtype if stored.size else 'no numbers'}"
            raise Corrupt(bundle.path, what, UNSCALED)
    tensors = tuple(stored for _, stored in taken)
    return WeightPath(bundle.path, tensors, None, bundle.run, name)
