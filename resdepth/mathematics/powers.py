"""Powers of the depth L that scale a residual network (Cont, Rossier & Xu, arXiv 2204.07261)."""

import math


def delta(depth: int, alpha: float) -> float:
    """Residual step delta_L = L^(-alpha); `alpha` in [0, 1]."""
    return math.pow(depth, -alpha)


def beta(alpha: float) -> float:
    """Exponent beta = 1 - alpha of the weight path k -> L^beta A_k."""
    return 1.0 - alpha


def initial_scale(depth: int, width: int, alpha: float, gamma: float) -> float:
    """Scale s = d^(-2) L^(-beta - 1/gamma) of the initial weights; `gamma` > 0."""
    return math.pow(width, -2.0) * math.pow(depth, -beta(alpha) - 1.0 / gamma)
