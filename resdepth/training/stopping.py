"""Whether a loss goes down all the way."""

from dataclasses import dataclass

ROUNDING = 1e-6
"""Relative change below which a loss counts as the same."""
SHARE, FEWEST = 0.1, 10
"""The share and the number of steps with a rising loss from which on there are many of them."""


def rose(before: float, after: float) -> bool:
    """Whether a loss is larger than before by more than rounding."""
    return after > before + ROUNDING * abs(before)


@dataclass
class Rises:
    """Counts the steps of gradient descent after which the loss of the full batch was larger.

    With rates above 2/lambda_max, lambda_max the largest eigenvalue of the loss's Hessian, descent
    oscillates ("edge of stability", Cohen et al. 2021, arXiv:2103.00065).
    """

    steps: int = -1
    rises: int = 0
    last: float = 0.0

    def see(self, loss: float) -> None:
        """The loss of the next step."""
        self.steps += 1
        self.rises += self.steps > 0 and rose(self.last, loss)
        self.last = loss

    @property
    def many(self) -> bool:
        """Whether it rose too often for a descent."""
        return self.rises >= max(FEWEST, SHARE * self.steps)

    @property
    def told(self) -> str:
        """What there is to say about it."""
        return (
            f"the loss rose at {self.rises} of {self.steps} steps: the rate is at the edge of "
            "stability (lr times the largest curvature is near 2) and exponents of the weights "
            "describe the oscillation too; a smaller --lr avoids it"
        )
