"""Initial weights. Each rule is one small function that states how it decays in L.

With s = d^(-2) L^(-beta - 1/gamma) (Cont, Rossier & Xu, arXiv 2204.07261):

| name       | entries of A_k                                              | size in L            |
|------------|-------------------------------------------------------------|----------------------|
| `constant` | s                                                           | L^(-beta - 1/gamma)  |
| `ntrunc`   | normal, mean 0, standard deviation s, truncated to [-s, s]  | L^(-beta - 1/gamma)  |

To add one: a function (shape, scale, generator) -> float64 array, and a line in `INITIALISATIONS`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]
Shape = tuple[int, int, int]


def constant(shape: Shape, scale: float, generator: np.random.Generator) -> Array:
    """Every entry is `scale`; the path k -> A_k has no variation."""
    return np.full(shape, scale)


def truncated_normal(shape: Shape, scale: float, generator: np.random.Generator) -> Array:
    """Normal of standard deviation `scale`, truncated to one standard deviation, by inversion."""
    uniform = generator.uniform(ndtr(-1.0), ndtr(1.0), shape)
    drawn: Array = ndtri(uniform)
    return scale * np.clip(drawn, -1.0, 1.0)


INITIALISATIONS: dict[str, Callable[[Shape, float, np.random.Generator], Array]] = {
    "constant": constant,
    "ntrunc": truncated_normal,
}
"""Initialisations by name."""


def depth_exponent(alpha: float, gamma: float) -> float:
    """The declared decay: entries are of size L^(-beta - 1/gamma), beta = 1 - alpha."""
    return -(1.0 - alpha) - 1.0 / gamma


def linear_uniform(outputs: int, inputs: int, generator: np.random.Generator) -> Array:
    """Uniform on ±1/sqrt(inputs), (outputs, inputs): what torch.nn.Linear starts from."""
    bound = inputs**-0.5
    return generator.uniform(-bound, bound, (outputs, inputs))
