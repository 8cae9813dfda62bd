"""What all benchmarks share: interleaved timing, the machine's peak, one CSV of results."""

import csv
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent
FIGURES = FOLDER / "figures"


# A turn lasts this long, or one call.
TURN_SECONDS = 0.05


def interleaved(
    functions: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    seconds: float = 20.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median seconds of each function, in turns A B C A B C …, after one warm-up each.

    Neighbouring turns see the same state of a noisy machine, so that their ratios hold. A turn
    begins with a call that does not count: the threads of the function before still wait for more
    work, in a busy loop, when it begins. Turns end early once `seconds` have passed, but not before
    two rounds. `clock` may be `time.thread_time` where all the work is this thread's own.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    began = time.perf_counter()
    for number in range(rounds):
        if number >= 2 and time.perf_counter() - began > seconds:
            break
        for name, function in functions.items():
            function()
            turn = time.perf_counter()
            while True:
                start = clock()
                function()
                times[name].append(clock() - start)
                if time.perf_counter() - turn > TURN_SECONDS:
                    break
    return {name: statistics.median(values) for name, values in times.items()}


def fma_peak() -> tuple[float, float]:
    """GFLOP/s of one thread in float32 and float64, by a loop of multiply-adds; 0 without rustc."""
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "peak"
        build = [
            "rustc",
            "-O",
            "-C",
            "target-cpu=native",
            "-o",
            str(binary),
            str(FOLDER / "peak.rs"),
        ]
        try:
            subprocess.run(build, check=True, capture_output=True)
            answer = subprocess.run([str(binary)], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError):
            return 0.0, 0.0
    single, double = (float(part) for part in answer.stdout.split())
    return single, double


def processor() -> str:
    """Name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")


def append(name: str, rows: Sequence[Mapping[str, object]]) -> Path:
    """Append rows to `<name>.csv`, each with machine and time; all rows share their columns."""
    path = FOLDER / f"{name}.csv"
    stamp = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "machine": processor()}
    new = not path.exists()
    with path.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, [*stamp, *rows[0]])
        if new:
            writer.writeheader()
        writer.writerows({**stamp, **row} for row in rows)
    return path
