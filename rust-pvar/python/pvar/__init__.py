"""Exact p-variation of discrete paths, fast.

``p_variation`` is V_p = sup over partitions of sum d(x_s, x_t)^p, ``p_variation_norm`` its p-th
root; ``profile`` and ``batch`` return norms for many exponents and many paths, ``prefix`` the
p-variation up to every point, ``critical_exponent`` the p at which it turns bounded. A path is an
array of shape (n, d), or (n,) in R.

Points in any other space are given by their distances, to ``p_variation_from_distances`` and its
like; ``distances_from_gram`` and ``pairwise_distances`` make these from inner products, and from
points that do not fit into memory.
"""

from pvar._critical import CriticalExponent, critical_exponent
from pvar._distances import pairwise_distances
from pvar._pvar import (
    Path,
    batch,
    distances_from_gram,
    p_var,
    p_variation,
    p_variation_from_distances,
    p_variation_norm,
    p_variation_norm_from_distances,
    prefix,
    prefix_from_distances,
    profile,
    profile_from_distances,
)

__all__ = [
    "CriticalExponent",
    "Path",
    "batch",
    "critical_exponent",
    "distances_from_gram",
    "p_var",
    "p_variation",
    "p_variation_from_distances",
    "p_variation_norm",
    "p_variation_norm_from_distances",
    "pairwise_distances",
    "prefix",
    "prefix_from_distances",
    "profile",
    "profile_from_distances",
]
