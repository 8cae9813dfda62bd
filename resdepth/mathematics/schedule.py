"""Learning rates that are functions of the step alone."""

import math

STEPS_DOWN = (0.5, 0.75)
"""Shares of the training after which `step` divides the rate by ten (He et al., CVPR 2016)."""


def scheduled(name: str, rate: float, step: int, steps: int, warmup: int = 0) -> float:
    """The rate of update `step` of `steps`.

    The first `warmup` steps rise linearly to `rate`; then `constant` keeps it, `cosine` falls to 0
    at the end along half a period, and `step` divides it by ten at 1/2 and 3/4 of all steps.
    """
    if step < warmup:
        return rate * (step + 1) / warmup
    if name == "cosine":
        share = (step - warmup) / max(steps - warmup, 1)
        return 0.5 * rate * (1.0 + math.cos(math.pi * share))
    if name == "step":
        return float(rate * 0.1 ** sum(step >= share * steps for share in STEPS_DOWN))
    return rate
