"""Families of layers in a checkpoint: tensors of one shape, numbered without gaps."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from resdepth.contents import listed
from resdepth.errors import Corrupt, Impossible, Usage
from resdepth.weights.bundle import Bundle
from resdepth.weights.names import grouped, layer_families, near, neighbours
from resdepth.weights.scales import FLOAT8, QUANTISED, SCALED
from resdepth.weights.tensor import Stored

UNSCALED = "weights are real numbers; those of a quantised model need their scales first"
Range = tuple[int, int]
"""The first and the last layer k to take."""


@dataclass(frozen=True)
class Family:
    """The layers of one path: `name` is their pattern, `first` the number k of the first."""

    name: str
    first: int
    layers: tuple[Stored, ...]


def find_families(bundle: Bundle, pattern: str, layers: Range | None = None) -> list[Family]:
    """The families that fit `pattern`, of each the `layers` asked for (None: all).

    Of several families those that are no path are left out with a warning.

    Raises
    ------
    Usage
        No tensor fits.
    Impossible
        A layer is missing, stands there twice, or has another shape than the others.
    Corrupt
        They hold no real numbers.
    """
    groups = grouped(bundle.tensors, pattern)
    if not groups:
        raise Usage(bundle.path, f"no tensor is called '{pattern}'", _near(bundle, pattern))
    found: list[Family] = []
    bad: list[Impossible | Corrupt] = []
    for name, numbered in groups.items():
        try:
            found.append(_family(bundle, name, numbered, layers))
        except (Impossible, Corrupt) as error:
            bad.append(error)
    if not found:
        raise bad[0]
    for problem in bad:
        warnings.warn(f"{problem}; left out", stacklevel=2)
    _warn_of_raw_numbers(bundle, found)
    _warn_of_copies(bundle, found, pattern)
    return found


def _warn_of_raw_numbers(bundle: Bundle, found: Sequence[Family]) -> None:
    for family in found:
        dtype = family.layers[0].dtype
        if dtype.startswith(FLOAT8) and not dtype.endswith(SCALED):
            reason = "no scale lies beside it, so the raw numbers are taken for weights"
            warnings.warn(f"{bundle.path}: '{family.name}' is {dtype}: {reason}", stacklevel=3)
            return


def _warn_of_copies(bundle: Bundle, found: Sequence[Family], pattern: str) -> None:
    """Name other entries of the file that hold the same tensors, unless one of them was taken."""
    copies = list(dict.fromkeys(stored.copy for stored in bundle.tensors.values() if stored.copy))
    if copies and not any(family.layers[0].copy for family in found):
        where = f"the same names are in its {listed(copies)} too"
        how = f"--pattern '{copies[0]}.{pattern}' takes these"
        warnings.warn(f"{bundle.path}: {where}: {how}", stacklevel=3)


def quantised(bundle: Bundle) -> str:
    """Which tensors are the integers of a quantised model, in words; empty if there are none."""
    found = [one for one in bundle.tensors.values() if one.dtype.startswith(QUANTISED)]
    if not found:
        return ""
    more = f" and {len(found) - 1} more hold " if found[1:] else " holds "
    return f"'{found[0].name}'{more}{found[0].dtype}"


def _near(bundle: Bundle, pattern: str) -> str:
    rows = layer_families(bundle.tensors)
    found = near(pattern, [row.pattern for row in rows])
    if found:
        return f"near it: {', '.join(found)}"
    if rows:
        return f"there are: {listed([row.pattern for row in rows])}"
    return f"nothing in it looks like layers: {listed(list(bundle.tensors))}"


def _family(
    bundle: Bundle, name: str, numbered: Sequence[tuple[int, str]], layers: Range | None
) -> Family:
    def refuse(reason: str, remedy: str) -> Impossible:
        return Impossible(bundle.path, f"'{name}' {reason}", remedy)

    first, last = layers or (numbered[0][0], numbered[-1][0])
    taken = [(k, bundle.tensors[full]) for k, full in numbered if first <= k <= last]
    if not taken:
        there = f"{numbered[0][0]}-{numbered[-1][0]}"
        raise refuse(f"has no layer in {first}-{last}", f"it has layers {there}")
    for (k, one), (other, again) in pairwise(taken):
        if k == other:
            raise refuse(f"has k = {k} twice: {one.name} and {again.name}", "rename one of them")
    runs = neighbours([(k, stored.shape) for k, stored in taken])
    longest = max(runs, key=len)
    remedy = f"`layers` {longest[0][0]}-{longest[-1][0]} takes neighbours of one shape"
    jumps = [(k, other) for (k, _), (other, _) in pairwise(taken) if other > k + 1]
    if jumps:
        numbers = listed([f"{a + 1}" if b == a + 2 else f"{a + 1}-{b - 1}" for a, b in jumps])
        raise refuse(f"has no k = {numbers} between {taken[0][0]} and {taken[-1][0]}", remedy)
    if len(runs) > 1:
        (k, shape), (other, different) = runs[0][-1], runs[1][0]
        shapes = f"k = {k} is {shown(shape)}, k = {other} is {shown(different)}"
        raise refuse(f"is of different shapes: {shapes}", remedy)
    for k, stored in taken:
        if stored.numbers is None or not stored.size:
            reason = f"'{name}', k = {k}, holds {stored.dtype if stored.size else 'no numbers'}"
            raise Corrupt(bundle.path, reason, UNSCALED)
    return Family(name, taken[0][0], tuple(stored for _, stored in taken))


def shown(shape: Sequence[int]) -> str:
    """A shape in words, as in 3 x 4."""
    return " x ".join(map(str, shape)) or "a single number"
