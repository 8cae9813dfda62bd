"""The trace of a matrix of which only products are known: XTrace.

E. N. Epperly, J. A. Tropp & R. J. Webber, XTrace: making the most of every sample in stochastic
trace estimation, SIAM J. Matrix Anal. Appl. 45 (2024), arXiv 2301.07825.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resdepth.mathematics.spectrum import Product, dense_matrix

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TraceEstimate:
    """A trace with its standard error, 0 where it is exact, and the products it took."""

    value: float
    standard_error: float
    products: int


def xtrace(product: Product, size: int, products: int, *, seed: int = 0) -> TraceEstimate:
    """Unbiased estimate from `products` products, an even number of 4 or more, by half at once.

    Each of the probes in turn is left out of the range that the others span: the trace within that
    range is exact, and the probe estimates what is left. Exact where the products are enough for
    the whole matrix.

    Raises
    ------
    ValueError
        `products` is below 4, which leaves no standard error.
    """
    if products < 4:
        raise ValueError(f"products: at least 4 have a standard error, not {products}")
    if size <= products:
        return TraceEstimate(float(np.trace(dense_matrix(product, size))), 0.0, size)
    probes = _on_sphere(products // 2, size, np.random.default_rng(seed))
    images = product(probes)
    basis, triangle = np.linalg.qr(images.T)
    inner = basis.T @ product(np.ascontiguousarray(basis.T)).T
    inside = basis.T @ probes.T
    estimates = np.array(
        [
            _without_one(i, inner, triangle, inside[:, i], float(probes[i] @ images[i]), size)
            for i in range(len(probes))
        ]
    )
    error = float(estimates.std(ddof=1) / np.sqrt(len(estimates)))
    return TraceEstimate(float(estimates.mean()), error, 2 * len(probes))


def _on_sphere(count: int, size: int, generator: np.random.Generator) -> Array:
    """Directions (count, n), uniform, of squared length n."""
    drawn = generator.standard_normal((count, size))
    directions: Array = drawn * (np.sqrt(size) / np.linalg.norm(drawn, axis=1, keepdims=True))
    return directions


def _without_one(
    i: int, inner: Array, triangle: Array, inside: Array, quadratic: float, size: int
) -> float:
    """The estimate that leaves probe i out of the range.

    `inner` is Q^T H Q, `triangle` Q^T H Omega, `inside` Q^T omega_i, and `quadratic` what the
    matrix makes of omega_i on both sides.
    """
    others = np.delete(triangle, i, axis=1)
    # The direction within the range that the other probes' images do not reach.
    left = np.linalg.qr(others, mode="complete")[0][:, -1]
    exact = np.trace(inner) - left @ inner @ left
    taken = inside - left * (left @ inside)
    rest = quadratic - 2.0 * taken @ triangle[:, i] + taken @ inner @ taken
    # What is left of the probe has a random length, and a uniform direction.
    length = size - taken @ taken
    return float(exact + (size - others.shape[1]) * rest / length)
