"""Independent references for p-variations, slow and plain."""

from fractions import Fraction
from itertools import combinations

import mpmath  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def distances(a: Array, b: Array, metric: str = "euclidean") -> Array:
    """Distances of the points ``a`` (n, d) from the point ``b`` (d,)."""
    norms = {"euclidean": 2, "manhattan": 1, "chebyshev": np.inf}
    return np.asarray(np.linalg.norm(a - b, ord=norms[metric], axis=1), dtype=np.float64)


def recursion(path: Array, p: float, metric: str = "euclidean") -> Array:
    """V_j for every j by the O(n^2) recursion in double precision."""
    points = np.asarray(path, dtype=np.float64)
    points = points.reshape(len(points), -1)
    values = np.zeros(len(points))
    for j in range(1, len(points)):
        values[j] = (values[:j] + distances(points[:j], points[j], metric) ** p).max()
    return values


def exhaustive(path: Array, p: float, metric: str = "euclidean") -> float:
    """The largest sum of powers over all 2^(n-2) partitions, one by one."""
    points = np.asarray(path, dtype=np.float64)
    points = points.reshape(len(points), -1)
    inner = range(1, len(points) - 1)
    best = 0.0
    for size in range(len(points) - 1):
        for chosen in combinations(inner, size):
            best = max(best, along(points, [0, *chosen, len(points) - 1], p, metric))
    return best


def along(path: Array, partition: list[int], p: float, metric: str = "euclidean") -> float:
    """The sum of powers of one partition."""
    points = np.asarray(path, dtype=np.float64)
    points = points.reshape(len(points), -1)[partition]
    edges = [distances(a[None], b, metric)[0] for a, b in zip(points[1:], points[:-1], strict=True)]
    return float(np.sum(np.power(edges, p))) if edges else 0.0


def precise(path: Array, p: float) -> mpmath.mpf:
    """The Euclidean norm V_p^(1/p) with 60 digits: squares of distances are exact rationals."""
    rows = np.asarray(path, dtype=np.float64)
    points = [[Fraction(float(x)) for x in row] for row in rows.reshape(len(rows), -1)]
    with mpmath.workdps(60):
        half = mpmath.mpf(p) / 2
        values = [mpmath.mpf(0)]
        for j in range(1, len(points)):
            values.append(max(values[i] + _power(points[i], points[j], half) for i in range(j)))
        return values[-1] ** (1 / mpmath.mpf(p)) if values[-1] else mpmath.mpf(0)


def _power(a: list[Fraction], b: list[Fraction], half: mpmath.mpf) -> mpmath.mpf:
    square = sum(((x - y) ** 2 for x, y in zip(a, b, strict=True)), Fraction(0))
    if not square:
        return mpmath.mpf(0)
    return (mpmath.mpf(square.numerator) / mpmath.mpf(square.denominator)) ** half


def recursion_from_distances(matrix: Array, p: float) -> Array:
    """V_j for every j by the O(n^2) recursion over a matrix of distances."""
    values = np.zeros(len(matrix))
    for j in range(1, len(matrix)):
        values[j] = (values[:j] + matrix[j, :j] ** p).max()
    return values


def exhaustive_from_distances(matrix: Array, p: float) -> float:
    """The largest sum of powers over all partitions of points with these distances."""
    last = len(matrix) - 1
    best = 0.0
    for size in range(last):
        for chosen in combinations(range(1, last), size):
            partition = [0, *chosen, last]
            best = max(best, float((matrix[partition[1:], partition[:-1]] ** p).sum()))
    return best
