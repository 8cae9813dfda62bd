"""Cells a second of a loss surface: every engine, lines and paths, and what others take.

    python benchmarks/bench_landscape.py [--depth 64] [--width 15] [--samples 1437]
                                         [--network dense|convolutional] [--device cpu]
                                         [--threads 2] [--rounds 5] [--seconds 120] [--append]

"one at a time" evaluates a cell a call; "batched" is what `landscape render` does, with the batch
that it chooses for this size; "line" is one direction, "path" single vectors, as the checkpoints of
`landscape trajectory` are: both go through the same batches. Ratios are against a loop of torch
forward passes, in one run. loss-landscape-3d (extra `bench`) evaluates the same network, as a
module, by its own calculator; where it is not installed it is left out. A convolutional network has
the depth --depth, 6n + 2, and images of 32 x 32 pixels.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from common import append, interleaved
from torch import Tensor, nn

from resdepth.engine.contract import Engine, Request
from resdepth.engine.convolutional_objective import ConvolutionalObjective
from resdepth.engine.kernels.registry import ENGINES, leave_threads_to
from resdepth.engine.loss import CrossEntropy
from resdepth.engine.network import Network
from resdepth.engine.objective import DenseObjective, Objective, Plane, along, surface
from resdepth.engine.resnet import ResNet, initialise
from resdepth.mathematics.activation import ACTIVATIONS

BASELINE = ("torch", "one at a time")
Timed = dict[tuple[str, str], tuple[Callable[[], object], int]]
"""What is timed, and how many cells it evaluates."""


class Dense(nn.Module):
    """The dense network as one writes it: its blocks are the parameters."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.blocks = nn.ParameterList(nn.Parameter(block.clone()) for block in network.blocks)
        self.sigma, self.delta = ACTIVATIONS[network.activation].value, network.delta
        self.register_buffer("readout", network.readout, persistent=False)

    def forward(self, h: Tensor) -> Tensor:
        """Logits of embedded data."""
        for block in self.blocks:
            h = h + self.delta * self.sigma(h @ block.T)
        return h @ self.readout.T


def loop(
    module: nn.Module, inputs: Tensor, targets: Tensor, ways: Tensor, cells: np.ndarray
) -> None:
    """The surface as one writes it in torch: weights, forward pass and loss of a cell, in turn."""
    parameters = list(module.parameters())
    sizes = [parameter.numel() for parameter in parameters]
    centre = torch.cat([parameter.detach().flatten() for parameter in parameters])
    with torch.no_grad():
        for x, y in cells.tolist():
            moved = torch.split(centre + x * ways[0] + y * ways[1], sizes)
            for parameter, part in zip(parameters, moved, strict=True):
                parameter.copy_(part.view_as(parameter))
            nn.functional.cross_entropy(module(inputs), targets).item()
        for parameter, part in zip(parameters, torch.split(centre, sizes), strict=True):
            parameter.copy_(part.view_as(parameter))


def of_others(
    module: nn.Module, inputs: Tensor, targets: Tensor, ways: Tensor, cells: int
) -> Callable[[], object] | None:
    """The same number of cells by loss-landscape-3d, along the same directions."""
    try:
        from loss_landscape_3d import LossLandscapeCalculator
    except ImportError:
        print("loss-landscape-3d: not installed (pip install 'resdepth[bench]')")
        return None
    names, sizes = zip(*((n, p.numel()) for n, p in module.named_parameters()), strict=True)
    shapes = [parameter.shape for parameter in module.parameters()]
    first, second = (
        {n: part.view(s) for n, part, s in zip(names, torch.split(way, sizes), shapes, strict=True)}
        for way in ways
    )
    calculator = LossLandscapeCalculator(
        module, [(inputs, targets)], nn.CrossEntropyLoss(), inputs.device
    )
    centre = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    side = np.linspace(-1, 1, cells)
    return lambda: calculator.calculate(side, side[:1], first, second, centre)


def dense(arguments: argparse.Namespace) -> tuple[dict[str, Objective], nn.Module, Tensor, Tensor]:
    """A network like a trained one on embedded data, by every engine that runs here."""
    random = torch.Generator().manual_seed(0)
    depth, width, samples = arguments.depth, arguments.width, arguments.samples
    blocks = torch.randn(depth, width, width, generator=random) / width
    readin = torch.randn(width, 64, generator=random) / 8
    readout = torch.randn(10, width, generator=random) / width**0.5
    network = Network(blocks, readin, readout, 0.75, "tanh", "skip", CrossEntropy())
    network = network.to(arguments.device, torch.float32)
    h0 = torch.randn(samples, width, generator=random).to(arguments.device)
    targets = torch.randint(0, 10, (samples,), generator=random).to(arguments.device)
    found: dict[str, Objective] = {
        name: DenseObjective(engine, network, h0, targets)
        for name, engine in engines(arguments).items()
    }
    return found, Dense(network), h0, targets


def convolutional(
    arguments: argparse.Namespace,
) -> tuple[dict[str, Objective], nn.Module, Tensor, Tensor]:
    """He's network at its start on random images, with either kind of batch statistics."""
    random = torch.Generator().manual_seed(0)
    images = torch.randn(arguments.samples, 3, 32, 32, generator=random).to(arguments.device)
    targets = torch.randint(0, 10, (arguments.samples,), generator=random).to(arguments.device)
    network = ResNet(arguments.depth, 0.75)
    initialise(network, np.random.default_rng(0))
    network = network.to(arguments.device).eval()
    found: dict[str, Objective] = {
        name: ConvolutionalObjective(network, [(images, targets)], name)
        for name in ("centre", "recalibrated")
    }
    return found, network, images, targets


def engines(arguments: argparse.Namespace) -> dict[str, Engine]:
    """Those that run here; the others say why not."""
    device = torch.device(arguments.device)
    request = Request(device, torch.float32, arguments.threads)
    found = {}
    for name, info in ENGINES.items():
        reason = info.refusal(request) if info.automatic else "the oracle is not timed"
        if reason is None:
            found[name] = info.create(request)
        else:
            print(f"{name}: {reason}")
    return found


def timed(arguments: argparse.Namespace) -> Timed:
    """Everything that is compared, on one network."""
    makers: Mapping[str, Any] = {"dense": dense, "convolutional": convolutional}
    objectives, module, inputs, targets = makers[arguments.network](arguments)
    largest = max(objective.together for objective in objectives.values())
    cells = 4 * largest if largest > 1 else 8
    some = max(2, min(cells, 32))
    coordinates = np.random.default_rng(0).uniform(-1, 1, (cells, 2))
    size = next(iter(objectives.values())).layout.size
    random = torch.Generator().manual_seed(1)
    ways = torch.randn(2, size, generator=random, dtype=torch.float64) / arguments.width
    plain = ways.float().to(arguments.device)
    found: Timed = {
        BASELINE: (lambda: loop(module, inputs, targets, plain, coordinates[:some]), some)
    }
    other = of_others(module, inputs, targets, plain, some)
    if other is not None:
        found["loss-landscape-3d", "one at a time"] = (other, some)
    for name, objective in objectives.items():
        centre = objective.centre.detach().double()
        plane = Plane(centre, ways.to(centre.device))
        line = Plane(centre, plane.directions[:1])

        def run(objective=objective, plane=plane, places=coordinates, batch=0) -> None:
            if isinstance(objective, DenseObjective):
                leave_threads_to(objective.engine)
            todo = np.zeros(len(places), dtype=bool)
            for _ in surface(objective, plane, places, todo, batch or objective.together):
                pass

        def path(objective=objective, centre=centre) -> None:
            vectors = (centre + x * ways[0] for x in coordinates[:, 0].tolist())
            along(objective, vectors, objective.together)

        found[name, "batched"] = (run, cells)
        if objective.together > 1:
            one = lambda run=run: run(batch=1, places=coordinates[:some])  # noqa: E731
            found[name, "one at a time"] = (one, some)
            found[name, "line"] = (
                lambda run=run, line=line: run(plane=line, places=coordinates[:, :1]),
                cells,
            )
            found[name, "path"] = (path, cells)
    return found


def main() -> None:
    """Time, print, and append to the table where asked."""
    parser = argparse.ArgumentParser(description="Cells a second of a loss surface.")
    parser.add_argument("--network", choices=["dense", "convolutional"], default="dense")
    parser.add_argument("--depth", type=int, default=None)
    parser.add_argument("--width", type=int, default=15)
    parser.add_argument("--samples", type=int, default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--append", action="store_true", help="add the rows to landscape.csv")
    arguments = parser.parse_args()
    flat = arguments.network == "dense"
    arguments.depth = arguments.depth or (64 if flat else 20)
    arguments.samples = arguments.samples or (1437 if flat else 128)
    torch.set_num_threads(arguments.threads)
    everything = timed(arguments)

    def threaded(function: Callable[[], object]) -> Callable[[], object]:
        def call() -> object:
            torch.set_num_threads(arguments.threads)
            return function()

        return call

    functions = {name: threaded(function) for name, (function, _) in everything.items()}
    times = interleaved(functions, rounds=arguments.rounds, seconds=arguments.seconds)
    paces = {name: everything[name][1] / seconds for name, seconds in times.items()}
    rows = []
    for (name, how), pace in paces.items():
        ratio = pace / paces[BASELINE]
        print(
            f"{name:18s} {how:14s} {pace:9.1f} cells/s  {1e3 / pace:8.3f} ms a cell  {ratio:5.2f}x"
        )
        rows.append({
            "network": arguments.network, "depth": arguments.depth, "width": arguments.width,
            "samples": arguments.samples, "device": arguments.device,
            "threads": arguments.threads, "engine": name, "how": how,
            "cells_per_second": round(pace, 2), "ratio": round(ratio, 3),
        })  # fmt: skip
    if arguments.append:
        print(append("landscape", rows))


if __name__ == "__main__":
    main()
