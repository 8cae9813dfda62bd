"""Coverage of the intervals of exponents, and error rates of the verdict on paths of known kind.

    python benchmarks/verdict_errors.py [--tables 5000] [--seeds 40] [--trials 500]

Coverage: `--tables` tables of 5 seeds and 7 depths with deviations of three sorts from a known
power law. Error rates: for each of the 18 kinds of `tests/support/synthetic.py` a bank of `--seeds`
paths at L = 64 .. 1024; each of `--trials` experiments takes some of them and puts noise of
deviation .1 on the log of every statistic. The same for a trend with small noise, and for mixtures
of smooth seeds with others; crossover depths of small noise in their intervals. The Hurst exponent
at L = 256: beside a smooth trend five times the size of the noise. What comes out stands in
docs/study-statistics.md and docs/limit.md.
"""

import argparse
import sys
from collections import Counter
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
MIXTURES = ((1, 4), (2, 3), (4, 1), (1, 9), (4, 6), (9, 1))
"""Smooth seeds and others in a mixture."""
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


def errors(banks: dict[str, Bank], count: int) -> None:
    """Right, undecided and wrong verdicts by kind for the whole design, and in all for less."""
    print("\n| seeds | depths | kind | right | undecided | wrong |\n|---|---|---|---|---|---|")
    for seeds, depths in DESIGNS:
        total = dict.fromkeys(("right", "undecided", "wrong"), 0)
        for name, kind in EVERY.items():
            counts = trials(kind, banks[name], seeds, depths, count)
            total = {key: total[key] + counts[key] for key in total}
            if (seeds, depths) == DESIGNS[0]:
                _row(seeds, depths, f"{name} ({kind.limit})", counts)
        _row(seeds, depths, "all", total)


def mixtures(banks: dict[str, Bank], count: int) -> None:
    """How often a mixture of smooth seeds with others is called mixed."""
    print("\n| smooth with | mixed | other verdicts |\n|---|---|---|")
    for name in DIFFERENT:
        found: Counter[str] = Counter()
        for sizes in MIXTURES:
            found += mixed_trials(banks["smooth"], banks[name], sizes, count)
        whole, mixed = found.total(), found.pop("mixed", 0)
        others = ", ".join(f"{number} {kind}" for kind, number in found.items()) or "none"
        print(f"| {name} | {100 * mixed / whole:.2f} % | {others} |", flush=True)


def crossovers(banks: dict[str, Bank], count: int) -> None:
    """How often the crossover depth of small noise lies in its interval, seed by seed."""
    print("\n| noise | crossover depth in its interval |\n|---|---|")
    for name in SMALL_NOISE:
        share, random, inside = float(name.split()[2]) / 100, np.random.default_rng(9), []
        for _ in range(max(1, count // 10)):
            found = banks[name].perturbed(random).verdict().by_seed
            for seed, one in found.items():
                true = true_crossover(share, int(seed))
                inside.append(one.crossover.low <= true <= one.crossover.high)
        print(f"| {100 * share:g} % | {100 * np.mean(inside):.1f} % |", flush=True)


def _row(seeds: int, depths: int, name: str, counts: dict[str, int]) -> None:
    whole = sum(counts.values())
    shares = " | ".join(f"{100 * value / whole:.2f} %" for value in counts.values())
    print(f"| {seeds} | {depths} | {name} | {shares} |", flush=True)


def main() -> None:
    """Measure and print, as the tables of the page are."""
    parser = argparse.ArgumentParser(description="Error rates of the study's statistics.")
    parser.add_argument("--tables", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--trials", type=int, default=500)
    arguments = parser.parse_args()
    coverage(arguments.tables)
    hurst(arguments.seeds)
    banks = {name: bank(kind, DEPTHS, arguments.seeds) for name, kind in EVERY.items()}
    errors(banks, arguments.trials)
    mixtures(banks, arguments.trials)
    crossovers(banks, arguments.trials)


if __name__ == "__main__":
    main()
