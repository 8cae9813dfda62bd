"""Traces of all diagonal blocks at once of a matrix of which only products are known.

M. F. Hutchinson, Commun. Stat. Simul. Comput. 19 (1990): E v^T H v = tr H for Rademacher v, and
E v_k^T (H v)_k = tr H_kk for the part k of the coordinates.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from resdepth.mathematics.spectrum import Product

Array = NDArray[np.float64]

TOGETHER = 8
"""Probes that share their products."""


def block_traces(
    product: Product, parts: Sequence[slice], size: int, *, probes: int, seed: int = 0
) -> tuple[Array, Array]:
    """Unbiased traces (parts,) of the diagonal blocks, and their standard errors.

    Raises
    ------
    ValueError
        Fewer than two probes have no standard error.
    """
    if probes < 2:
        raise ValueError(f"probes: at least 2 have a standard error, not {probes}")
    generator = np.random.default_rng(seed)
    found = np.empty((probes, len(parts)))
    for first in range(0, probes, TOGETHER):
        rows = range(first, min(first + TOGETHER, probes))
        drawn = np.asarray(2.0 * generator.integers(0, 2, (len(rows), size)) - 1.0)
        terms = drawn * product(drawn)
        found[rows] = np.stack([terms[:, part].sum(1) for part in parts], axis=1)
    return found.mean(0), found.std(0, ddof=1) / np.sqrt(probes)
