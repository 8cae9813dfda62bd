"""How often `curvefit` finds the power law that made its data: event files, seed after seed.

    python benchmarks/recover_decay.py [--seeds 100] [--window-size 27]

Each seed writes an event file of 2000 points C / (t + T0)^rho with 2 % noise and one spike (times
3 or 1/3) in every fourth window after the first, and counts as recovered where C, T0 and rho lie
within 3 standard errors of what made the data. Once T0 is inferred (3 to 80), once it is 1.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from resdepth.analysis.fits import CurveFit, Filters, fit_file

TAG = "avg_grad_norm"
POINTS = 2000


def write(folder: Path, seed: int, window: int, shift: float | None) -> tuple[float, ...]:
    """Write the events of one seed; return C, T0 and rho."""
    random = np.random.default_rng(seed)
    c, rho = random.uniform(0.1, 10.0), random.uniform(0.5, 2.0)
    t0 = random.uniform(3.0, 80.0) if shift is None else shift
    t = np.arange(1.0, POINTS + 1)
    y = c / (t + t0) ** rho * (1 + 0.02 * random.standard_normal(POINTS))
    for number in range(4, POINTS // window, 4):
        y[window * number + random.integers(window)] *= random.choice([3.0, 1 / 3])
    with SummaryWriter(folder) as writer:
        for step, value in enumerate(y):
            writer.add_scalar(TAG, value, step)
    return c, t0, rho


def recovered(curve: CurveFit, truth: tuple[float, ...]) -> bool:
    """Whether every parameter lies within 3 standard errors."""
    fit = curve.fit
    found = zip((fit.C, fit.T0, fit.rho), truth, strict=True)
    return fit.identified and all(abs(e.value - x) <= 3 * e.standard_error for e, x in found)


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description="Recovery of a power law by curvefit.")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--window-size", type=int, default=27)
    arguments = parser.parse_args()
    for shift in (None, 1.0):
        count = 0
        for seed in range(arguments.seeds):
            with tempfile.TemporaryDirectory() as folder:
                truth = write(Path(folder), seed, arguments.window_size, shift)
                curve = fit_file(Path(folder), TAG, Filters(arguments.window_size), shift)
                count += recovered(curve, truth)
        how = "T0 inferred" if shift is None else f"T0 = {shift:g}"
        print(f"{how}: {count} of {arguments.seeds} recovered")


if __name__ == "__main__":
    main()
