"""The exponent at which the variation of ever finer partitions turns from growing to bounded."""

from typing import Any, NamedTuple

from pvar import _pvar


class CriticalExponent(NamedTuple):
    """An estimate of the critical exponent 1/H, with its standard error."""

    exponent: float
    standard_error: float
    lags: int


def critical_exponent(
    path: Any, *, shortest: int = 1, longest: int | None = None
) -> CriticalExponent:
    """Estimate the p at which the p-variation of ever finer sub-samplings stops growing.

    The mean squared step over the lags ``shortest``, 2 ``shortest``, ... up to ``longest`` (an
    eighth of a sixteenth of the path by default) is regressed on the lag, log on log; half the
    slope is H, and the exponent 1/H. The standard error is a jackknife over 16 segments of the
    path. Steps that do not grow with the lag give an infinite exponent.

    Raises ``ValueError`` for a path too short for two lags (257 points by default), or one that
    does not move. See Bayer, Friz and Tapia, SIAM J. Math. Data Sci. 5 (2023).
    """
    if shortest < 1:
        raise ValueError(f"shortest must be at least 1, got {shortest}")
    return CriticalExponent(*_pvar.critical_exponent(path, shortest, longest))
