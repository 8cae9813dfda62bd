"""Random directions in the space of the weights, scaled to them block by block, in float64.

Filter normalisation: Li, Xu, Taylor, Studer & Goldstein, arXiv 1712.09913; filters are rows of A_k.
"""

from typing import Literal

import numpy as np

from resdepth.mathematics import Array

Normalisation = Literal["filter", "layer", "none"]

RECIPE = (
    "numpy.random.default_rng(seed).standard_normal((pairs * dimensions, parameters)) in float64, "
    "each reshaped part by part (a fully connected network has one part, (L, d, d)); "
    "filter: each row of A_k, each filter of a kernel scaled to the norm of that of the weights; "
    "layer: each A_k, each kernel scaled to its Frobenius norm; none: as drawn; "
    "a zero filter or layer gives a zero direction; norms and biases are zero, or with `norms` "
    "scaled as one filter each"
)
"""How random directions are drawn, as recorded in results."""


def draw(seed: int, dimensions: int, shape: tuple[int, ...]) -> Array:
    """Standard normal directions, (dimensions, *shape)."""
    return np.random.default_rng(seed).standard_normal((dimensions, *shape))


def normalise(
    directions: Array, weights: Array, normalisation: Normalisation, stacked: int = 1
) -> Array:
    """Directions (dimensions, *shape) scaled to `weights` (*shape), each filter or each layer.

    The first `stacked` axes count layers, the next filters: 1 for (L, d, d), 0 for a kernel.
    """
    if normalisation == "none":
        return directions
    first = stacked + (normalisation == "filter")
    axes = tuple(range(first - weights.ndim, 0))
    wanted = np.sqrt(np.sum(weights * weights, axis=axes, keepdims=True))
    drawn = np.sqrt(np.sum(directions * directions, axis=axes, keepdims=True))
    scale = np.divide(wanted, drawn, out=np.zeros_like(drawn), where=drawn > 0)
    return np.asarray(directions * scale)


def axis(span: float, steps: int, middle: float = 0.0) -> Array:
    """linspace(middle - span, middle + span, steps) that contains 0 and 1 exactly, if at all."""
    values = np.linspace(middle - span, middle + span, steps)
    if steps % 2:
        values[steps // 2] = middle
    for exact in (0.0, 1.0):
        values[np.abs(values - exact) < 1e-12 * span] = exact
    return values


def ratios_and_cosines(directions: Array, weights: Array) -> tuple[Array, Array]:
    """Norms of directions (k, n) divided by that of the weights (n,), and their cosines (k, k)."""
    norms = np.linalg.norm(directions, axis=1)
    lengths = np.outer(norms, norms)
    products, cosines = directions @ directions.T, np.zeros_like(lengths)
    np.divide(products, lengths, out=cosines, where=lengths > 0)
    whole = float(np.linalg.norm(weights))
    return norms / whole if whole else np.full(len(norms), np.inf), cosines
