"""Cells a second of a loss surface, for every engine that runs here, by cells in a call.

    python benchmarks/bench_landscape.py [--depth 64] [--width 15] [--samples 1437]
                                         [--device cpu] [--threads 2] [--rounds 5] [--append]

"one at a time" evaluates a cell a call; "batched" is what `landscape render` does, with the batch
that it chooses for this size. Ratios are against a loop of torch forward passes, in one run.
"""

import argparse

import numpy as np
import torch
from common import append, interleaved

from resdepth.engine.contract import Engine, Request
from resdepth.engine.kernels.registry import ENGINES
from resdepth.engine.loss import CrossEntropy
from resdepth.engine.network import Network
from resdepth.engine.surface import Plane, batch_size, surface
from resdepth.engine.threads import leave_threads_to
from resdepth.mathematics.activation import ACTIVATIONS

BASELINE = ("torch", "one at a time")


def forward_passes(network: Network, h0, targets, plane: Plane, coordinates: np.ndarray) -> None:
    """The surface as one writes it in torch: weights, forward pass and loss of a cell, in turn."""
    directions = plane.directions.to(network.blocks)
    sigma = ACTIVATIONS[network.activation].value
    with torch.no_grad():
        for x, y in coordinates.tolist():
            h = h0
            for block in network.blocks + x * directions[0] + y * directions[1]:
                h = h + network.delta * sigma(h @ block.T)
            torch.nn.functional.cross_entropy(h @ network.readout.T, targets).item()


def problem(depth: int, width: int, samples: int, device: str):
    """A network like a trained one, embedded data, and two random directions."""
    random = torch.Generator().manual_seed(0)
    blocks = torch.randn(depth, width, width, generator=random) / width
    readin = torch.randn(width, 64, generator=random) / 8
    readout = torch.randn(10, width, generator=random) / width**0.5
    network = Network(blocks, readin, readout, 0.75, "tanh", "skip", CrossEntropy())
    h0 = torch.randn(samples, width, generator=random).to(device)
    targets = torch.randint(0, 10, (samples,), generator=random).to(device)
    drawn = torch.randn(2, *blocks.shape, generator=random, dtype=torch.float64)
    plane = Plane(blocks.double(), drawn / width)
    return network.to(device, torch.float32), h0, targets, plane


def engines(arguments: argparse.Namespace) -> dict[str, Engine]:
    """Those that run here; the others say why not."""
    request = Request(
        torch.device(arguments.device),
        torch.float32,
        "tanh",
        "skip",
        arguments.width,
        arguments.threads,
    )
    found = {}
    for name, info in ENGINES.items():
        reason = info.refusal(request) if info.automatic else "the oracle is not timed"
        if reason is None:
            found[name] = info.create(request)
        else:
            print(f"{name}: {reason}")
    return found


def main() -> None:
    """Time, print, and append to the table where asked."""
    parser = argparse.ArgumentParser(description="Cells a second of a loss surface.")
    parser.add_argument("--depth", type=int, default=64)
    parser.add_argument("--width", type=int, default=15)
    parser.add_argument("--samples", type=int, default=1437)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--append", action="store_true", help="add the rows to landscape.csv")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    network, h0, targets, plane = problem(
        arguments.depth, arguments.width, arguments.samples, arguments.device
    )
    batch = batch_size(network, arguments.samples)
    cells = 4 * batch
    coordinates = np.random.default_rng(0).uniform(-1, 1, (cells, 2))

    def evaluate(engine: Engine, size: int) -> None:
        torch.set_num_threads(arguments.threads)
        leave_threads_to(engine)
        todo = np.zeros(cells, dtype=bool)
        for _ in surface(engine, network, h0, targets, plane, coordinates, todo, size):
            pass

    sizes = {"one at a time": 1, "batched": batch}
    functions = {
        (name, how): (lambda engine=engine, size=size: evaluate(engine, size))
        for name, engine in engines(arguments).items()
        for how, size in sizes.items()
    }

    def loop() -> None:
        torch.set_num_threads(arguments.threads)
        forward_passes(network, h0, targets, plane, coordinates)

    functions[BASELINE] = loop
    times = interleaved(functions, rounds=arguments.rounds, seconds=120)
    rows = []
    for (name, how), seconds in times.items():
        ratio = times[BASELINE] / seconds
        pace = cells / seconds
        print(
            f"{name:8s} {how:14s} {pace:9.1f} cells/s  {1e3 / pace:7.3f} ms a cell  {ratio:5.1f}x"
        )
        rows.append({
            "depth": arguments.depth, "width": arguments.width, "samples": arguments.samples,
            "device": arguments.device, "threads": arguments.threads, "engine": name, "how": how,
            "batch": sizes[how], "cells_per_second": round(pace, 2), "ratio": round(ratio, 3),
        })  # fmt: skip
    if arguments.append:
        print(append("landscape", rows))


if __name__ == "__main__":
    main()
