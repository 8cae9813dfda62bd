"""The plane that holds most of a path in a space of very many dimensions, by its Gram matrix.

Principal components of the points of a path, as in Li, Xu, Taylor, Studer & Goldstein, "Visualizing
the Loss Landscape of Neural Nets" (arXiv 1712.09913, section 7), from the small matrix of the
points' inner products. The plane contains the last point. All in float64.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from resdepth.mathematics import Array

Slabs = Callable[[], Iterable[Array]]
"""Each call yields all coordinates of the points once more, in pieces (points, numbers)."""

COLLINEAR = 1e-12  # A path whose second component explains at most this share is a line


@dataclass(frozen=True)
class PathPlane:
    """The plane of a path of n points in a space of P dimensions."""

    directions: Array  # (2, P), orthonormal
    coordinates: Array  # (n, 2) in the plane, whose origin is the last point
    distance: Array  # (n,) of each point from the plane
    explained: Array  # (2,) shares of the squared distances from the mean, or from the last point
    centred: bool

    @property
    def collinear(self) -> bool:
        """Whether the second direction contains only rounding errors."""
        return bool(self.explained[1] <= COLLINEAR)


def path_plane(slabs: Slabs, centred: bool = True) -> PathPlane:
    """The plane of the points, minus their mean if `centred`; `slabs` is called three times.

    Memory: one slab, (n, n) and (2, P). ValueError: fewer than three points, or all the same.
    """
    gram: Array | float = 0.0
    for slab in slabs():
        moved = _origin(slab, centred)
        gram = gram + moved @ moved.T
    values, vectors = np.linalg.eigh(np.atleast_2d(gram))
    total = float(np.clip(values, 0.0, None).sum())
    if len(values) < 3 or total <= 0.0:
        raise ValueError("a path needs three points that differ")
    found = np.clip(values[:-3:-1], 0.0, None)
    # The directions are these linear combinations of the points; without variance they are 0.
    mixtures = vectors[:, :-3:-1].T / np.sqrt(np.where(found > 0, found, np.inf))[:, None]
    parts, coordinates = list[Array](), np.zeros((len(values), 2))
    for slab in slabs():
        parts.append(mixtures @ _origin(slab, centred))
        coordinates += (slab - slab[-1]) @ parts[-1].T
    directions = np.concatenate(parts, axis=1)
    # The coordinates at the start of the path are positive.
    first = coordinates[np.argmax(coordinates != 0, axis=0), [0, 1]]
    signs = np.where(first < 0, -1.0, 1.0)
    directions *= signs[:, None]
    coordinates *= signs
    # Norms of the points minus their projections; differences of squares would cancel.
    squares, start = np.zeros(len(coordinates)), 0
    for slab in slabs():
        end = start + slab.shape[1]
        left = slab - slab[-1]
        left -= coordinates @ directions[:, start:end]
        squares += np.einsum("ij,ij->i", left, left)
        start = end
    return PathPlane(directions, coordinates, np.sqrt(squares), found / total, centred)


def _origin(slab: Array, centred: bool) -> Array:
    """The points relative to their mean, or to the last one."""
    # Equal points differ from their mean by rounding, but not from the last one.
    moved: Array = slab - slab[-1]
    if centred:
        moved -= moved.mean(axis=0)
    return moved
