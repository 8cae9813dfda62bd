"""Error rates of the verdict on the network's function, on networks of known kind.

    python benchmarks/function_errors.py [--seeds 24] [--deepest 1024]

For each kind of `tests/support/function_kinds.py`, `--seeds` residual networks of width 10 at
L = 16, 32, .. `--deepest`: how many seeds got the right verdict, none, or a wrong one, mean and
deviation over seeds of the slopes of the output changes, and how often a seed's 95 % interval
contains the slope of the mean logarithm (smooth, pair, shuffle). Kinds with * are borderline:
at these depths their slopes are near those of another limit.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from resdepth.mathematics.function_limit import FunctionLimit
from resdepth.mathematics.interventions import INTERVENTIONS
from tests.support.function_kinds import FUNCTIONS, judged, measured

SHALLOWEST = 16


def slopes(found: FunctionLimit) -> str:
    """Mean and deviation over seeds of the three slopes, as cells of a row."""
    cells = []
    for name in INTERVENTIONS:
        values = [seed.slopes[name].value for seed in found.by_seed.values()]
        known = [value for value in values if np.isfinite(value)]
        # Some interventions change nothing: spikes alone in their blocks may be shuffled.
        cells.append(f"{np.mean(known):.2f} ± {np.std(known):.2f}" if known else "–")
    return " | ".join(cells)


def coverage(found: FunctionLimit, depths: list[int]) -> str:
    """How often each interval contains the slope of the mean logarithm over the seeds, in %."""
    cells, x = [], np.log(depths)
    for name in INTERVENTIONS:
        logs = np.log([seed.changes[name] for seed in found.by_seed.values()])
        if not np.all(np.isfinite(logs)):
            cells.append("–")
            continue
        truth = np.polyfit(x, logs.mean(0), 1)[0]
        laws = [seed.slopes[name] for seed in found.by_seed.values()]
        inside = sum(law.low <= truth <= law.high for law in laws)
        cells.append(f"{100 * inside / len(laws):.0f}")
    return ", ".join(cells)


def others(found: FunctionLimit, limit: str) -> str:
    """The wrong verdicts and their numbers."""
    counts = Counter(seed.verdict for seed in found.by_seed.values())
    return ", ".join(
        f"{n} {kind}" for kind, n in counts.items() if kind not in (limit, "undecided")
    )


def main() -> None:
    """Measure and print one row per kind."""
    parser = argparse.ArgumentParser(description="Error rates of the verdict on the function.")
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--deepest", type=int, default=1024)
    arguments = parser.parse_args()
    doublings = (arguments.deepest // SHALLOWEST).bit_length()
    depths = [SHALLOWEST << k for k in range(doublings)]
    print("| kind | right | undecided | wrong | smooth | pair | shuffle | coverage, % | study |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, kind in FUNCTIONS.items():
        found = measured(kind, depths, arguments.seeds)
        counts = judged(kind, found)
        label = f"{name}{' *' if kind.borderline else ''} ({kind.limit})"
        which = others(found, kind.limit)
        wrong = f"{counts['wrong']} ({which})" if which else "0"
        shown = f"{counts['right']} | {counts['undecided']} | {wrong}"
        inside = coverage(found, depths)
        print(f"| {label} | {shown} | {slopes(found)} | {inside} | {found.verdict} |", flush=True)


if __name__ == "__main__":
    main()
