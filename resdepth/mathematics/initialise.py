"""Initial weights. Each rule is one small thing: how it draws, its parameters, its decay in L.

With s = d^(-2) L^(-beta - 1/gamma) (Cont, Rossier & Xu, arXiv 2204.07261):

| name       | entries of A_k                                              | size in L            |
|------------|-------------------------------------------------------------|----------------------|
| `constant` | s                                                           | L^(-beta - 1/gamma)  |
| `ntrunc`   | normal, mean 0, standard deviation s, truncated to [-s, s]  | L^(-beta - 1/gamma)  |
| `repeat`   | those of the first layer of `ntrunc`, in every layer        | L^(-beta - 1/gamma)  |
| `fbm`      | s times fractional Gaussian noise along k, independent over | L^(-beta - 1/gamma)  |
|            | the entries (Marion, Fermanian, Biau & Vert, 2206.06929)    |                      |

One seed is one start at all depths: the noise of `ntrunc` at depth L is that of the first L layers
at depth 2L, and `fbm` is one motion drawn at its finest depth and seen at fewer points.

To add one: a function (shape, scale, seed, **parameters) -> float64 array, and a line in
`INITIALISATIONS`; its parameters are options of `train` under the same names.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resdepth.mathematics.fractional import coarsen, fractional_noise
from resdepth.mathematics.normal import ONE_SIDED, central_quantile
from resdepth.mathematics.random import stream

Array = NDArray[np.float64]
Shape = tuple[int, int, int]


def depth_exponent(alpha: float, gamma: float) -> float:
    """The decay of s, L^(-beta - 1/gamma) with beta = 1 - alpha."""
    return -(1.0 - alpha) - 1.0 / gamma


@dataclass(frozen=True)
class Initialisation:
    """A rule: its function, the parameters it takes beside s, the declared decay in L."""

    draw: Callable[..., Array]
    parameters: tuple[str, ...] = ()
    exponent: Callable[[float, float], float] = depth_exponent


def constant(shape: Shape, scale: float, seed: int) -> Array:
    """Every entry is `scale`; the path k -> A_k has no variation."""
    return np.full(shape, scale)


def truncated_normal(shape: Shape, scale: float, seed: int) -> Array:
    """Normal of standard deviation `scale`, truncated to one standard deviation, by inversion."""
    uniform = stream(seed, "blocks").uniform(ONE_SIDED, 1.0 - ONE_SIDED, shape)
    return scale * np.clip(central_quantile(uniform), -1.0, 1.0)


def repeated(shape: Shape, scale: float, seed: int) -> Array:
    """One matrix of `truncated_normal` in every layer: rough in no direction but the entries'."""
    return np.tile(truncated_normal((1, *shape[1:]), scale, seed), (shape[0], 1, 1))


def fractional(
    shape: Shape, scale: float, seed: int, *, hurst: float, init_depth: int | None
) -> Array:
    """Entries k -> A_k of `scale` times unit fractional Gaussian noise of index `hurst`.

    Entry (i, j) has a stream of its own. It is drawn at `init_depth` layers (None: as many as there
    are), the depth times a power of two, and coarsened by sums of pairs times 2^(-H), so that the
    depths of a plan see one motion: let all of them have the deepest one's `init_depth`.

    Raises
    ------
    ValueError
        `init_depth` is not the depth times a power of two.
    """
    depth, rows, columns = shape
    blocks = np.empty(shape)
    for i in range(rows):
        streams = (stream(seed, "blocks", i, j) for j in range(columns))
        noise = fractional_noise(init_depth or depth, hurst, streams)
        blocks[:, i] = scale * coarsen(noise, hurst, depth).T
    return blocks


INITIALISATIONS: dict[str, Initialisation] = {
    "constant": Initialisation(constant),
    "ntrunc": Initialisation(truncated_normal),
    "repeat": Initialisation(repeated),
    "fbm": Initialisation(fractional, ("hurst", "init_depth")),
}
"""Initialisations by name."""


def linear_uniform(outputs: int, inputs: int, generator: np.random.Generator) -> Array:
    """Uniform on ±1/sqrt(inputs), (outputs, inputs): what torch.nn.Linear starts from."""
    bound = inputs**-0.5
    return generator.uniform(-bound, bound, (outputs, inputs))
