"""Coverage of the intervals of exponents, and error rates of the verdict on paths of known kind.

    python benchmarks/verdict_errors.py [--tables 5000] [--seeds 40] [--trials 500]

Coverage: `--tables` tables of 5 seeds and 7 depths with deviations of three sorts from a known
power law. The Hurst exponent at L = 256: with a smooth trend five times the size of the noise.
Error rates: for each of the 18 kinds of `tests/support/synthetic.py`, and for trends with 1 to 10 %
of independent noise, a bank of `--seeds` paths at L = 64 .. 1024; each of `--trials` experiments
takes some of them and puts noise of deviation .1 on the log of every statistic. Mixtures take seeds
of a smooth and of another kind. Crossover depths: how often a seed's interval contains the true
one, without added noise. Results: docs/limit.md and docs/study-statistics.md.
"""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resdepth.mathematics.statistics import path_statistics
from tests.support.synthetic import (
    DEPTHS,
    DEVIATIONS,
    DIFFERENT,
    KINDS,
    SMALL_NOISE,
    Bank,
    bank,
    covered,
    fractional,
    mixed_trials,
    smooth,
    trials,
    true_crossover,
)

DESIGNS = ((5, 5), (4, 5), (3, 5), (2, 5), (5, 4), (5, 3), (3, 3))
"""Seeds and depths of the experiments."""
MIXTURES = ((1, 4), (2, 3), (4, 1), (1, 9), (9, 1), (4, 6))
"""Numbers of smooth seeds and of others."""
EVERY = {**KINDS, **SMALL_NOISE}


def coverage(tables: int) -> None:
    """Percentages for nominal 95 %."""
    print("| deviations | coverage |\n|---|---|")
    for name, deviations in DEVIATIONS.items():
        print(f"| {name} | {100 * covered(deviations, tables):.1f} % |", flush=True)


def hurst(seeds: int) -> None:
    """Mean and deviation over seeds of H at L = 256, the trend being five times the noise."""
    print("\n| H | found at L = 256 |\n|---|---|")
    for truth in (0.3, 0.5, 0.7):
        found = [
            path_statistics(5 * smooth(256, s, waves=2) + 256**truth * fractional(256, s, truth)).H
            for s in range(seeds)
        ]
        print(f"| {truth} | {np.mean(found):.3f} ± {np.std(found, ddof=1):.3f} |", flush=True)


def errors(banks: Mapping[str, Bank], count: int) -> None:
    """Verdicts by kind for the whole design, and over the 18 kinds for less."""
    print(
        "\n| seeds | depths | kind | right | undecided | mixed | wrong |\n|---|---|---|"
        + 4 * "---|"
    )
    for seeds, depths in DESIGNS:
        total = Counter[str]()
        for name in EVERY if (seeds, depths) == DESIGNS[0] else KINDS:
            limit = EVERY[name].limit
            counts = judged(limit, trials(banks[name], seeds, depths, count))
            if name in KINDS:
                total += counts
            if (seeds, depths) == DESIGNS[0]:
                _row(f"{seeds} | {depths} | {name} ({limit})", counts)
        _row(f"{seeds} | {depths} | all 18 kinds", total)


def judged(limit: str, found: Counter[str]) -> Counter[str]:
    """Verdicts as right, undecided, mixed and wrong."""
    counts = Counter[str]()
    for verdict, number in found.items():
        other = verdict if verdict in ("undecided", "mixed") else "wrong"
        counts["right" if verdict == limit else other] += number
    return counts


def mixtures(banks: Mapping[str, Bank], count: int) -> None:
    """How often studies with smooth seeds and others are found to be mixed."""
    print("\n| smooth seeds | others | kind | mixed | other verdicts |\n|---|---|---|---|---|")
    for name in DIFFERENT:
        for sizes in MIXTURES:
            found = mixed_trials(banks["smooth"], banks[name], sizes, count)
            others = {kind: n for kind, n in found.items() if kind != "mixed"}
            shown = ", ".join(f"{n} {kind}" for kind, n in others.items()) or "0"
            share = f"{100 * found['mixed'] / count:.1f} %"
            print(f"| {sizes[0]} | {sizes[1]} | {name} | {share} | {shown} |", flush=True)


def crossovers(banks: Mapping[str, Bank]) -> None:
    """How often a seed's interval contains the crossover depth, and how large the error is."""
    print("\n| kind | true L* | interval contains it | found / true, median |\n|---|---|---|---|")
    for name in SMALL_NOISE:
        share = float(name.split()[2]) / 100
        found = [seed.crossover for seed in banks[name].verdict().by_seed.values()]
        true = [true_crossover(share, seed) for seed in range(len(found))]
        pairs = list(zip(found, true, strict=True))
        inside = sum(one.low <= exact <= one.high for one, exact in pairs)
        error = math.exp(np.median([math.log(one.value / exact) for one, exact in pairs]))
        shown = f"{100 * inside / len(pairs):.0f} % | {error:.2f}"
        print(f"| {name} | {np.median(true):.0f} | {shown} |", flush=True)


def _row(head: str, counts: Counter[str]) -> None:
    names = ("right", "undecided", "mixed", "wrong")
    shares = " | ".join(f"{100 * counts[name] / counts.total():.2f} %" for name in names)
    print(f"| {head} | {shares} |", flush=True)


def main() -> None:
    """Measure and print the tables of the two pages."""
    parser = argparse.ArgumentParser(description="Error rates of the study's statistics.")
    parser.add_argument("--tables", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--trials", type=int, default=500)
    arguments = parser.parse_args()
    coverage(arguments.tables)
    hurst(arguments.seeds)
    banks = {name: bank(kind, DEPTHS, arguments.seeds) for name, kind in EVERY.items()}
    crossovers(banks)
    errors(banks, arguments.trials)
    mixtures(banks, arguments.trials)


if __name__ == "__main__":
    main()
