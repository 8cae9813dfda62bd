"""One full-batch step on the GPU: torch in three ways against our kernels, in one run.

    python benchmarks/bench_gpu.py [--samples 2048 12500] [--width 15 32]
        [--depth 100 1000 2000 10000] [--precision ieee] [--variant shipped]
        [--tiles | --latency | --replicas 5 | --check]

| way     | what                                                                        |
|---------|-----------------------------------------------------------------------------|
| eager   | autograd over torch operations, as one writes it                            |
| graph   | the same captured in a CUDA graph: no Python, no launch latency             |
| compile | the same under torch.compile, then captured                                  |
| cuda    | our engine, called from Python                                              |
| step    | our engine with update and counts as one CUDA graph, as training runs it    |

All but `step` are loss and gradient; ratios are against `step`. A way is left out, with its reason,
where its memory would not fit or its compilation would not end: autograd keeps 2 N d L numbers and
its temporaries, and torch.compile unrolls every layer. Shares are of the device's float32 peak and
memory bandwidth. Experiments in place of the comparison:

| flag             | what                                                                       |
|------------------|----------------------------------------------------------------------------|
| `--tiles`        | our step for every tile size, number of warps and of stages (first case)   |
| `--latency`      | the time of one layer: one tile of 16 samples at every depth               |
| `--replicas R`   | R networks in one step against R steps, every case                         |
| `--variant NAME` | another walk through the layers (`gpu_variants.py`), with all of the above |
| `--check`        | the gradient of every augmentation against autograd in float64, untimed;   |
|                  | without a device in Triton's interpreter                                   |
"""

import argparse
import gc
import itertools
import math
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

if not torch.cuda.is_available():
    # Triton decides when it is first imported.
    os.environ.setdefault("TRITON_INTERPRET", "1")

import gpu_variants
from common import append

from resdepth.engine import capture
from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.contract import Batch, Engine, Request
from resdepth.engine.kernels import cuda, tiling
from resdepth.engine.kernels.graphed import GraphedStep
from resdepth.engine.loss import CrossEntropy
from resdepth.engine.network import Network

OURS, THEIRS = ("step", "cuda"), ("eager", "graph", "compile")
OUTPUTS = 10
LARGEST_TO_COMPILE = 100
"""Layers that torch.compile unrolls within minutes."""
AUTOGRAD_NUMBERS = 3
AUGMENTATIONS = ("skip", "none", "linear_skip", "inc_skip")
CHECKED = 1e-5
"""Largest error of a gradient in float32, relative to its norm."""
# Cores of a multiprocessor by compute capability; H100 and H200 have 128.
_LANES = {(8, 0): 64}


@dataclass(frozen=True)
class Case:
    """N samples through L layers of width d, tanh and skip."""

    samples: int
    width: int
    depth: int

    @property
    def flop(self) -> float:
        """6 N d^2 L: one product forward, two back."""
        return 6.0 * self.samples * self.width**2 * self.depth

    def __str__(self) -> str:
        return f"N={self.samples} d={self.width} L={self.depth}"


@dataclass(frozen=True)
class Device:
    """What the device can do: FLOP/s in float32 outside the tensor cores, bytes/s, bytes."""

    name: str
    flops: float
    bandwidth: float
    memory: int


def device() -> Device:
    """The current device; peaks from clocks, lanes and bus, NaN where torch does not tell them."""
    properties = torch.cuda.get_device_properties(0)
    lanes = _LANES.get((properties.major, properties.minor), 128)
    clock, memory_clock, bus = (
        getattr(properties, name, math.nan)
        for name in ("clock_rate", "memory_clock_rate", "memory_bus_width")
    )
    flops = 2.0 * lanes * properties.multi_processor_count * clock * 1e3
    bandwidth = 2.0 * memory_clock * 1e3 * bus / 8
    return Device(properties.name, flops, bandwidth, properties.total_memory)


def problem(
    case: Case, augmentation: str = "skip", replicas: tuple[int, ...] = (), device: str = "cuda"
) -> tuple[Network, Tensor, Tensor]:
    """Random weights of the size that training has, random data."""
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=device)

    blocks = draw(*replicas, case.depth, case.width, case.width) * 0.3 / case.width**0.5
    readin, readout = draw(case.width, 1), draw(OUTPUTS, case.width)
    network = Network(blocks, readin, readout, 0.75, "tanh", augmentation, CrossEntropy())
    targets = torch.randint(0, OUTPUTS, (case.samples,), generator=generator, device=device)
    return network, draw(case.samples, case.width), targets


def engine_for(case: Case, precision: str) -> Engine:
    """Ours on the first device."""
    place = torch.device("cuda", 0)
    return cuda.create(Request(place, torch.float32, 1, precision))


LossOf = Callable[[Tensor], Tensor]


def written_in_torch(
    network: Network, h0: Tensor, targets: Tensor
) -> tuple[LossOf, Callable[[LossOf], Tensor]]:
    """The loss of the weights, and the gradient of such a function by autograd."""
    blocks = network.blocks.clone().requires_grad_()
    delta, readout = network.delta, network.readout

    def loss(weights: Tensor) -> Tensor:
        h = h0
        for block in weights.unbind(0):
            h = torch.add(h, torch.tanh(h @ block.T), alpha=delta)
        return torch.nn.functional.cross_entropy(h @ readout.T, targets)

    def gradient(function: LossOf) -> Tensor:
        return torch.autograd.grad(function(blocks), blocks)[0]

    return loss, gradient


Way = Callable[[], object]


def ways(case: Case, machine: Device, precision: str) -> Iterator[tuple[str, Way | str]]:
    """What is to be timed, one after another by name, or why it cannot be."""
    network, h0, targets = problem(case)
    engine = engine_for(case, precision)
    step = GraphedStep(engine, network, h0, targets)
    yield "step", lambda: step.advance(0.0)
    yield "cuda", lambda: engine.loss_and_gradient(Batch(network, h0, targets))
    loss, gradient = written_in_torch(network, h0, targets)
    kept = 4.0 * AUTOGRAD_NUMBERS * case.samples * case.width * case.depth
    # A captured way and a plain one hold theirs at once, torch's as ours.
    if 2 * kept + traffic(case) > 0.9 * machine.memory:
        yield from dict.fromkeys(("eager", "graph"), f"needs some {kept / 1e9:.0f} GB").items()
    else:
        check(gradient(loss), engine.loss_and_gradient(Batch(network, h0, targets)).gradient)
        yield "eager", lambda: gradient(loss)
        yield "graph", capture.captured(lambda: gradient(loss))
    if case.depth > LARGEST_TO_COMPILE:
        yield "compile", f"unrolls {case.depth} layers"
    else:
        # Sizes that were compiled before would make the next ones variables, which run slower.
        torch._dynamo.reset()
        compiled = torch.compile(loss, dynamic=False)
        check(gradient(compiled), engine.loss_and_gradient(Batch(network, h0, targets)).gradient)
        yield "compile", capture.captured(lambda: gradient(compiled))


def prepared(case: Case, machine: Device, precision: str) -> tuple[dict[str, Way], dict[str, str]]:
    """What can be timed, and why the rest cannot; torch's ways may fail, ours may not."""
    found: dict[str, Way] = {}
    refused: dict[str, str] = {}
    try:
        for name, way in ways(case, machine, precision):
            if isinstance(way, str):
                refused[name] = way
                continue
            if name not in OURS:
                way()
            found[name] = way
    except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
        if not found.keys() >= set(OURS):
            raise
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        for name in THEIRS:
            if name not in found:
                refused.setdefault(name, reason)
    return found, refused


def check(torchs: Tensor, ours: Tensor | None) -> None:
    """Stop a benchmark of something else than the same gradient."""
    if ours is None or (torchs - ours).norm() > 1e-2 * torchs.norm():
        raise SystemExit("the engine's gradient is not torch's: this case was not timed")


def seconds(functions: Mapping[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """Median seconds of each, by device events, in turn; each timing repeats for 50 ms or so."""
    repeats = {}
    for name, function in functions.items():
        function()
        repeats[name] = max(1, min(200, int(0.05 / timed(function, 1))))
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            times[name].append(timed(function, repeats[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def timed(function: Callable[[], object], repeats: int) -> float:
    """Seconds a call."""
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    first.record()
    for _ in range(repeats):
        function()
    last.record()
    last.synchronize()
    return float(first.elapsed_time(last)) / 1e3 / repeats


def traffic(case: Case) -> float:
    """Bytes that our step moves through the device's memory: kept layers and parts, out and in."""
    machine = cuda.machine_of(torch.device("cuda", 0))
    plan = tiling.tiling(tiling.Shape(case.samples, case.width, case.depth, 1, 4), machine)
    kept = 0 if plan.recompute else plan.tiles * plan.tile * plan.width
    return 8.0 * case.depth * (kept + plan.parts * plan.width**2)


def compare(case: Case, machine: Device, precision: str) -> dict[str, object]:
    """Time one case, print its line, return its row."""
    functions, refused = prepared(case, machine, precision)
    times = seconds(functions)
    ours = times["step"]
    shares = case.flop / ours / machine.flops, traffic(case) / ours / machine.bandwidth
    parts = [f"{case!s:24} step {1e3 * ours:8.3f} ms"]
    for name in ("cuda", *THEIRS):
        if name in times:
            parts.append(f"{name} {1e3 * times[name]:8.3f} ms ({times[name] / ours:5.1f}x)")
        else:
            parts.append(f"{name} - ({refused[name]})")
    parts.append(f"{100 * shares[0]:.0f} % of peak FLOP, {100 * shares[1]:.0f} % of bandwidth")
    print("  ".join(parts), flush=True)
    milliseconds = {f"{name}_ms": 1e3 * times.get(name, math.nan) for name in (*OURS, *THEIRS)}
    return {
        "device": machine.name, "samples": case.samples, "width": case.width,
        "depth": case.depth, "precision": precision, **milliseconds,
        "flop_share": shares[0], "bandwidth_share": shares[1],
    }  # fmt: skip


def tiles(case: Case, precision: str) -> None:
    """Time our step for every tile size, number of warps and of loads under way."""
    network, h0, targets = problem(case)
    table = dict(tiling.TILES)
    width = min(width for width in tiling.WIDTHS if width >= case.width)
    for tile, warps, stages in itertools.product((16, 32, 64), (1, 2, 4, 8), (1, 2, 3)):
        tiling.TILES[width] = ((tile, warps, 0),)
        engine = Staged(cuda.machine_of(h0.device), precision, stages)
        try:
            step = GraphedStep(engine, network, h0, targets)
            took = seconds({"step": lambda step=step: step.advance(0.0)})["step"]  # type: ignore[misc]
            result = f"{1e3 * took:.3f} ms"
        except Exception as error:  # too much shared memory, or registers: the next one may fit
            result = type(error).__name__
        print(f"{case} tile {tile:2} warps {warps} stages {stages}: {result}", flush=True)
        tiling.TILES.update(table)


class Staged(cuda.CudaEngine):
    """Ours with so many loads of a loop under way at once."""

    def __init__(self, machine: tiling.Machine, precision: str, stages: int) -> None:
        super().__init__(machine, precision)
        self.stages = stages

    def _forward(self, batch: Any, *rest: Any) -> None:
        batch.codes["num_stages"] = self.stages
        super()._forward(batch, *rest)


def latency(width: int, depths: list[int], precision: str) -> None:
    """The time of one layer where nothing but its latency counts: one tile, at every depth."""
    found = []
    for depth in depths:
        case = Case(16, width, depth)
        network, h0, targets = problem(case)
        step = GraphedStep(engine_for(case, precision), network, h0, targets)
        found.append(seconds({"step": lambda step=step: step.advance(0.0)})["step"])  # type: ignore[misc]
        print(f"{case}: {1e3 * found[-1]:.3f} ms, {1e9 * found[-1] / depth:.0f} ns a layer")
    if len(depths) > 1:
        slope = (found[-1] - found[0]) / (depths[-1] - depths[0])
        print(f"{1e9 * slope:.0f} ns for a layer more, forward and back", flush=True)


def replicas(case: Case, count: int, precision: str) -> None:
    """`count` networks in one call, captured, against as many calls."""
    engine = engine_for(case, precision)
    network, h0, targets = problem(case, replicas=(count,))
    single = network.with_blocks(network.blocks[0].contiguous())
    calls = {
        "together": capture.captured(lambda: engine.loss_and_gradient(Batch(network, h0, targets))),
        "one": capture.captured(lambda: engine.loss_and_gradient(Batch(single, h0, targets))),
    }
    times = seconds(calls)
    ratio = count * times["one"] / times["together"]
    print(
        f"{case}: {count} together {1e3 * times['together']:.3f} ms, {count} x one "
        f"{1e3 * count * times['one']:.3f} ms ({ratio:.2f}x)",
        flush=True,
    )


def check_gradients(case: Case, precision: str) -> None:
    """Every augmentation's gradient against autograd in float64; the first that is off stops."""
    there = torch.cuda.is_available()
    device = "cuda" if there else "cpu"
    machine = (
        cuda.machine_of(torch.device("cuda", 0)) if there else tiling.Machine(1, 1 << 33, 1 << 18)
    )
    engine = cuda.CudaEngine(machine, precision)
    for augmentation in AUGMENTATIONS:
        network, h0, targets = problem(case, augmentation, device=device)
        ours = engine.loss_and_gradient(Batch(network, h0, targets)).gradient
        wide = network.to("cpu", torch.float64)
        right = (
            ReferenceEngine()
            .loss_and_gradient(Batch(wide, h0.cpu().double(), targets.cpu()))
            .gradient
        )
        if ours is None or right is None:
            raise SystemExit(f"{augmentation}: no gradient")
        error = float((ours.cpu().double() - right).norm() / right.norm())
        print(f"{case} {augmentation:12} {precision}: relative error {error:.1e}", flush=True)
        if not error <= CHECKED:
            raise SystemExit(f"{augmentation}: more than {CHECKED:g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[2048, 12500])
    parser.add_argument("--width", type=int, nargs="+", default=[15, 32])
    parser.add_argument("--depth", type=int, nargs="+", default=[100, 1000, 2000, 10_000])
    parser.add_argument("--precision", default="ieee", choices=cuda.PRECISIONS)
    parser.add_argument("--variant", default="shipped", choices=gpu_variants.VARIANTS)
    experiment = parser.add_mutually_exclusive_group()
    experiment.add_argument("--tiles", action="store_true")
    experiment.add_argument("--latency", action="store_true")
    experiment.add_argument("--replicas", type=int)
    experiment.add_argument("--check", action="store_true")
    given = parser.parse_args()
    gpu_variants.use(given.variant)
    cases = [Case(*sizes) for sizes in itertools.product(given.samples, given.width, given.depth)]
    if given.check:
        check_gradients(cases[0], given.precision)
    elif not torch.cuda.is_available():
        print("bench_gpu: skipped, there is no CUDA device here (--check runs without one)")
        sys.exit(0)
    elif given.tiles:
        tiles(cases[0], given.precision)
    elif given.latency:
        latency(given.width[0], sorted(given.depth), given.precision)
    elif given.replicas:
        for case in cases:
            replicas(case, given.replicas, given.precision)
    else:
        compare_all(cases, given.precision, given.variant)


def compare_all(cases: list[Case], precision: str, variant: str) -> None:
    """Every case against torch, written case by case: a later one may need too much memory."""
    torch.set_float32_matmul_precision("highest")
    machine = device()
    print(
        f"{machine.name}: {machine.flops / 1e12:.0f} TFLOP/s, {machine.bandwidth / 1e12:.2f} TB/s"
    )
    for case in cases:
        path = append("gpu", [{**compare(case, machine, precision), "variant": variant}])
        gc.collect()
        torch.cuda.empty_cache()
    print(path)


if __name__ == "__main__":
    main()
