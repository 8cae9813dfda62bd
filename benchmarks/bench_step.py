"""One full-batch step of training: torch in three ways against our engines, in one run.

    python benchmarks/bench_step.py [--grid table|depth|all] [--threads 2] [--rounds 7]

`table` are the cases of the README's table, `depth` the time against L from 100 to 100,000.
Ratios are against "modules": one Linear module a layer and autograd, as one writes it in torch.
"""

import argparse
import multiprocessing
import resource
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from common import FIGURES, append, fma_peak, interleaved
from torch import Tensor, nn

from resdepth.engine.contract import Batch, Request
from resdepth.engine.kernels.registry import ENGINES
from resdepth.engine.loss import CrossEntropy
from resdepth.engine.network import Network
from resdepth.mathematics.activation import ACTIVATIONS

OUTPUTS = 10


@dataclass(frozen=True)
class Case:
    """N samples through L layers of width d."""

    samples: int
    width: int
    depth: int
    activation: str = "tanh"
    augmentation: str = "skip"

    @property
    def flop(self) -> float:
        """6 N d^2 L: two products backward, one forward."""
        return 6.0 * self.samples * self.width**2 * self.depth

    def __str__(self) -> str:
        special = [self.activation] * (self.activation != "tanh")
        special += [self.augmentation] * (self.augmentation != "skip")
        return " ".join([f"N={self.samples} d={self.width} L={self.depth}", *special])


FIRST = Case(2048, 15, 1000)
TABLE = [
    FIRST,
    Case(12500, 15, 500),
    Case(1437, 15, 64),
    Case(2048, 32, 500),
    Case(2048, 64, 500),
    Case(512, 256, 100),
    *(replace(FIRST, activation=name) for name in ("relu", "elu", "sigmoid", "gelu")),
    *(replace(FIRST, augmentation=name) for name in ("inc_skip", "linear_skip", "none")),
]
DEPTHS = [Case(2048, 15, depth) for depth in (100, 300, 1000, 3000, 10_000, 30_000, 100_000)]
LARGEST_FOR_TORCH = 10_000
"""Autograd keeps N d L floats several times over: beyond this depth it does not fit."""


class Modules(nn.Module):
    """The network as one writes it in torch: a Linear a layer."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        width = network.width
        self.layers = nn.ModuleList(
            nn.Linear(width, width, bias=False) for _ in range(network.depth)
        )
        for layer, block in zip(self.layers, network.blocks, strict=True):
            layer.weight.data.copy_(block)
        self.readout, self.delta = network.readout, network.delta
        self.sigma = ACTIVATIONS[network.activation].value
        self.augmentation = network.augmentation

    def forward(self, h: Tensor) -> Tensor:
        previous = None
        for layer in self.layers:
            if self.augmentation == "skip":
                h = h + self.delta * self.sigma(layer(h))
            elif self.augmentation == "none":
                h = self.sigma(layer(h))
            elif self.augmentation == "linear_skip" or previous is None:
                h = h + layer(self.sigma(h))
            else:
                h = h + self.sigma(h) @ (layer.weight - previous.weight).T
            previous = layer
        return h @ self.readout.T


def problem(case: Case) -> tuple[Network, Tensor, Tensor]:
    """Random weights of size L^(-1/2), inputs and classes."""
    torch.manual_seed(0)
    blocks = torch.randn(case.depth, case.width, case.width) / (case.depth**0.5 * case.width)
    readout = torch.randn(OUTPUTS, case.width) / case.width**0.5
    network = Network(
        blocks,
        torch.zeros(case.width, 1),
        readout,
        0.75,
        case.activation,
        case.augmentation,
        CrossEntropy(),
    )
    return (
        network,
        torch.randn(case.samples, case.width),
        torch.randint(0, OUTPUTS, (case.samples,)),
    )


def implementations(case: Case, names: list[str], threads: int) -> dict[str, Callable[[], object]]:
    """A step of each implementation, as a function of nothing."""
    network, h0, targets = problem(case)
    steps: dict[str, Callable[[], object]] = {}
    if "modules" in names:
        model = Modules(network)
        steps["modules"] = lambda: _autograd(model, list(model.parameters()), h0, targets)
    if "compile" in names:
        compiled = torch.compile(Modules(network))
        steps["compile"] = lambda: _autograd(compiled, list(compiled.parameters()), h0, targets)
    request = Request(torch.device("cpu"), torch.float32, threads)
    for name, label in (("reference", "stacked"), ("eager", "eager"), ("cpu", "cpu")):
        if label in names:
            engine = ENGINES[name].create(request)
            steps[label] = lambda engine=engine: engine.loss_and_gradient(
                Batch(network, h0, targets)
            )
    return steps


def _autograd(
    model: Callable[[Tensor], Tensor], weights: list[Tensor], h0: Tensor, targets: Tensor
) -> None:
    loss = nn.functional.cross_entropy(model(h0), targets)
    torch.autograd.grad(loss, weights)


def _peak_memory(
    case: Case, name: str, threads: int, queue: "multiprocessing.Queue[float]"
) -> None:
    torch.set_num_threads(threads)
    step = implementations(case, [name], threads)[name]
    if name != "compile":
        # Libraries load and pools start on a first, small step; the rise is the step's own.
        implementations(Case(32, case.width, 2), [name], threads)[name]()
    before = _largest_kib()
    step()
    queue.put((_largest_kib() - before) / 1024)


def _largest_kib() -> int:
    """Largest resident set of this process so far."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not getrusage's: on Linux that begins with what the parent process held.
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


def peak_memory(case: Case, name: str, threads: int) -> float:
    """Rise of the resident set during one step, in MiB, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[float] = context.Queue()
    process = context.Process(target=_peak_memory, args=(case, name, threads, queue))
    process.start()
    process.join()
    return queue.get() if process.exitcode == 0 else float("nan")


def measure(
    case: Case, names: list[str], threads: int, rounds: int, peak: float
) -> list[dict[str, object]]:
    """One row an implementation: time, rate, share of the peak, memory, ratio."""
    times = interleaved(implementations(case, names, threads), rounds=rounds)
    base = times.get("modules")
    rows: list[dict[str, object]] = []
    for name, seconds in times.items():
        rate = case.flop / seconds / 1e9
        memory = peak_memory(case, name, threads)
        ratio = base / seconds if base else float("nan")
        share = rate / peak if peak else float("nan")
        beside = f"{ratio:6.2f}x modules" if base else ""
        print(
            f"{case!s:32} {name:8} {1e3 * seconds:10.2f} ms {rate:7.1f} GFLOP/s {share:6.1%} "
            f"of peak {memory:8.1f} MiB  {beside}",
            flush=True,
        )
        rows.append(
            {
                "case": str(case), "depth": case.depth, "implementation": name, "threads": threads,
                "seconds": f"{seconds:.6g}", "gflops": f"{rate:.4g}", "peak_share": f"{share:.4g}",
                "memory_mib": f"{memory:.4g}", "ratio": f"{ratio:.4g}", "torch": torch.__version__,
            }
        )  # fmt: skip
    return rows


def draw(rows: list[dict[str, object]]) -> None:
    """Time of a step against L, one curve an implementation."""
    figure, axes = plt.subplots(figsize=(5.0, 3.5), layout="constrained")
    for name in dict.fromkeys(str(row["implementation"]) for row in rows):
        points = [
            (int(str(r["depth"])), float(str(r["seconds"])))
            for r in rows
            if r["implementation"] == name
        ]
        axes.loglog(*zip(*points, strict=True), "o-", label=name, markersize=3)
    axes.set_xlabel("depth $L$")
    axes.set_ylabel("seconds a step")
    axes.set_title("$N = 2048$, $d = 15$, float32, full batch")
    axes.legend(frameon=False)
    FIGURES.mkdir(exist_ok=True)
    figure.savefig(FIGURES / "step_against_depth.png", dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--grid", choices=("table", "depth", "all"), default="all")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    single, _ = fma_peak()
    peak = single * arguments.threads
    print(
        f"fp32 peak of {arguments.threads} threads: {peak:.0f} GFLOP/s; torch {torch.__version__}"
    )
    rows: list[dict[str, object]] = []
    if arguments.grid in ("table", "all"):
        for case in TABLE:
            names = ["modules", "stacked", "eager", "cpu"]
            names += ["compile"] * (case.depth <= 64)
            rows += measure(case, names, arguments.threads, arguments.rounds, peak)
    if arguments.grid in ("depth", "all"):
        depth_rows = []
        for case in DEPTHS:
            torch_too = ["modules", "stacked", "eager"] if case.depth <= LARGEST_FOR_TORCH else []
            depth_rows += measure(case, [*torch_too, "cpu"], arguments.threads, 3, peak)
        draw(depth_rows)
        rows += depth_rows
    print(f"appended to {append('step', rows)}")


if __name__ == "__main__":
    main()
