"""Error rates of the verdict of `resdepth transfer`, and coverage of its exponent.

    python benchmarks/transfer_errors.py [--trials 500]

Experiments with a known best rate (`tests/support/rate_bowls.py`): 5 seeds, 5 depths, a grid of
factor 2, unless the row says otherwise. |e| = .05 is right with any verdict but `drifts` the other
way. What comes out stands in docs/transfer.md.
"""

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resdepth.mathematics.transfer import transfer
from tests.support.rate_bowls import SHAPES, Design

BASE = Design()
DESIGNS = {f"{shape}": replace(BASE, shape=shape) for shape in SHAPES} | {
    "little noise": replace(BASE, noise=0.005, shift=0.05, jitter=0.0),
    "little noise, exponential": replace(
        BASE, noise=0.005, shift=0.05, jitter=0.0, shape="exponential"
    ),
    "noise .05": replace(BASE, noise=0.05, shift=0.3),
    "noise that grows with L": replace(BASE, unequal=True),
    "5 % of the rows missing": replace(BASE, missing=0.05),
    "1 % of the runs diverge": replace(BASE, unlucky=0.01),
    "grid ends at the optimum": replace(BASE, octaves=(-6.0, 1.5)),
    "grid of factor 4": replace(BASE, factor=4.0),
    "3 seeds": replace(BASE, seeds=3),
    "3 depths": replace(BASE, depths=(8, 32, 128)),
    "1 seed": replace(BASE, seeds=1),
}
EXPONENTS = (0.0, 0.05, 0.25, -0.25, 1.0, -1.0)


def measured(design: Design, trials: int, seed: int = 0) -> tuple[Counter[str], float]:
    """Numbers of the verdicts, and the share of known intervals that cover the exponent."""
    random, counts, covered = np.random.default_rng(seed), Counter[str](), []
    for _ in range(trials):
        found = transfer(design.curves(random))
        counts[found.verdict] += 1
        if found.exponent.known:
            covered.append(found.exponent.low <= design.exponent <= found.exponent.high)
    return counts, float(np.mean(covered)) if covered else float("nan")


def main() -> None:
    """Measure and print one row per design and exponent."""
    parser = argparse.ArgumentParser(description="Error rates of the transfer of the rate.")
    parser.add_argument("--trials", type=int, default=500)
    trials = parser.parse_args().trials
    print("| design | e | right | undecided | wrong | coverage |\n|---|---|---|---|---|---|")
    for name, design in DESIGNS.items():
        for exponent in EXPONENTS:
            counts, covered = measured(replace(design, exponent=exponent), trials)
            right = "transfers" if abs(exponent) < 0.1 else "drifts"
            wrong = trials - counts[right] - counts["undecided"]
            shares = [counts[right], counts["undecided"], wrong]
            shown = " | ".join(f"{100 * share / trials:.1f} %" for share in shares)
            print(f"| {name} | {exponent:g} | {shown} | {100 * covered:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
