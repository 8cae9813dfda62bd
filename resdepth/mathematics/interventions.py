"""Weights with less or other noise: smoothed, resampled in pairs, or shuffled within blocks.

Nothing is retrained. How far an intervention moves the last hidden state, and how fast that falls
with the depth L, tells what the network's function sees of the noise in its weights.
"""

import math

import numpy as np
from numpy.typing import NDArray

from resdepth.mathematics import Array
from resdepth.mathematics.statistics import moving_mean

INTERVENTIONS = ("smooth", "pair", "shuffle")
"""Their names; `smooth` is the only one that is not random."""


def half_width(depth: int) -> int:
    """Half width w = max(1, round(L^(1/2) / 2)) of the window of `smooth`, half the block size."""
    return max(1, round(math.sqrt(depth) / 2))


def smoothed(blocks: Array) -> Array:
    """Mean of `blocks` (L, ...) over a centred window of half width w, shorter near both ends."""
    return moving_mean(blocks, half_width(len(blocks)))


def pair_order(depth: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Layer indices (L,): k, or its neighbour in the pair (2j, 2j + 1), by a fair coin per layer.

    Both layers of a pair may become the same one; the last layer of an odd depth stays.
    """
    places = np.arange(depth)
    other = places ^ 1
    swapped = (random.random(depth) < 0.5) & (other < depth)
    return np.where(swapped, other, places)


def shuffled_order(depth: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Layer indices (L,): a random order within each block of 2w consecutive layers."""
    size = 2 * half_width(depth)
    blocks = [np.arange(start, min(start + size, depth)) for start in range(0, depth, size)]
    return np.concatenate([random.permutation(block) for block in blocks])


def output_change(h: Array, h0: Array, changed: Array) -> Array:
    """|h' - h| / |h - h_0| for each of `changed` (R, N, d); all norms are over samples and width.

    `h` (N, d) is the last hidden state, `h0` the first, `changed` those after an intervention.
    """
    moved = float(np.linalg.norm(h - h0))
    away: Array = np.linalg.norm((changed - h).reshape(len(changed), -1), axis=1)
    return away / moved if moved > 0 else np.full(len(changed), np.nan)
