"""Hessian products and block traces: ours against a gradient of ours, and against others.

    python benchmarks/bench_curvature.py [--depths 64 1000] [--rounds 5] [--probes 64]

One thread, N = 1437, d = 15, float32 and float64, all in one run, timed by the thread's own clock.
"torch" is autograd twice, from the weights on; "PyHessian" differentiates a gradient whose graph is
kept, as PyHessian does; "curvlinops" is its HessianLinearOperator. Those that are not installed are
left out (`pip install '.[bench]'`). Last, how many products Hutchinson's estimator would need for
1 % of each layer's trace, which the exact traces cost nothing like.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from bench_step import Case, Modules, problem
from common import append, interleaved
from torch import Tensor, nn

from resdepth.engine.contract import Batch
from resdepth.engine.kernels.cpu import CpuEngine
from resdepth.engine.network import Network

SAMPLES, WIDTH = 1437, 15
SHARED = (1, 4, 8)
"""Directions that share a call."""
SECONDS = 60.0
"""A case ends early after about so long."""
Steps = dict[str, Callable[[], object]]


def ours(
    engine: CpuEngine, network: Network, h0: Tensor, targets: Tensor, directions: Tensor
) -> Steps:
    """The gradient, products and traces of the compiled engine."""
    steps: Steps = {"gradient": lambda: engine.loss_and_gradient(Batch(network, h0, targets))}
    for count in SHARED:
        along = directions[:count]
        steps[f"product, R = {count}"] = lambda along=along: engine.hvp(
            Batch(network, h0, targets), along
        )
        steps[f"Gauss-Newton, R = {count}"] = lambda along=along: engine.hvp(
            Batch(network, h0, targets), along, gauss_newton=True
        )
    steps["all block traces"] = lambda: engine.block_traces(Batch(network, h0, targets))
    return steps


def others(network: Network, h0: Tensor, targets: Tensor, direction: Tensor) -> Steps:
    """One product as torch, PyHessian and curvlinops make it."""
    model = Modules(network)
    weights = list(model.parameters())
    along = list(direction.unbind(0))
    loss = nn.CrossEntropyLoss()

    def twice() -> object:
        slopes = torch.autograd.grad(loss(model(h0), targets), weights, create_graph=True)
        return torch.autograd.grad(slopes, weights, along)

    steps: Steps = {"torch": twice}
    try:
        from pyhessian import hessian
        from pyhessian.utils import hessian_vector_product
    except ImportError:
        print("PyHessian is not installed")
    else:
        kept = hessian(Modules(network), loss, data=(h0, targets), cuda=False)
        steps["PyHessian"] = lambda: hessian_vector_product(kept.gradsH, kept.params, along)
    try:
        from curvlinops import HessianLinearOperator
    except ImportError:
        print("curvlinops is not installed")
    else:
        operator = HessianLinearOperator(
            model, loss, weights, [(h0, targets)], check_deterministic=False
        )
        flat = direction.flatten()
        steps["curvlinops"] = lambda: operator @ flat
    return steps


def measure(depth: int, dtype: torch.dtype, rounds: int) -> list[dict[str, object]]:
    """One row an implementation: seconds a direction, in gradients of ours, and against ours."""
    network, h0, targets = problem(Case(SAMPLES, WIDTH, depth))
    network, h0 = network.to("cpu", dtype), h0.to(dtype)
    directions = torch.randn(max(SHARED), depth, WIDTH, WIDTH, dtype=dtype)
    steps = ours(CpuEngine(1), network, h0, targets, directions)
    if dtype == torch.float32:
        steps |= others(network, h0, targets, directions[0])
    times = interleaved(steps, rounds=rounds, seconds=SECONDS, clock=time.thread_time)
    rows: list[dict[str, object]] = []
    for name, seconds in times.items():
        one = seconds / int(name.split("R = ")[1]) if "R = " in name else seconds
        gradients, ratio = one / times["gradient"], one / times["product, R = 1"]
        label = str(dtype).removeprefix("torch.")
        print(
            f"L={depth:5} {label} {name:20} {1e3 * one:9.2f} ms {gradients:7.2f} gradients "
            f"{ratio:7.2f}x a product",
            flush=True,
        )
        rows.append(
            {
                "depth": depth, "dtype": label, "what": name, "seconds": f"{one:.6g}",
                "gradients": f"{gradients:.4g}", "products": f"{ratio:.4g}",
                "torch": torch.__version__,
            }
        )  # fmt: skip
    return rows


def hutchinson(depth: int, probes: int) -> list[dict[str, object]]:
    """Products after which the median layer's trace has a standard error of 1 %."""
    network, h0, targets = problem(Case(SAMPLES, WIDTH, depth))
    network, h0 = network.to("cpu", torch.float64), h0.double()
    engine = CpuEngine(1)
    generator = np.random.default_rng(0)
    signs = 2.0 * generator.integers(0, 2, (probes, *network.blocks.shape)) - 1.0
    along = torch.from_numpy(signs)
    layers = (along * engine.hvp(Batch(network, h0, targets), along)).sum((-1, -2))
    exact = engine.block_traces(Batch(network, h0, targets))
    errors = layers.std(0) / exact.abs()
    off = ((layers.mean(0) - exact) / layers.std(0) * probes**0.5).abs().median()
    needed = (errors / 0.01).square()
    print(
        f"L={depth:5} Hutchinson: {needed.median():.0f} products for 1 % of the median layer's "
        f"trace, {needed.max():.0f} of the worst\n"
        f"(after {probes} the median layer is off by {off:.2f} standard errors)"
    )
    return [
        {
            "depth": depth, "dtype": "float64", "what": "Hutchinson, 1 % a layer",
            "seconds": "", "gradients": "", "products": f"{needed.median():.4g}",
            "torch": torch.__version__,
        }
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--depths", type=int, nargs="+", default=[64, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--probes", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, object]] = []
    for depth in arguments.depths:
        for dtype in (torch.float32, torch.float64):
            rows += measure(depth, dtype, arguments.rounds)
    rows += hutchinson(min(arguments.depths), arguments.probes)
    print(f"appended to {append('curvature', rows)}")


if __name__ == "__main__":
    main()
