"""What the benchmarks claim to time, on sizes that a test has time for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
SMALL = ("--check", "--samples", "40", "--width", "5", "--depth", "4")


@pytest.mark.long
@pytest.mark.parametrize("variant", ["shipped", "prefetch"])
def test_variants_of_the_gpu_kernels_have_the_gradient_of_autograd(variant: str) -> None:
    pytest.importorskip("triton")
    command = [sys.executable, str(BENCHMARKS / "bench_gpu.py"), *SMALL, "--variant", variant]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TRITON_INTERPRET": "1"}
    ended = subprocess.run(command, env=hidden, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    errors = [float(line.rsplit(" ", 1)[1]) for line in ended.stdout.splitlines()]
    assert len(errors) == 4 and all(0.0 < error < 1e-6 for error in errors)


@pytest.mark.long
@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_landscapes_are_timed(network: str) -> None:
    small = ["--samples", "9", "--depth", "8", "--width", "4", "--rounds", "2", "--seconds", "1"]
    script = str(BENCHMARKS / "bench_landscape.py")
    command = [sys.executable, script, "--network", network, "--threads", "1", *small]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    paces = [line for line in ended.stdout.splitlines() if "cells/s" in line]
    assert paces[0].startswith("torch") and paces[0].endswith("1.00x") and len(paces) >= 3
