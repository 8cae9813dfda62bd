"""The p-variation core against the established methods, in one run on one thread.

The baselines, written afresh in ``rust-pvar/examples/compare``, are the recursion with block radii
and, in R, the method of Butkus and Norvaisa. Times are processor time, best of several runs, so
that only their ratios depend on the machine. Every run is appended to ``pvar.csv`` beside it.

    python benchmarks/bench_pvar.py [--level avx2] [--weights PATH.npy ...] [--only brownian,2000]

``--weights`` takes what ``examples/weights_for_pvar.py`` writes and asks for the three exponents
that training logs, in one call. Memory is the most that a first call holds at once beyond the path,
in sizes of the path.
"""

import argparse
import csv
import datetime
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).with_name("pvar.csv")

# (path, n, d, p) -> least ratio, goal. In R every row needs 1.
PROFILE = "1.05 1.3 1.6 1.85 2.1 2.4 2.65 2.95"
TARGETS = {
    ("smooth", 2000, 225, "2"): (20, 35),
    ("smooth", 10000, 225, "2"): (75, 120),
    ("brownian", 2000, 225, "2"): (30, 50),
    ("brownian", 10000, 225, "2"): (45, 80),
    ("brownian", 2000, 225, "1.5"): (3, 8),
    ("iid", 2000, 225, "1.5"): (3, 8),
    ("iid", 2000, 225, "2"): (3, 8),
    ("iid", 2000, 225, "3"): (3, 8),
    ("line", 2000, 225, "1"): (1000, 3000),
    ("smooth", 2000, 225, PROFILE): (9, 30),
    ("brownian", 2000, 225, PROFILE): (14, 30),
}
WEIGHTS = "2 1.5 1"
NAMES = {PROFILE: "8 of them", WEIGHTS: "2, 1.5, 1"}
# Trained weights of 1000 layers: the step of training that one call must not hold up, and its goal.
STEP_MS, STEP_GOAL_MS = 17.0, 1.7
# Beyond the input: so many times its size, or the work space that a short path does not repay.
MEMORY, WORK_SPACE = 2.0, 100_000


def build() -> Path:
    """Compile the comparison in release mode; its path."""
    crate = ROOT / "rust-pvar"
    command = ["cargo", "build", "--release", "--quiet", "--example", "compare"]
    subprocess.run(command, cwd=crate, check=True)
    return crate / "target" / "release" / "examples" / "compare"


def weight_arguments(files: list[Path], folder: Path) -> list[str]:
    """Weights as raw doubles for the comparison, with their shapes."""
    arguments = []
    for index, file in enumerate(files):
        path = np.load(file, allow_pickle=False).astype(np.float64)
        path = path.reshape(len(path), -1)
        raw = folder / f"{index}.bin"
        path.tofile(raw)
        arguments += ["--data", file.stem, str(raw), str(len(path)), str(path.shape[1])]
    return arguments


def verdict(row: dict[str, str], share: float) -> str:
    """What is asked of a row, the `share` of the full ratio, and whether it fell short."""
    key = (row["path"], int(row["n"]), int(row["d"]), row["p"])
    least, goal = TARGETS.get(key, (1, 3) if row["d"] == "1" else (None, None))
    held = float(row["memory"])
    if held > MEMORY and held * int(row["n"]) * int(row["d"]) * 8 > WORK_SPACE:
        return f"memory at most {MEMORY:g}  MISSED"
    if row["p"] == WEIGHTS:
        return f"a step takes {STEP_MS:g} ms, goal {STEP_GOAL_MS:g}" if row["n"] == "1000" else ""
    if least is None:
        return ""
    least, goal = share * least, share * goal
    missed = "  MISSED" if float(row["ratio"]) < least else ""
    return f"least {least:g}, goal {goal:g}{missed}"


def show(row: dict[str, str], share: float) -> None:
    """One line of the table, with the ratio asked for."""
    print(
        f"{row['path']:>16} {row['n']:>6} R^{row['d']:<3} p = {NAMES.get(row['p'], row['p']):<9}"
        f" {float(row['ours_ms']):9.3f} ms {float(row['baseline_ms']):10.3f} ms"
        f" {float(row['ratio']):8.2f}x  error {row['error']}  memory {row['memory']}"
        f"  {verdict(row, share)}",
        flush=True,
    )


def record(rows: list[dict[str, str]], machine: str) -> None:
    """Append the rows to the history."""
    stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    extra = {"time": stamp, "machine": platform.machine(), "peak": machine}
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, [*extra, *rows[0]])
        if new:
            writer.writeheader()
        writer.writerows({**extra, **row} for row in rows)


def main() -> int:
    """Build, run, print, record; 1 if a target was missed or a value is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--level", help="portable, avx2, avx512 or neon")
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="(L, ...) arrays, .npy")
    parser.add_argument("--only", default="", help="rows whose name holds this, such as line,2000")
    options = parser.parse_args()
    # Without AVX-512 half of each ratio is asked for.
    share = 0.5 if options.level in {"avx2", "portable", "neon"} else 1.0
    binary = build()
    with tempfile.TemporaryDirectory() as folder:
        command = [str(binary), *weight_arguments(options.weights, Path(folder))]
        command += ["--only", options.only]
        if options.level:
            command += ["--level", options.level]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        machine = next(process.stdout).removeprefix("# ").strip()
        print(machine)
        names = next(process.stdout).strip().split(",")
        rows = []
        for line in process.stdout:
            rows.append(dict(zip(names, line.strip().split(","), strict=True)))
            show(rows[-1], share)
        if process.wait() != 0 or not rows:
            return 1
    record(rows, machine)
    return int(any(float(row["error"]) > 1e-12 for row in rows))


if __name__ == "__main__":
    sys.exit(main())
