"""A weight path at other depths: doubled or halved, as samples of one path k/L -> L^beta A_k.

The results are the layers A themselves, so that a network of another depth L' has the path
(L')^beta A' close to that of A.
"""

from collections.abc import Callable, Mapping

import numpy as np

from resdepth.mathematics import Array


def repeated(blocks: Array, beta: float) -> Array:
    """Twice the depth, every layer twice: (2L, ...) from `blocks` (L, ...)."""
    doubled: Array = 2.0**-beta * np.repeat(blocks, 2, axis=0)
    return doubled


def interpolated(blocks: Array, beta: float) -> Array:
    """Twice the depth, linear between the centres (k + 1/2)/L of the layers: (2L, ...).

    Beyond the first and the last centre the path goes on in a straight line; one layer is repeated.
    """
    if len(blocks) < 2:
        return repeated(blocks, beta)
    ends = 2 * blocks[[0, -1]] - blocks[[1, -2]]
    padded = np.concatenate([ends[:1], blocks, ends[1:]])
    doubled = np.empty((2 * len(blocks), *blocks.shape[1:]))
    doubled[::2] = 0.75 * blocks + 0.25 * padded[:-2]
    doubled[1::2] = 0.75 * blocks + 0.25 * padded[2:]
    return np.asarray(2.0**-beta * doubled)


def pair_means(blocks: Array, beta: float) -> Array:
    """Half the depth, the mean of each pair (2j, 2j + 1): (L // 2, ...); an odd layer is left."""
    half = len(blocks) // 2
    halved: Array = 2.0**beta * 0.5 * (blocks[: 2 * half : 2] + blocks[1 : 2 * half : 2])
    return halved


def every_second(blocks: Array, beta: float) -> Array:
    """Half the depth, the layers 0, 2, 4, ...: (L // 2, ...)."""
    halved: Array = 2.0**beta * blocks[: len(blocks) // 2 * 2 : 2]
    return halved


REFINEMENTS: Mapping[str, Callable[[Array, float], Array]] = {
    "repeat": repeated,
    "interpolate": interpolated,
    "pair-mean": pair_means,
    "every-second": every_second,
}
"""Ways to the double and to half the depth, by name."""


def deepened(blocks: Array, depth: int, rule: str, beta: float) -> Array:
    """`blocks` (L, ...) at the depth 2^k L, k >= 0, by the rule `repeat` or `interpolate`.

    Raises ValueError: `depth` is not L times a power of two.
    """
    if depth not in {len(blocks) << doublings for doublings in range(64)}:
        raise ValueError(f"{depth} is not {len(blocks)} times a power of two")
    while len(blocks) < depth:
        blocks = REFINEMENTS[rule](blocks, beta)
    return blocks
