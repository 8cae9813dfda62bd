"""Gradient descent and the rules for its rate."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from resdepth.arrays import Blocks

STALLED = 1e-12
"""A rate below this share of the first one is reported as stalled."""

ACTIVATION_CONSTANTS = {"relu": 10.0}
DEFAULT_CONSTANT = 2.0


@runtime_checkable
class Rate(Protocol):
    """A rule for the rate of the next update."""

    @property
    def needs_norm(self) -> bool:
        """Whether the rate depends on the norm."""

    def next(self, rate: float, norm: float | None) -> float:
        """The rate after `rate`, given the p-variation norm of the path it starts from."""


@dataclass(frozen=True)
class ConstantRate:
    """The same rate at every step."""

    needs_norm: bool = False

    def next(self, rate: float, norm: float | None) -> float:
        """`rate`."""
        return rate


@dataclass(frozen=True)
class DynamicRate:
    """eta(s+1) = min(eta_max, C eta(s) / ||W(s+1)||^2_{p-var}).

    W is the path k -> L^beta A_k that update s+1 starts from, `norm` its p-variation norm (not
    the variation). With `anchored` eta(0) stands in place of eta(s). A path of zero variation gives
    eta_max; so does one whose norm is not finite, since its loss ends the run.
    """

    first: float
    constant: float
    largest: float
    anchored: bool
    needs_norm: bool = True

    def next(self, rate: float, norm: float | None) -> float:
        """The rate after `rate`."""
        # norm * norm overflows to infinity and underflows to 0, where norm**2 would raise.
        square = norm * norm if norm else 0.0
        if not square:
            return self.largest
        base = self.first if self.anchored else rate
        return min(self.largest, self.constant * base / square)


def descend(blocks: Blocks, gradient: Blocks, rate: float) -> Blocks:
    """A - rate * gradient, as a new tensor: the old weights stay good if the new ones are not."""
    return blocks.add(gradient, alpha=-rate)
