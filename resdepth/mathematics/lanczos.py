"""Lanczos iteration for the eigenvalues at the ends of a symmetric matrix known by its products.

ARPACK (Lehoucq, Sorensen & Yang, SIAM 1998) through scipy, or the dense matrix if it is small. A
Krylov space holds one vector of each eigenspace, so it misses further copies of an eigenvalue, and
no residual shows it. They are searched for in the orthogonal complement of the vectors found.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from resdepth.errors import Impossible
from resdepth.mathematics import Array

Product = Callable[[Array], Array]
"""The symmetric matrix (n, n) times each row of (R, n), as rows again."""

SMALL = 500
"""Below this size the whole matrix is computed: it takes about as many products as ARPACK."""
ROWS = 64  # Products per call when the whole matrix is computed
LARGE = 5_000_000  # Above this size ARPACK gets the smallest possible basis
COARSE = 0.03  # Relative residual of the first search for a missed eigenvalue
ROUNDING = 1e-12  # Differences of eigenvalues that count as zero, relative to the largest


@dataclass(frozen=True)
class Search:
    """The search for missed copies of eigenvalues; the last restart found none: no proof."""

    restarts: int
    products: int
    found: int


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues (k,) in descending order, their vectors (k, n) as rows."""

    values: Array
    vectors: Array
    residuals: Array  # |H v - lambda v|: H has an eigenvalue this close to each value
    products: int  # of all, also for residuals and the search
    search: Search | None  # None if the whole matrix was diagonalised


def dense_matrix(product: Product, size: int) -> Array:
    """The matrix itself (n, n), symmetric to the last bit, from n products."""
    parts = np.split(np.eye(size), range(ROWS, size, ROWS))
    matrix = np.concatenate([product(rows) for rows in parts])
    return np.asarray((matrix + matrix.T) / 2.0)


def extreme_eigenpairs(
    product: Product, size: int, top: int, smallest: int = 0, tolerance: float = 1e-6, seed: int = 0
) -> Eigenpairs:
    """The `top` largest and `smallest` smallest eigenvalues, or all, of a matrix of `size` rows.

    `tolerance` bounds the residuals relative to each eigenvalue. No search follows for a single
    eigenvalue of an end. Raises Impossible: the iteration did not converge.
    """
    spent, search = size, None
    if top + smallest >= size or size < SMALL:
        values, vectors = np.linalg.eigh(dense_matrix(product, size))
        wanted = sorted({*range(min(smallest, size)), *range(max(size - top, 0), size)})[::-1]
        values, rows = values[wanted], np.ascontiguousarray(vectors.T[wanted])
        products = product(rows)
    else:
        upper = _End(product, size, tolerance, seed)
        upper.find(top)
        lower = _End(lambda rows: -product(rows), size, tolerance, seed, upper)
        lower.find(smallest)
        counts = zip(*((end.restarts, end.spent, end.found) for end in (upper, lower)), strict=True)
        search, spent = Search(*map(sum, counts)), upper.products + lower.products
        # Rayleigh-Ritz in the span of all vectors: the best approximation without more products.
        rows = np.linalg.qr(np.concatenate([upper.vectors, lower.vectors]).T)[0].T
        products = product(rows)
        values, turned = np.linalg.eigh(rows @ products.T)
        values, turned = values[::-1], turned.T[::-1]
        rows, products = turned @ rows, turned @ products
    residuals = np.linalg.norm(products - values[:, None] * rows, axis=1)
    return Eigenpairs(values, rows, residuals, spent + len(rows), search)


class _End:
    """The largest eigenvalues of a matrix in the complement of another end's vectors."""

    def __init__(
        self, product: Product, size: int, tolerance: float, seed: int, other: "_End | None" = None
    ) -> None:
        self.product, self.size, self.tolerance = product, size, tolerance
        self.generator = np.random.default_rng(seed)
        self.known: Array = other.vectors if other else np.empty((0, size))
        self.floor = float(np.abs(other.values).max(initial=0.0)) if other else 0.0
        self.values: Array = np.empty(0)
        self.vectors: Array = np.empty((0, size))
        self.products = self.restarts = self.spent = self.found = 0

    def find(self, count: int) -> None:
        """Find the `count` largest ones, copies of multiple eigenvalues included."""
        if not count:
            return
        start = self.generator.standard_normal(self.size)
        # ARPACK rejects a start vector in the kernel of the matrix.
        shift = 0.0 if self.product(start[None]).any() else 1.0
        self.products += 1
        self._add(*self._lanczos(count, self.tolerance, shift, start))
        before = self.products
        while count > 1 and self._search(count):
            self.found += 1
        self.spent = self.products - before
        kept = np.argsort(-self.values, kind="stable")[:count]
        self.values, self.vectors = self.values[kept], self.vectors[kept]

    def _search(self, count: int) -> bool:
        """Add one more eigenvalue above the smallest requested one, if there is one."""
        if len(self.known) + len(self.vectors) >= self.size:
            return False
        self.restarts += 1
        limit, scale = np.sort(self.values)[-count], np.abs(self.values).max()
        limit += self.tolerance * abs(limit) + ROUNDING * scale
        # Shifted, the eigenvalues of the complement are above the zeros of the known vectors.
        shift = scale or 1.0
        start = self.generator.standard_normal(self.size)
        for tolerance in (max(COARSE, self.tolerance), self.tolerance):
            wanted = max(tolerance * abs(limit), ROUNDING * scale)
            value, vector = self._lanczos(1, wanted / (shift + abs(limit)), shift, start)
            if value[0] + wanted <= limit:
                return False
            start = vector[0]
        if value[0] <= limit:
            return False
        self._add(value, vector)
        return True

    def _add(self, values: Array, vectors: Array) -> None:
        self.values = np.concatenate([self.values, values])
        self.vectors = np.concatenate([self.vectors, vectors])

    def _lanczos(
        self, count: int, tolerance: float, shift: float, start: Array
    ) -> tuple[Array, Array]:
        """The largest eigenpairs in the complement of all vectors so far, of the matrix + shift."""
        out, products = np.concatenate([self.known, self.vectors]), 0

        def multiply(v: Array) -> Array:
            nonlocal products
            products += 1
            inside = _without(v, out)
            found = _without(self.product(inside.reshape(1, -1))[0], out)
            return found + shift * inside - self.floor * (v - inside)

        basis = max(2 * count + 1, 10 if self.size > LARGE else 20)
        basis, start = min(basis, self.size), _without(start, out)
        matrix = LinearOperator((self.size, self.size), matvec=multiply, dtype=np.float64)
        try:
            values, vectors = eigsh(matrix, count, which="LA", ncv=basis, tol=tolerance, v0=start)
        except ArpackError as error:
            found = len(getattr(error, "eigenvalues", ()))
            reason = f"{found} of {count} converged in {products} products"
            remedy = "ask for fewer of them, or accept larger residuals"
            raise Impossible("eigenvalues", reason, remedy) from error
        self.products += products
        return values - shift, vectors.T


def _without(vector: Array, rows: Array) -> Array:
    """The part of a vector (n,) that is orthogonal to orthonormal rows (k, n)."""
    return vector - (rows @ vector) @ rows
