"""What the rounding of numbers alone may do to a fit of their logarithms."""

import numpy as np
from numpy.typing import NDArray


def rounding(logarithms: NDArray[np.float64]) -> float:
    """Bound on the error of each of `logarithms`: of its argument's rounding and its own.

    Rounding is no independent noise, it may push all points one way. A fit of n points is therefore
    never more certain than with residuals of sqrt(n) times this bound.
    """
    largest = float(np.abs(logarithms).max(initial=0.0))
    return 4.0 * float(np.finfo(np.float64).eps) * (1.0 + largest)
