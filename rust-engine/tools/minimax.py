"""Minimax coefficients of src/math: `python rust-engine/tools/minimax.py` (needs mpmath).

P(u) / Q(u) with the smallest largest relative error on an interval.
Prints each approximation's error and its coefficients, constant term first; of those in pieces the
coefficients alone, a line for all pieces, constant terms last and, for tanh, centres first.
"""

from collections.abc import Callable

import mpmath
from mpmath import mpf

mpmath.mp.dps = 60
ROUNDS = 30
Function = Callable[[mpf], mpf]


def minimax(
    f: Function, low: float, high: float, n: int, m: int
) -> tuple[mpf, list[mpf], list[mpf]]:
    """Largest relative error, P (degree n) and Q (degree m, Q(0) = 1) on [low, high].

    Lawson's iteration: least squares for P - f Q, divided by the last f Q, each point weighted
    anew by its last error. The fit with the smallest maximum is returned.
    """
    a, b, count = mpf(low), mpf(high), 12 * (n + m + 2)
    points = [a + (b - a) * (1 - mpmath.cos(mpmath.pi * i / count)) / 2 for i in range(count + 1)]
    values = [f(u) for u in points]
    powers = [[u**j for j in range(max(n, m) + 1)] for u in points]
    weights, best = [mpf(1)] * len(points), (mpf("inf"), [mpf(0)], [mpf(1)])
    q = [mpf(1)]
    for _ in range(ROUNDS):
        left, right = mpmath.matrix(len(points), n + m + 1), mpmath.matrix(len(points), 1)
        for row, (power, value) in enumerate(zip(powers, values, strict=True)):
            scale = mpmath.sqrt(weights[row]) / (value * mpmath.fdot(power, q))
            for j in range(n + 1):
                left[row, j] = scale * power[j]
            for j in range(1, m + 1):
                left[row, n + j] = -scale * value * power[j]
            right[row] = scale * value
        solution = list(mpmath.lu_solve(left, right))
        p, q = solution[: n + 1], [mpf(1), *solution[n + 1 :]]
        errors = [
            abs(mpmath.fdot(power, p) / mpmath.fdot(power, q) / value - 1)
            for power, value in zip(powers, values, strict=True)
        ]
        best = min(best, (max(errors), p, q))
        weights = [w * e for w, e in zip(weights, errors, strict=True)]
        total = max(weights)
        weights = [w / total for w in weights]
    return best


def exp_tail(r: mpf) -> mpf:
    """(e^r - 1 - r) / r^2."""
    return (
        mpmath.nsum(lambda k: r**k / mpmath.factorial(k + 2), [0, 40], method="direct")
        if r
        else mpf("0.5")
    )


def mills(a: mpf) -> mpf:
    """Phi(-a) e^(a^2 / 2): half the scaled complementary error function."""
    return mpmath.erfc(a / mpmath.sqrt(2)) * mpmath.exp(a * a / 2) / 2


def mills_moved(t: mpf) -> mpf:
    """`mills` as a function of t = (a - 2.5) / (a + 2.5)."""
    return mills(mpf("2.5") * (1 + t) / (1 - t))


def tanh_piece(n: int) -> list[mpf]:
    """Coefficients of tanh(c + r), of degree 4 in r, and the centre c of the piece with index n.

    The pieces are those of numbers TANH_OFFSET + |x| with equal exponents and three leading bits of
    the significand, 2^(e + m / 8); the index is 8 (e + 127) + m modulo 32. The first has its centre
    at 0 and begins with r itself: relative errors stay small down to the smallest x.
    """
    first = 18
    octave, eighth = divmod((n - first) % PIECES + 2, 8)
    width = mpf(2) ** (octave - 4)
    low = mpf(2) ** (octave - 1) + eighth * width - TANH_OFFSET
    if n == first:
        slope = minimax(lambda r: mpmath.tanh(r) / r, 1e-9, width, 3, 0)[1]
        return [mpf(0), mpf(1), *slope[1:], mpf(0)]
    centre, half = low + width / 2, width / 2
    terms = minimax(lambda r: mpmath.tanh(centre + r), -half, half, 4, 0)[1]
    if (n + 1) % PIECES == first:
        # The last has to reach 1.
        terms[0] = mpf(1)
    return [*terms, centre]


def tail_piece(n: int) -> list[mpf]:
    """Coefficients of Phi(-n TAIL_STEP - r), of degree 6 in r, |r| <= TAIL_STEP / 2.

    The last is zero: beyond it nothing is left of the tail beside 2^-46.
    """
    half = TAIL_STEP / 2
    if n == PIECES - 1:
        return [mpf(0)] * 7
    return minimax(lambda r: mpmath.ncdf(-n * mpf(TAIL_STEP) - r), -half, half, 6, 0)[1]


HALF_LN2 = 0.3470
TANH_OFFSET = 0.625
TAIL_STEP = 1 / 4
PIECES = 32
CASES: tuple[tuple[str, Function, float, float, int, int], ...] = (
    ("exp f32", exp_tail, -HALF_LN2, HALF_LN2, 4, 0),
    ("exp f64", exp_tail, -HALF_LN2, HALF_LN2, 9, 0),
    ("mills f32, of t", mills_moved, -1.0, 0.5, 9, 0),
    ("mills f64", mills, 0.0, 8.5, 8, 9),
)


def main() -> None:
    """Print every approximation."""
    for name, f, low, high, n, m in CASES:
        error, p, q = minimax(f, low, high, n, m)
        exponent = mpmath.nstr(mpmath.log(error, 2), 4)
        print(f"{name}: relative error {mpmath.nstr(error, 3)} = 2^{exponent}")
        for side, coefficients in (("P", p), ("Q", q)):
            print(f"  {side}:", ", ".join(mpmath.nstr(c, 19) for c in coefficients))
    for name, piece in (("tanh", tanh_piece), ("Phi(-a)", tail_piece)):
        print(f"{name} f32 in pieces:")
        for coefficients in list(zip(*map(piece, range(PIECES)), strict=True))[::-1]:
            print("  ", ", ".join(mpmath.nstr(c, 10) for c in coefficients))


if __name__ == "__main__":
    main()
