"""Distances of points that need not fit into memory."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from pvar._arrays import Floats, as_floats, stack
from pvar._pvar import Gatherer

_Block = Callable[[int, int], Any]


def pairwise_distances(
    points: Any, *, shape: tuple[int, int] | None = None, memory: int = 2**26
) -> npt.NDArray[np.float64]:
    """The Euclidean distances (n, n) of n points, read a few coordinates at a time.

    ``points`` is one of

    - an object of shape (n, d), or (n, d, ...), with slices ``points[:, start:stop]``: an array, a
      memory map, a tensor, a data set in a file;
    - a sequence of n objects of one shape (d,), or (d, ...), with slices ``point[start:stop]``: a
      layer each, as they come from a checkpoint;
    - a function whose value at (start, stop) is the coordinates ``start`` to ``stop - 1`` of all
      points, (n, stop - start), with ``shape=(n, d)``.

    Every coordinate is asked for once, in order, in blocks of at most ``memory`` bytes (64 MiB) in
    double precision, or of one slice along the second axis if that is larger; reading a block may
    take twice that. Squares of differences are summed in double precision, compensated, so that
    each distance is right to 1e-13 however small beside the norms. One thread sums some 10^9 a
    second, of n^2 d / 2.

    Raises ``TypeError`` and ``ValueError`` as ``p_variation`` does for an array that is no path, or
    where the blocks do not have the shape they should have.
    """
    block, (n, length, *inner) = _source(points, shape)
    step = max(1, memory // (8 * n * prod(inner))) if n * prod(inner) else 1
    gatherer = Gatherer(n)
    for start in range(0, length, step):
        stop = min(start + step, length)
        gatherer.add(_read(block, start, stop, (n, stop - start, *inner)))
    if n and not length * prod(inner):
        raise ValueError(f"the {n} points have no coordinates")
    return gatherer.distances()


def _source(points: Any, shape: tuple[int, int] | None) -> tuple[_Block, tuple[int, ...]]:
    """What gives a block, and the shape of all."""
    if callable(points) and _shape(points) is None:
        if shape is None or len(shape) != 2:
            raise TypeError("a function of (start, stop) needs shape=(n, d)")
        return points, shape
    if shape is not None:
        raise TypeError("shape is for a function of (start, stop); these points have one")
    whole = _shape(points)
    if whole is not None and len(whole) > 1:
        return lambda start, stop: points[:, start:stop], whole
    if whole is None and isinstance(points, Sequence) and points:
        shapes = [_shape(point) for point in points]
        if all(shapes):
            return _layers(points), (len(points), *_common(shapes))
    numbers = as_floats(points)
    numbers = numbers if numbers.ndim > 1 else numbers[:, None]
    return lambda start, stop: numbers[:, start:stop], numbers.shape


def _shape(value: Any) -> tuple[int, ...] | None:
    if hasattr(value, "get_shape") and not hasattr(value, "shape"):
        return tuple(value.get_shape())  # a slice of a safetensors file
    shape = getattr(value, "shape", None)
    return None if shape is None else tuple(shape)


def _common(shapes: Sequence[Any]) -> tuple[int, ...]:
    for index, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(f"point {index} has shape {shape}, point 0 has {shapes[0]}")
    common: tuple[int, ...] = shapes[0]
    return common


def _layers(points: Sequence[Any]) -> _Block:
    def block(start: int, stop: int) -> Floats:
        parts = []
        for index, point in enumerate(points):
            try:
                parts.append(as_floats(point[start:stop]))
            except (TypeError, ValueError) as error:
                raise type(error)(f"point {index}: {error}") from None
        return stack(parts)

    return block


def _read(block: _Block, start: int, stop: int, shape: tuple[int, ...]) -> Floats:
    try:
        values = as_floats(block(start, stop))
    except (TypeError, ValueError) as error:
        raise type(error)(f"coordinates {start} to {stop - 1}: {error}") from None
    if values.shape != shape:
        raise ValueError(
            f"coordinates {start} to {stop - 1} have shape {values.shape}, not {shape}"
        )
    return values.reshape(shape[0], -1)
