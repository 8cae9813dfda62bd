"""Eigenvalues at the ends of a symmetric matrix of which only products are known.

Implicitly restarted Lanczos by ARPACK (Lehoucq, Sorensen & Yang, SIAM 1998) through scipy, or the
dense matrix where it is small.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from resdepth.errors import NotConverged

Array = NDArray[np.float64]

Product = Callable[[Array], Array]
"""The symmetric matrix (n, n) times each row of (R, n), as rows again."""

SMALL = 500
"""Below this size the whole matrix is made and diagonalised: about what ARPACK would take."""
ROWS = 64
"""Products that are asked for at once where the whole matrix is."""
LARGE = 5_000_000
"""Above this size the basis is as small as ARPACK may have it."""


@dataclass(frozen=True)
class Eigenpairs:
    """Some eigenvalues (k,), from the largest down, their vectors (k, n) as rows.

    `residuals` are the norms of H v - lambda v: an eigenvalue of H lies within one of each value.
    `products` counts all of them, one an eigenpair for the residuals included.
    """

    values: Array
    vectors: Array
    residuals: Array
    products: int


def dense_matrix(product: Product, size: int) -> Array:
    """The matrix itself (n, n), symmetric to the last bit, from n products."""
    matrix = np.empty((size, size))
    for start in range(0, size, ROWS):
        rows = slice(start, min(start + ROWS, size))
        matrix[rows] = product(np.eye(size)[rows])
    return (matrix + matrix.T) / 2.0


def extreme_eigenpairs(
    product: Product,
    size: int,
    top: int,
    smallest: int = 0,
    *,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Eigenpairs:
    """The `top` largest and the `smallest` smallest eigenvalues of a matrix of `size` rows.

    `tolerance` bounds the residuals relative to each eigenvalue; the eigenvalues themselves are off
    by about its square over their distance. All of them where the matrix has no more.

    Raises
    ------
    NotConverged
        The iteration did not converge.
    """
    if top + smallest >= size or size < SMALL:
        values, vectors = np.linalg.eigh(dense_matrix(product, size))
        wanted = sorted({*range(min(smallest, size)), *range(max(size - top, 0), size)})
        values, vectors, products = values[wanted], vectors[:, wanted], size
    else:
        ends = (("LA", top), ("SA", smallest))
        parts = [_one_end(product, size, end, k, tolerance, seed) for end, k in ends if k]
        values = np.concatenate([part[0] for part in parts])
        vectors = np.concatenate([part[1] for part in parts], axis=1)
        products = sum(part[2] for part in parts)
    order = np.argsort(-values, kind="stable")
    values, rows = values[order], np.ascontiguousarray(vectors.T[order])
    residuals = np.linalg.norm(product(rows) - values[:, None] * rows, axis=1)
    return Eigenpairs(values, rows, residuals, products + len(values))


def _one_end(
    product: Product, size: int, end: str, count: int, tolerance: float, seed: int
) -> tuple[Array, Array, int]:
    products = 0

    def multiply(v: Array) -> Array:
        nonlocal products
        products += 1
        found: Array = product(v.reshape(1, -1))[0]
        return found

    basis = max(2 * count + 1, 10 if size > LARGE else 20)
    try:
        values, vectors = eigsh(
            LinearOperator((size, size), matvec=multiply, dtype=np.float64),
            count,
            which=end,
            ncv=min(basis, size),
            tol=tolerance,
            v0=np.random.default_rng(seed).standard_normal(size),
        )
    except ArpackError as error:
        found = len(getattr(error, "eigenvalues", ()))
        raise NotConverged(found=found, wanted=count, products=products) from error
    return values, vectors, products


def interaction(
    product: Product, groups: Sequence[slice], size: int, *, probes: int = 1, seed: int = 0
) -> Array:
    """Frobenius norms (G, G) of the blocks between groups of coordinates, estimated.

    With Rademacher entries in group k alone, E |(H v)_j|^2 = |H_jk|_F^2: `probes` products a group,
    and the mean of (j, k) and (k, j), which estimate the same. The squares are unbiased.
    """
    generator = np.random.default_rng(seed)
    squares = np.zeros((len(groups), len(groups)))
    for column, group in enumerate(groups):
        directions = np.zeros((probes, size))
        shape = directions[:, group].shape
        directions[:, group] = 2.0 * generator.integers(0, 2, shape) - 1.0
        products = product(directions)
        for row, other in enumerate(groups):
            squares[row, column] = np.square(products[:, other]).sum() / probes
    return np.sqrt((squares + squares.T) / 2.0)
