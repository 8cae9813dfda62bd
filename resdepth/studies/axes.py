"""Several values of one option, as the command line spells them."""

from decimal import Decimal, InvalidOperation

from resdepth.errors import Usage

MOST = 10_000
"""Values of one axis at most."""
COMMAND = "study run"


def spelled_out(flag: str, text: object) -> list[str]:
    """The values of `16,32,64`, `0:5` (0 to 4), `16:128:16` (128 too) or `16:1024:x2`.

    Parts can be mixed (`16:64:x2,100`). What the words mean is for the option to say.

    Raises
    ------
    Usage
        No range: not numbers, no step that leads from the first to the last, or nothing in it.
    """
    values: list[str] = []
    for part in str(text).split(","):
        values += _range(flag, part.strip()) if ":" in part else [part.strip()]
    return values


def _range(flag: str, part: str) -> list[str]:
    words = part.split(":")
    factor = len(words) == 3 and words[2][:1] == "x"
    try:
        first, last, *step = (Decimal(word) for word in [*words[:2], *_factors(words[2:])])
    except (InvalidOperation, ValueError):
        raise _refused(flag, part, "is no range of numbers") from None
    if len(step) > 1 or not all(number.is_finite() for number in (first, last, *step)):
        raise _refused(flag, part, "is no range of numbers")
    by = step[0] if step else Decimal(1)
    if by <= factor or (factor and first <= 0):
        raise _refused(flag, part, "has a step that does not go upwards")
    values: list[str] = []
    # Without a step the end is left out, as in a range of Python.
    while first <= last if step else first < last:
        if len(values) == MOST:
            raise _refused(flag, part, f"is more than {MOST} values")
        values.append(_plain(first))
        first = first * by if factor else first + by
    if not values:
        raise _refused(flag, part, "is empty")
    return values


def _factors(words: list[str]) -> list[str]:
    return [word.removeprefix("x") for word in words]


def _plain(number: Decimal) -> str:
    return str(int(number)) if number == number.to_integral_value() else f"{number.normalize():f}"


def _refused(flag: str, part: str, reason: str) -> Usage:
    spellings = "16,32,64 or 0:5 or 16:128:16 or 16:1024:x2"
    return Usage(
        flag,
        f"'{part}' {reason}; as in {spellings}",
        f"see 'resdepth {COMMAND} --help' for the range of every option",
    )
