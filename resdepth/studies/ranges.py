"""Several values of one option, as the command line spells them."""

from decimal import Decimal, InvalidOperation

from resdepth.errors import Usage

MOST = 10_000
"""Largest number of values of one axis."""
COMMAND = "study run"


def spelled_out(field: str, text: object) -> list[str]:
    """The values of `16,32,64`, `0:5` (0 to 4), `16:128:16` (up to 128) or `16:1024:x2`.

    Parts can be mixed, as in `16:64:x2,100`. The option itself interprets the words. Raises Usage
    if a range is not made of numbers, does not ascend, or has no value or too many.
    """
    values: list[str] = []
    for part in str(text).split(","):
        values += _range(field, part.strip()) if ":" in part else [part.strip()]
    return values


def _range(field: str, part: str) -> list[str]:
    words = part.split(":")
    factor = len(words) == 3 and words[2][:1] == "x"
    try:
        first, last, *step = (
            Decimal(word.removeprefix("x" * (n > 1))) for n, word in enumerate(words)
        )
    except (InvalidOperation, ValueError):
        raise _refused(field, part, "is not a range of numbers") from None
    if len(step) > 1 or not all(number.is_finite() for number in (first, last, *step)):
        raise _refused(field, part, "is not a range of numbers")
    by = step[0] if step else Decimal(1)
    if by <= factor or (factor and first <= 0):
        raise _refused(field, part, "does not ascend")
    values: list[str] = []
    # Without a step the end is left out, as in a range of Python.
    while first <= last if step else first < last:
        if len(values) == MOST:
            raise _refused(field, part, f"has more than {MOST} values")
        whole = first == first.to_integral_value()
        values.append(str(int(first)) if whole else f"{first.normalize():f}")
        first = first * by if factor else first + by
    if not values:
        raise _refused(field, part, "is empty")
    return values


def _refused(field: str, part: str, reason: str) -> Usage:
    return Usage(field, f"'{part}' {reason}", "write 16,32,64 or 0:5 or 16:128:16 or 16:1024:x2")
