"""Initial weights: each rule is a function and the names of its parameters.

With s = d^(-2) L^(-beta - 1/gamma) (Cont, Rossier & Xu, arXiv 2204.07261) as their size:

| name       | entries of A_k                                                           |
|------------|--------------------------------------------------------------------------|
| `constant` | s                                                                        |
| `ntrunc`   | normal, mean 0, standard deviation s, truncated to [-s, s]               |
| `repeat`   | those of the first layer of `ntrunc`, in every layer                     |
| `fbm`      | s times fractional Gaussian noise along k (Marion et al., arXiv 2206.06929) |

A seed means the same start at all depths: `ntrunc` at depth L has the first L layers of depth 2L,
`fbm` is one motion at fewer points. A new rule: a function (shape, scale, seed, **parameters) and a
line in `INITIALISATIONS`; its parameters are options of `train`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resdepth.mathematics import Array
from resdepth.mathematics.fractional import coarsen, fractional_noise
from resdepth.mathematics.random import stream

Shape = tuple[int, int, int]

ONE_SIDED = 0.15865525393145707
"""Phi(-1), the probability of a value below minus one standard deviation."""
NUMERATOR = (
    -5.99633501014107895267e1,
    9.80010754185999661536e1,
    -5.66762857469070293439e1,
    1.39312609387279679503e1,
    -1.23916583867381258016e0,
)
DENOMINATOR = (
    1.0,
    1.95448858338141759834e0,
    4.67627912898881538453e0,
    8.63602421390890590575e1,
    -2.25462687854119370527e2,
    2.00260212380060660359e2,
    -8.20372256168333339912e1,
    1.59056225126211695515e1,
    -1.18331621121330003142e0,
)
ROOT = 2.50662827463100050242  # sqrt(2 pi)
CHUNK = 1 << 15  # Numbers that are drawn at a time


@dataclass(frozen=True)
class Initialisation:
    """A rule: the function that draws, and the parameters it needs besides s."""

    draw: Callable[..., Array]
    parameters: tuple[str, ...] = ()


def constant(shape: Shape, scale: float, seed: int) -> Array:
    """Every entry is `scale`; the path k -> A_k has no variation."""
    return np.full(shape, scale)


def truncated_normal(shape: Shape, scale: float, seed: int) -> Array:
    """Normal of standard deviation `scale`, truncated to one standard deviation, by inversion."""
    generator, blocks = stream(seed, "blocks"), np.empty(shape)
    # A few layers at a time, so that the intermediate arrays stay in the cache.
    step = max(1, CHUNK // (shape[1] * shape[2]))
    for part in np.split(blocks, range(step, shape[0], step)):
        uniform = generator.uniform(ONE_SIDED, 1.0 - ONE_SIDED, part.shape)
        part[:] = scale * np.clip(central_quantile(uniform), -1.0, 1.0)
    return blocks


def central_quantile(mass: Array) -> Array:
    """Phi^(-1) of masses in [Phi(-1), 1 - Phi(-1)], to 4.4e-16, with the same bits everywhere.

    By Cephes (Moshier, 1989). The last bits of scipy's and torch's depend on the processor: with
    `torch.special.ndtri`, those of 7 % of the initial weights differ.
    """
    y = mass - 0.5
    square = y * y
    ratio = square * np.polyval(NUMERATOR, square) / np.polyval(DENOMINATOR, square)
    return np.asarray((y + y * ratio) * ROOT)


def repeated(shape: Shape, scale: float, seed: int) -> Array:
    """One matrix of `truncated_normal`, the same in every layer."""
    return np.tile(truncated_normal((1, *shape[1:]), scale, seed), (shape[0], 1, 1))


def fractional(
    shape: Shape, scale: float, seed: int, *, hurst: float, init_depth: int | None
) -> Array:
    """Each entry k -> A_k has its own stream: `scale` times unit noise of index `hurst`.

    It is drawn at `init_depth` layers (default: the depth) and coarsened: depths that share it see
    the same motion. Raises ValueError: `init_depth` is not the depth times a power of two.
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
    """Uniform on ±1/sqrt(inputs), (outputs, inputs): as torch.nn.Linear draws its weights."""
    bound = inputs**-0.5
    return generator.uniform(-bound, bound, (outputs, inputs))
