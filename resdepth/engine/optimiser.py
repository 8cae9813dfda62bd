"""Gradient descent and the rules for its rate."""

import math
from dataclasses import dataclass
from typing import ClassVar

STALLED = 1e-12
"""A rate below this share of the first one is reported as stalled."""

ACTIVATION_CONSTANTS = {"relu": 10.0}
DEFAULT_CONSTANT = 2.0
STEPS_DOWN = (0.5, 0.75)
"""Shares of the training after which `step` divides the rate by ten (He et al., CVPR 2016)."""


@dataclass(frozen=True)
class Rate:
    """The rule for the rate of the next update: here, the same rate at every step."""

    needs_norm: ClassVar[bool] = False

    def next(self, rate: float, norm: float | None) -> float:
        """The rate after `rate`, given the p-variation norm of the path it starts from."""
        return rate


@dataclass(frozen=True)
class DynamicRate(Rate):
    """eta(s+1) = min(eta_max, C eta(s) / ||W(s+1)||^2_{p-var}).

    W is the path k -> L^beta A_k that update s+1 starts from, `norm` its p-variation norm (not
    the variation). With `anchored`, eta(0) replaces eta(s). A path of zero variation gives eta_max.
    So does one whose norm is not finite: its loss ends the run.
    """

    first: float
    constant: float
    largest: float
    anchored: bool
    needs_norm: ClassVar[bool] = True

    def next(self, rate: float, norm: float | None) -> float:
        # norm * norm overflows to infinity and underflows to 0, where norm**2 would raise.
        square = norm * norm if norm else 0.0
        if not square:
            return self.largest
        base = self.first if self.anchored else rate
        return min(self.largest, self.constant * base / square)


def scheduled(name: str, rate: float, step: int, steps: int, warmup: int = 0) -> float:
    """The rate of update `step` of `steps`.

    It rises linearly to `rate` in `warmup` steps; then `constant` keeps it, `cosine` decreases to 0
    along half a period, and `step` divides it by ten at 1/2 and 3/4 of all steps.
    """
    if step < warmup:
        return rate * (step + 1) / warmup
    if name == "cosine":
        share = (step - warmup) / max(steps - warmup, 1)
        return 0.5 * rate * (1.0 + math.cos(math.pi * share))
    if name == "step":
        return float(rate * 0.1 ** sum(step >= share * steps for share in STEPS_DOWN))
    return rate
