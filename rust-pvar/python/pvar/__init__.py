"""Exact p-variation of discrete paths, fast.

``p_variation`` is V_p = sup over partitions of sum d(x_s, x_t)^p, ``p_variation_norm`` its p-th
root; ``profile`` and ``batch`` return norms for many exponents and many paths, ``prefix`` the
p-variation up to every point, ``critical_exponent`` the p at which it turns bounded. A path is an
array of shape (n, d), or (n,) in R.
"""

from pvar._critical import CriticalExponent, critical_exponent
from pvar._pvar import (
    Path,
    batch,
    p_var,
    p_variation,
    p_variation_norm,
    prefix,
    profile,
)

__all__ = [
    "CriticalExponent",
    "Path",
    "batch",
    "critical_exponent",
    "p_var",
    "p_variation",
    "p_variation_norm",
    "prefix",
    "profile",
]
