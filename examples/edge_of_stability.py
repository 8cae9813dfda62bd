"""Where does gradient descent at a fixed rate settle, and how does depth change the curvature?

    python examples/edge_of_stability.py [--depths 16 64 256] [--seeds 3] [--out edge]

Trains every depth with every seed at one rate and computes the exact curvature at checkpoints.
Draws the rate times the largest eigenvalue of the Hessian against the step (gradient descent on a
quadratic diverges above 2), and the traces of the Hessian and of the Gauss-Newton matrix against
the depth. Existing runs are used again.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import resdepth
from resdepth.figures.parts import log_ticks
from resdepth.figures.style import categories, figure, save, styled
from resdepth.records import write_numbers
from resdepth.runs.checkpoint import step_path
from resdepth.runs.provenance import provenance

EDGE = 2.0
TRACES = {"hessian": "tr H", "gauss_newton": "tr GN"}


@dataclass(frozen=True)
class CurvaturePoint:
    """The curvature at one checkpoint of one run."""

    depth: int
    seed: int
    step: int
    rate_times_top: float
    hessian: float
    gauss_newton: float


def trained(depth: int, seed: int, arguments: argparse.Namespace) -> resdepth.Run:
    """The run of one depth and seed, trained if it is not finished."""
    folder = arguments.out / "runs" / f"seed{seed}" / f"L{depth}"
    options = resdepth.TrainOptions(
        depth=depth,
        seed=seed,
        lr=arguments.lr,
        epochs=arguments.epochs,
        checkpoint_every=arguments.every,
        p_var_every=0,
    )
    return resdepth.train(options, out=folder, resume=(folder / "manifest.json").exists())


def curvature_at(run: resdepth.Run, step: int) -> CurvaturePoint:
    """The curvature at the checkpoint of a step."""
    # The error of an eigenvalue is about the square of its residual, small enough for a figure.
    options = resdepth.SpectrumOptions(top=1, smallest=0, tolerance=1e-3)
    found = resdepth.spectrum(run, options, checkpoint=step_path(run.path, step))
    trace = found.trace
    seed = run.options.seed
    return CurvaturePoint(
        found.depth, seed, step, found.rate_times_top, trace.hessian, trace.gauss_newton
    )


def values(points: list[CurvaturePoint], name: str, depth: int, step: int) -> list[float]:
    """The value of each seed."""
    return [getattr(k, name) for k in points if (k.depth, k.step) == (depth, step)]


def draw_rates(axes: Axes, points: list[CurvaturePoint], depths: list[int]) -> None:
    """Rate times curvature against the step: the median of the seeds and their range."""
    steps = sorted({point.step for point in points})
    for colour, depth in zip(categories(len(depths)), depths, strict=True):
        of = [values(points, "rate_times_top", depth, step) for step in steps]
        axes.plot(steps, np.median(of, axis=1), color=colour, label=f"L = {depth}")
        axes.fill_between(steps, np.min(of, axis=1), np.max(of, axis=1), color=colour, alpha=0.15)
    axes.axhline(EDGE, color="black", linewidth=0.6, linestyle="--")
    axes.set(xlabel="step", ylabel="rate × largest eigenvalue of H", yscale="log")
    log_ticks(axes.yaxis, *axes.get_ylim())
    axes.legend()


def draw_traces(axes: Axes, points: list[CurvaturePoint], depths: list[int], step: int) -> None:
    """Traces at one step against the depth: one dot per seed, a line through the means."""
    for colour, (name, label) in zip(categories(len(TRACES)), TRACES.items(), strict=True):
        of = [values(points, name, depth, step) for depth in depths]
        for depth, seeds in zip(depths, of, strict=True):
            axes.plot([depth] * len(seeds), seeds, ".", color=colour, markersize=3)
        axes.plot(depths, np.mean(of, axis=1), color=colour, label=label)
    axes.set(xlabel="L", ylabel=f"trace at step {step}", xscale="log", yscale="log")
    log_ticks(axes.yaxis, *axes.get_ylim())
    axes.set_xticks(depths, [str(depth) for depth in depths])
    axes.xaxis.minorticks_off()
    axes.legend()


@styled
def draw(points: list[CurvaturePoint], step: int) -> Figure:
    """Draw both panels."""
    depths = sorted({point.depth for point in points})
    whole = figure(2, 2.6)
    left, right = whole.subplots(1, 2)
    draw_rates(left, points, depths)
    draw_traces(right, points, depths, step)
    return whole


def main() -> None:
    """Train, compute the curvature, print the means, draw."""
    parser = argparse.ArgumentParser(description="Curvature of training at a fixed rate.")
    parser.add_argument("--depths", nargs="+", type=int, default=[16, 64, 256])
    parser.add_argument("--seeds", type=int, default=3, help="repetitions of each depth")
    parser.add_argument("--lr", type=float, default=100.0)
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--every", type=int, default=40, help="steps between checkpoints")
    parser.add_argument("--out", type=Path, default=Path("edge"), help="folder to write into")
    arguments = parser.parse_args()

    points, read = [], []
    steps = range(arguments.every, arguments.epochs + 1, arguments.every)
    for depth in arguments.depths:
        for seed in range(arguments.seeds):
            run = trained(depth, seed, arguments)
            points += [curvature_at(run, step) for step in steps]
            read += [step_path(run.path, step) for step in steps]
            print(
                f"L = {depth}, seed {seed}: {points[-1].rate_times_top:.2f} at the end", flush=True
            )
    step = 2 * arguments.every
    for name in TRACES:
        means = [np.mean(values(points, name, depth, step)) for depth in arguments.depths]
        print(f"{TRACES[name]} at step {step}: {', '.join(f'{mean:.3g}' for mean in means)}")
    origin = provenance(sys.argv, vars(arguments), read)
    picture = arguments.out / "edge.png"
    print(write_numbers(arguments.out / "edge.json", {"points": points}, origin))
    save(draw(points, step), picture, origin)
    print(picture)


if __name__ == "__main__":
    main()
