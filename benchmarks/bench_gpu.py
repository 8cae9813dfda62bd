"""One full-batch step on the GPU: torch in three ways against our kernels, in one run.

    python benchmarks/bench_gpu.py [--samples 2048 12500] [--width 15 32]
        [--depth 100 1000 2000 10000] [--precision ieee] [--tiles]

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
memory bandwidth; `--tiles` times every tile size and number of warps for the first case instead.
"""

import argparse
import gc
import itertools
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from common import append
from torch import Tensor

from resdepth.engine import capture
from resdepth.engine.contract import Request
from resdepth.engine.kernels import cuda, tiling
from resdepth.engine.kernels.graphed import GraphedStep
from resdepth.engine.loss import CrossEntropy
from resdepth.engine.network import Network

OURS, THEIRS = ("step", "cuda"), ("eager", "graph", "compile")
OUTPUTS = 10
LARGEST_TO_COMPILE = 100
"""Layers that torch.compile unrolls within minutes."""
AUTOGRAD_NUMBERS = 3
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


def problem(case: Case) -> tuple[Network, Tensor, Tensor]:
    """Random weights of the size that training has, random data."""
    generator = torch.Generator("cuda").manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device="cuda")

    blocks = draw(case.depth, case.width, case.width) * 0.3 / case.width**0.5
    network = Network(
        blocks, draw(case.width, 1), draw(OUTPUTS, case.width), 0.75, "tanh", "skip", CrossEntropy()
    )
    targets = torch.randint(0, OUTPUTS, (case.samples,), generator=generator, device="cuda")
    return network, draw(case.samples, case.width), targets


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
    engine = cuda.create(Request(h0.device, h0.dtype, "tanh", "skip", case.width, 1, precision))
    step = GraphedStep(engine, network, h0, targets)
    yield "step", lambda: step.advance(0.0)
    yield "cuda", lambda: engine.loss_and_gradient(network, h0, targets)
    loss, gradient = written_in_torch(network, h0, targets)
    kept = 4.0 * AUTOGRAD_NUMBERS * case.samples * case.width * case.depth
    # A captured way and a plain one hold theirs at once, torch's as ours.
    if 2 * kept + traffic(case) > 0.9 * machine.memory:
        yield from dict.fromkeys(("eager", "graph"), f"needs some {kept / 1e9:.0f} GB").items()
    else:
        check(gradient(loss), engine.loss_and_gradient(network, h0, targets).gradient)
        yield "eager", lambda: gradient(loss)
        yield "graph", capture.captured(lambda: gradient(loss))
    if case.depth > LARGEST_TO_COMPILE:
        yield "compile", f"unrolls {case.depth} layers"
    else:
        # Sizes that were compiled before would make the next ones variables, which run slower.
        torch._dynamo.reset()
        compiled = torch.compile(loss, dynamic=False)
        check(gradient(compiled), engine.loss_and_gradient(network, h0, targets).gradient)
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
    """Time our step for every tile size and number of warps."""
    network, h0, targets = problem(case)
    table = dict(tiling.TILES)
    width = tiling.padded_width(case.width)
    for tile, warps in itertools.product((16, 32, 64), (1, 2, 4, 8)):
        tiling.TILES[width] = ((tile, warps, 0),)
        engine = cuda.create(Request(h0.device, h0.dtype, "tanh", "skip", case.width, 1, precision))
        try:
            step = GraphedStep(engine, network, h0, targets)
            took = seconds({"step": lambda step=step: step.advance(0.0)})["step"]  # type: ignore[misc]
            print(f"{case} tile {tile:2} warps {warps}: {1e3 * took:.3f} ms", flush=True)
        except Exception as error:  # too much shared memory, or registers: the next one may fit
            print(f"{case} tile {tile:2} warps {warps}: {type(error).__name__}", flush=True)
        tiling.TILES.update(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[2048, 12500])
    parser.add_argument("--width", type=int, nargs="+", default=[15, 32])
    parser.add_argument("--depth", type=int, nargs="+", default=[100, 1000, 2000, 10_000])
    parser.add_argument("--precision", default="ieee", choices=cuda.PRECISIONS)
    parser.add_argument("--tiles", action="store_true")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        print("bench_gpu: skipped, there is no CUDA device here")
        sys.exit(0)
    torch.set_float32_matmul_precision("highest")
    cases = [Case(*sizes) for sizes in itertools.product(given.samples, given.width, given.depth)]
    if given.tiles:
        tiles(cases[0], given.precision)
        return
    machine = device()
    print(
        f"{machine.name}: {machine.flops / 1e12:.0f} TFLOP/s, {machine.bandwidth / 1e12:.2f} TB/s"
    )
    for case in cases:
        # Written case by case: a later one may need more than the machine has.
        path = append("gpu", [compare(case, machine, given.precision)])
        gc.collect()
        torch.cuda.empty_cache()
    print(path)


if __name__ == "__main__":
    main()
