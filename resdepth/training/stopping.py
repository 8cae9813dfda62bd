"""Whether a loss decreases monotonically."""

from dataclasses import dataclass

ROUNDING = 1e-6
"""Relative change below which two losses count as equal."""


def rose(before: float, after: float) -> bool:
    """Whether a loss has grown by more than rounding."""
    return after > before + ROUNDING * abs(before)


@dataclass
class Rises:
    """Counts the steps of gradient descent at which the loss of the full batch rose.

    Descent oscillates at rates above 2 / largest eigenvalue of the Hessian ("edge of stability",
    Cohen et al. 2021, arXiv:2103.00065).
    """

    steps: int = -1
    rises: int = 0
    last: float = 0.0

    def see(self, loss: float) -> None:
        """Count the loss of the next step."""
        self.steps += 1
        self.rises += self.steps > 0 and rose(self.last, loss)
        self.last = loss

    @property
    def many(self) -> bool:
        """Whether it rose too often for a descent."""
        return self.rises >= max(10, 0.1 * self.steps)
