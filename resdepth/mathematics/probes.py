"""What random probes tell of a matrix of which only products are known: traces, norms of blocks.

`xtrace`: E. N. Epperly, J. A. Tropp & R. J. Webber, XTrace: making the most of every sample in
stochastic trace estimation, SIAM J. Matrix Anal. Appl. 45 (2024), arXiv 2301.07825. `block_traces`:
M. F. Hutchinson, Commun. Stat. Simul. Comput. 19 (1990): E v_k^T (H v)_k = tr H_kk for Rademacher v
and the part k of the coordinates.
"""

from collections.abc import Sequence

import numpy as np

from resdepth.mathematics import Array
from resdepth.mathematics.lanczos import Product, dense_matrix

TOGETHER = 8
"""Hutchinson probes that share their products."""


def xtrace(product: Product, size: int, products: int, *, seed: int = 0) -> tuple[float, float]:
    """Unbiased trace from `products` products, half at a time, and its standard error, 0 if exact.

    Each probe in turn is left out of the range that the others span: the trace within that range is
    exact, and the probe estimates the rest. Exact if the products suffice for the whole matrix.
    Raises ValueError: `products` is below 4, which leaves no standard error.
    """
    if products < 4:
        raise ValueError(f"products: at least 4 have a standard error, not {products}")
    if size <= products:
        return float(np.trace(dense_matrix(product, size))), 0.0
    # Uniform directions of squared length n.
    drawn = np.random.default_rng(seed).standard_normal((products // 2, size))
    probes = drawn * (np.sqrt(size) / np.linalg.norm(drawn, axis=1, keepdims=True))
    images = product(probes)
    basis, triangle = np.linalg.qr(images.T)
    inner = basis.T @ product(np.ascontiguousarray(basis.T)).T
    inside = basis.T @ probes.T
    found = [
        _without_one(i, inner, triangle, inside[:, i], float(probes[i] @ images[i]), size)
        for i in range(len(probes))
    ]
    return float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(len(found)))


def _without_one(
    i: int, inner: Array, triangle: Array, inside: Array, quadratic: float, size: int
) -> float:
    """The estimate without probe i, omega_i, from Q^T H Q, Q^T H Omega, Q^T omega_i and w^T H w."""
    others = np.delete(triangle, i, axis=1)
    # The direction within the range that is orthogonal to the other probes' images.
    left = np.linalg.qr(others, mode="complete")[0][:, -1]
    exact = np.trace(inner) - left @ inner @ left
    taken = inside - left * (left @ inside)
    rest = quadratic - 2.0 * taken @ triangle[:, i] + taken @ inner @ taken
    # The rest of the probe has a random length and a uniform direction.
    length = size - taken @ taken
    return float(exact + (size - others.shape[1]) * rest / length)


def block_traces(
    product: Product, parts: Sequence[slice], size: int, *, probes: int, seed: int = 0
) -> tuple[Array, Array]:
    """Unbiased traces (parts,) of the diagonal blocks, and errors; one probe: ValueError."""
    if probes < 2:
        raise ValueError(f"probes: at least 2 have a standard error, not {probes}")
    generator = np.random.default_rng(seed)
    rows = []
    for first in range(0, probes, TOGETHER):
        drawn = rademacher(generator, min(TOGETHER, probes - first), size)
        terms = drawn * product(drawn)
        rows.append(np.stack([terms[:, part].sum(1) for part in parts], axis=1))
    found = np.concatenate(rows)
    return found.mean(0), found.std(0, ddof=1) / np.sqrt(probes)


def rademacher(generator: np.random.Generator, *shape: int) -> Array:
    """Independent signs."""
    return np.asarray(2.0 * generator.integers(0, 2, shape) - 1.0, dtype=np.float64)


def interaction(
    product: Product, groups: Sequence[slice], size: int, *, probes: int = 1, seed: int = 0
) -> Array:
    """Frobenius norms (G, G) of the blocks between groups of coordinates, estimated.

    With Rademacher entries in group k alone, E |(H v)_j|^2 = |H_jk|_F^2: `probes` products per
    group; the mean of (j, k) and (k, j).
    """
    generator = np.random.default_rng(seed)
    squares = np.zeros((len(groups), len(groups)))
    for column, group in enumerate(groups):
        directions = np.zeros((probes, size))
        directions[:, group] = rademacher(generator, *directions[:, group].shape)
        products = product(directions)
        for row, other in enumerate(groups):
            squares[row, column] = np.square(products[:, other]).sum() / probes
    return np.sqrt((squares + squares.T) / 2.0)
