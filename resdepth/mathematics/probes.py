"""Traces, norms of blocks and counts of eigenvalues of a matrix known by its products.

All are estimated by random probes. `xtrace`: E. N. Epperly, J. A. Tropp & R. J. Webber, SIAM J.
Matrix Anal. Appl. 45 (2024), arXiv 2301.07825. `block_traces`: M. F. Hutchinson, Commun. Stat.
Simul. Comput. 19 (1990): E v_k^T (H v)_k = tr H_kk for signs v and the part k of the coordinates.

`counts`: m Lanczos steps on a probe give a Gauss rule of m nodes (Ubaru, Chen & Saad, SIAM J.
Matrix Anal. Appl. 38, 2017). The probe's spectral measure lies between the partial sums of the
weights one node to either side (Chebyshev, Markov, Stieltjes; Akhiezer, The Classical Moment
Problem, 1965). The remaining error is the randomness of the probes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from resdepth.mathematics import Array
from resdepth.mathematics.lanczos import Product, dense_matrix

TOGETHER, MEASURED = 8, 4
"""Probes that share their products; those of a measure, each of which keeps its m vectors."""
BREAKDOWN = 1e-12
"""A new Lanczos vector below this size, relative to the matrix, is rounding: the iteration ends."""
DEVIATIONS = 2.0  # Half-width of the band in standard errors


@dataclass(frozen=True)
class Measure:
    """The spectral measure of a probe v: ascending nodes (m,), weights (m,) that sum to |v|^2."""

    nodes: Array
    weights: Array


@dataclass(frozen=True)
class Band:
    """Estimates (points,) between bounds that hold the finite rule and two standard errors."""

    estimate: Array
    lower: Array
    upper: Array


@dataclass(frozen=True)
class Counts:
    """Numbers of eigenvalues above each x (points,) and at most x, each summed from its end."""

    x: Array
    above: Band
    below: Band


def xtrace(product: Product, size: int, products: int, *, seed: int = 0) -> tuple[float, float]:
    """Unbiased trace from `products` products, half at a time, and its standard error, 0 if exact.

    Each probe estimates what lies outside the range of the others; inside, the trace is exact.
    ValueError: `products` is below 4, which leaves no standard error.
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
    found = []
    for i, probe in enumerate(probes):
        others, own = np.delete(triangle, i, axis=1), inside[:, i]
        # The direction within the range that is orthogonal to the other probes' images.
        left = np.linalg.qr(others, mode="complete")[0][:, -1]
        exact = np.trace(inner) - left @ inner @ left
        taken = own - left * (left @ own)
        rest = float(probe @ images[i]) - 2.0 * taken @ triangle[:, i] + taken @ inner @ taken
        # The rest of the probe has a random length and a uniform direction.
        found.append(exact + (size - others.shape[1]) * rest / (size - taken @ taken))
    return float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(len(found)))


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
    """Frobenius norms (G, G) of the blocks between groups of coordinates, `probes` products each.

    E |(H v)_j|^2 = |H_jk|_F^2 for signs v in group k alone; the mean of (j, k) and (k, j).
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


def measures(
    product: Product, size: int, probes: int, steps: int, known: Array | None = None, seed: int = 0
) -> list[Measure]:
    """Measures of signs orthogonal to `known` (k, n), rows, after at most `steps` products each."""
    starts = rademacher(np.random.default_rng(seed), probes, size)
    out = np.empty((0, size)) if known is None else known
    groups = (starts[first : first + MEASURED] for first in range(0, probes, MEASURED))
    return [measure for group in groups for measure in _lanczos(product, group, steps, out)]


def _without(vectors: Array, basis: Array) -> Array:
    """The part of vectors (R, n) orthogonal to the rows of a basis (k, n), projected twice."""
    for _ in range(2):
        vectors = vectors - (vectors @ basis.T) @ basis
    return vectors


def _lanczos(product: Product, starts: Array, steps: int, out: Array) -> list[Measure]:
    """Lanczos with full reorthogonalisation, of several starts in step."""
    starts = _without(starts, out)
    masses = np.square(starts).sum(1)
    steps = min(steps, starts.shape[1] - len(out))
    bases = np.zeros((len(starts), max(steps, 1), starts.shape[1]))
    bases[:, 0] = starts / np.sqrt(masses.clip(min=1e-300))[:, None]
    diagonal, off_diagonal = np.zeros((2, len(starts), max(steps, 1)))
    lengths = np.where(masses > 0.0, steps, 0)
    for step in range(steps):
        running = np.flatnonzero(lengths > step)
        if not len(running):
            break
        vectors = product(bases[running, step])
        for probe, vector in zip(running, vectors, strict=True):
            diagonal[probe, step] = bases[probe, step] @ vector
            left = _without(_without(vector[None], out), bases[probe, : step + 1])[0]
            size = off_diagonal[probe, step] = float(np.linalg.norm(left))
            scale = np.abs(diagonal[probe]).max() + off_diagonal[probe].max()
            if size <= BREAKDOWN * scale or step + 1 == steps:
                lengths[probe] = step + 1
            else:
                bases[probe, step + 1] = left / size
    found = []
    for length, inner, outer, mass in zip(lengths, diagonal, off_diagonal, masses, strict=True):
        nodes, vectors = np.empty(0), np.empty((1, 0))
        if length:
            nodes, vectors = eigh_tridiagonal(inner[:length], outer[: length - 1])
        found.append(Measure(nodes, mass * np.square(vectors[0])))
    return found


def counts(found: Sequence[Measure], x: Array, size: int, known: Array | None = None) -> Counts:
    """Eigenvalues above and below each of `x`, of a matrix of `size` rows, from 2 probes or more.

    `known` (k,) are the eigenvalues that the probes left out. ValueError: fewer than two probes.
    """
    if len(found) < 2:
        raise ValueError(f"probes: at least 2 have a standard error, not {len(found)}")
    values = np.empty(0) if known is None else known
    exact = (values[None, :] <= x[:, None]).sum(1)
    above, below = [], []
    for measure in found:
        nodes = np.searchsorted(measure.nodes, x, side="right")
        below.append(_partial_sums(measure.weights, nodes))
        above.append(_partial_sums(measure.weights[::-1], len(measure.nodes) - nodes))
    rest = size - len(values)
    return Counts(x, _band(above, rest, len(values) - exact), _band(below, rest, exact))


def _partial_sums(weights: Array, nodes: NDArray[np.intp]) -> Array:
    """(3, points): the sums of `nodes` - 1, `nodes` and `nodes` + 1 weights."""
    total = np.concatenate([[0.0], np.cumsum(weights)])
    return np.array([total[(nodes + by).clip(0, len(weights))] for by in (-1, 0, 1)])


def _band(sums: Sequence[Array], rest: int, exact: NDArray[np.intp]) -> Band:
    """Mean over the probes of `sums` (3, points), the outer two moved outward."""
    error = DEVIATIONS * np.std(sums, 0, ddof=1) / np.sqrt(len(sums))
    lower, estimate, upper = np.mean(sums, 0) + error * np.array([-1.0, 0.0, 1.0])[:, None]
    return Band(*((part.clip(0.0, rest) + exact) for part in (estimate, lower, upper)))
