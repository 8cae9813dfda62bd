"""Random directions in the space of the weights, scaled to the weights block by block.

Filter normalisation is Li, Xu, Taylor, Studer & Goldstein, "Visualizing the Loss Landscape of
Neural Nets" (arXiv 1712.09913), a filter being one row of A_k. All in float64.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Normalisation = Literal["filter", "layer", "none"]

RECIPE = (
    "numpy.random.default_rng(seed).standard_normal((dimensions, L, d, d)) in float64; "
    "filter: each row scaled to the norm of that row of A_k; "
    "layer: each block scaled to the Frobenius norm of A_k; none: as drawn; "
    "a zero row (filter) or block (layer) of A gives a zero direction"
)
"""How the directions are made, in the words that a result records."""


def draw(seed: int, dimensions: int, shape: tuple[int, ...]) -> Array:
    """Standard normal directions, (dimensions, *shape)."""
    return np.random.default_rng(seed).standard_normal((dimensions, *shape))


def normalise(
    directions: Array, weights: Array, normalisation: Normalisation, stacked: int = 1
) -> Array:
    """Directions (dimensions, *shape) scaled to `weights` (*shape), each filter or each layer.

    The first `stacked` axes of the shape count layers, the next one the filters of a layer: 1 for
    blocks (L, d, d), whose filters are rows, 0 for a kernel (filters, channels, 3, 3).
    """
    if normalisation == "none":
        return directions
    first = stacked + (normalisation == "filter")
    axes = tuple(range(first - weights.ndim, 0))
    wanted = np.sqrt(np.sum(weights * weights, axis=axes, keepdims=True))
    drawn = np.sqrt(np.sum(directions * directions, axis=axes, keepdims=True))
    scale = np.zeros_like(drawn)
    np.divide(wanted, drawn, out=scale, where=drawn > 0)
    scaled: Array = directions * scale
    return scaled


def axis(span: float, steps: int) -> Array:
    """linspace(-span, span, steps), whose middle is 0 to the bit where `steps` is odd."""
    values = np.linspace(-span, span, steps)
    if steps % 2:
        values[steps // 2] = 0.0
    return values
