"""Reference values of the f64 functions, as the module `src/math/tests/values.rs`.

`python tools/reference_values.py > src/math/tests/values.rs`, then rustfmt; needs mpmath.
Arguments are random over every scale, and the edges of the functions' branches; a value is computed
with 60 digits and rounded once to f64.
"""

import random
from collections.abc import Callable

import mpmath

mpmath.mp.dps = 60
COUNT = 400


def gelu(x: mpmath.mpf) -> mpmath.mpf:
    """x Phi(x)."""
    return x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def elu(x: mpmath.mpf) -> mpmath.mpf:
    """x where positive, else e^x - 1."""
    return x if x > 0 else mpmath.expm1(x)


def sigmoid(x: mpmath.mpf) -> mpmath.mpf:
    """1 / (1 + e^-x)."""
    return 1 / (1 + mpmath.exp(-x))


FUNCTIONS: tuple[tuple[str, Callable[[mpmath.mpf], mpmath.mpf], float], ...] = (
    ("exp", mpmath.exp, 709.0),
    ("tanh", mpmath.tanh, 25.0),
    ("sigmoid", sigmoid, 708.0),
    ("elu", elu, 60.0),
    ("gelu", gelu, 30.0),
)
EDGES = (0.0, 5e-324, 2.3e-308, 1e-300, 1e-20, 1e-8, 0.17, 0.1733, 0.3466, 0.3467, 1.0, 8.5, 22.0)


def main() -> None:
    """Print the tables as a Rust module."""
    generator = random.Random(7)
    print("//! Written by `tools/reference_values.py`.\n#![allow(clippy::approx_constant)]\n")
    print("type Rows = &'static [(f64, f64)];\n")
    print(f"pub(super) const TABLES: [(&str, Rows); {len(FUNCTIONS)}] = [")
    for name, function, reach in FUNCTIONS:
        arguments = [sign * edge for edge in EDGES for sign in (1.0, -1.0)]
        for i in range(COUNT):
            scale = reach if i % 2 else reach * 10.0 ** generator.uniform(-12.0, 0.0)
            arguments.append(generator.uniform(-scale, scale))
        print(f'    ("{name}", &[')
        for x in arguments:
            print(f"        ({x!r}, {float(function(mpmath.mpf(x)))!r}),")
        print("    ]),")
    print("];")


if __name__ == "__main__":
    main()
