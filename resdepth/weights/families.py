"""The families of a checkpoint that fit a pattern: tensors of one shape, numbered without gaps."""

import warnings
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from resdepth.contents import listed
from resdepth.errors import Corrupt, Impossible, Usage
from resdepth.weights.bundle import Bundle
from resdepth.weights.loading import surviving
from resdepth.weights.names import consecutive, grouped, layer_families, near
from resdepth.weights.scales import FLOAT8, QUANTISED, SCALED
from resdepth.weights.tensor import shown
from resdepth.weights.weight_path import WeightPath

UNSCALED = "weights are real numbers; those of a quantised model need their scales first"
Range = tuple[int, int]
"""The first and the last layer k to take."""


def find_families(bundle: Bundle, pattern: str, layers: Range | None = None) -> list[WeightPath]:
    """The paths that fit `pattern`, each reduced to the requested `layers` (None: all).

    If several families fit, those that are not a path are left out with a warning.

    Raises
    ------
    Usage
        No tensor fits.
    Impossible
        A layer is missing, exists twice, or has another shape than the others.
    Corrupt
        They hold no real numbers.
    """
    groups = grouped(bundle.tensors, pattern)
    if not groups:
        raise Usage(bundle.path, f"no tensor is called '{pattern}'", _near(bundle, pattern))
    found = surviving(
        partial(_family, bundle, name, numbered, layers) for name, numbered in groups.items()
    )
    firsts = [path.layers[0] for path in found]
    for path, first in zip(found, firsts, strict=True):
        if first.dtype.startswith(FLOAT8) and not first.dtype.endswith(SCALED):
            reason = "no scale lies beside it, so its raw numbers are used"
            warnings.warn(
                f"{bundle.path}: '{path.family}' is {first.dtype}: {reason}", stacklevel=2
            )
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
    if not found:
        return ""
    more = f" and {len(found) - 1} more hold " if found[1:] else " holds "
    return f"'{found[0].name}'{more}{found[0].dtype}"


def _near(bundle: Bundle, pattern: str) -> str:
    patterns = [row.pattern for row in layer_families(bundle.tensors)]
    if found := near(pattern, patterns):
        return f"similar: {', '.join(found)}"
    if patterns:
        return f"it has: {listed(patterns)}"
    return f"nothing in it looks like layers: {listed(list(bundle.tensors))}"


def _family(
    bundle: Bundle, name: str, numbered: Sequence[tuple[int, str]], layers: Range | None
) -> WeightPath:
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
    runs = consecutive([(k, stored.shape) for k, stored in taken])
    longest = max(runs, key=len)
    remedy = f"`layers={longest[0][0]}-{longest[-1][0]}` selects consecutive ones of one shape"
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
            what = f"'{name}', k = {k}, holds {stored.dtype if stored.size else 'no numbers'}"
            raise Corrupt(bundle.path, what, UNSCALED)
    tensors = tuple(stored for _, stored in taken)
    return WeightPath(bundle.path, tensors, None, bundle.run, name, taken[0][0])
