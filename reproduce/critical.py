"""Estimate the scaling at which untrained networks neither explode nor become the identity.

h_{k+1} = h_k + L^(-beta) f_k(h_k) explodes if beta is too small and becomes the identity if it is
too large; at the critical beta the branches add up to a vector of size 1. For weights that are
increments of fractional Brownian motion of Hurst exponent H along the layers it is max(1/2, H):
P. Marion, A. Fermanian, G. Biau & J.-P. Vert, "Scaling ResNets in the large-depth regime", arXiv
2206.06929.

The estimate is the slope of log |sum of the branches at h_0| on log L over five depths, its
interval Student's t over the draws (95 %). At finite depth it lies below its limit: by up to 0.07
for res3 with H > 1/2, by up to 0.1 for skip with H < 1/2.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from matplotlib.figure import Figure

from resdepth.atomic import check_writable
from resdepth.errors import ResdepthError
from resdepth.figures import style
from resdepth.figures.parts import few_ticks
from resdepth.mathematics.activation import ACTIVATIONS
from resdepth.mathematics.fractional import fractional_noise
from resdepth.mathematics.interval import Array, Interval, mean_interval
from resdepth.mathematics.random import stream
from resdepth.records import as_json, with_provenance, write_numbers
from resdepth.runs.provenance import provenance

HALVINGS = 4
"""The prefixes are L/16, L/8, L/4, L/2 and L layers."""
ODD = ("tanh",)
"""Activations whose mean over a centred normal variable is 0."""
HURSTS = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
SUFFIXES = (".pdf", ".svg", ".png")
FORMULAS = {"res3": r"$V_k\,\sigma(W_k h)$", "skip": r"$\sigma(A_k h)$"}
DESCRIPTION, NOTES = str(__doc__).split("\n", 1)

Sigma = Callable[[Array], Array]
Matrices = Iterator[Array]


def _skip(h: Array, sigma: Sigma, matrices: Matrices) -> Array:
    return sigma(np.einsum("ijk,j->ik", next(matrices), h))


def _res3(h: Array, sigma: Sigma, matrices: Matrices) -> Array:
    inner = sigma(np.einsum("ijk,j->ik", next(matrices), h))
    outer: Array = np.einsum("ijk,jk->ik", next(matrices), inner)
    return outer


STRUCTURES: dict[str, Callable[[Array, Sigma, Matrices], Array]] = {"res3": _res3, "skip": _skip}
"""Branches f_k by name: `res3` V_k sigma(W_k h), `skip` sigma(A_k h), the network of `train`."""


@dataclass(frozen=True)
class CriticalScaling:
    """Estimated beta for one H: mean over draws with its 95 % interval, and its limit in L."""

    hurst: float
    beta: Interval
    standard_error: float
    limit: float


@dataclass(frozen=True)
class CriticalTable:
    """Estimates by H, and the networks they belong to; `depths` are the prefixes."""

    structure: str
    activation: str
    width: int
    depths: tuple[int, ...]
    draws: int
    seed: int
    estimates: tuple[CriticalScaling, ...]


def limit(hurst: float, structure: str, activation: str) -> float:
    """The critical beta for L to infinity, from how far the branches correlate along the layers.

    max(1/2, H) with two exceptions. `skip` with an activation of mean m > 0 adds up L times m: 1.
    In `res3` with mean 0 the product of two noises correlates like k^(4H - 4): max(1/2, 2H - 1).
    """
    odd = activation in ODD
    if structure == "skip" and not odd:
        return 1.0
    return max(0.5, 2.0 * hurst - 1.0 if structure == "res3" and odd else hurst)


def prefixes(depth: int) -> tuple[int, ...]:
    """The numbers of layers that the slope is taken over."""
    return tuple(depth >> halvings for halvings in range(HALVINGS, -1, -1))


def critical_scaling(
    hurst: float,
    structure: str,
    activation: str,
    *,
    width: int = 20,
    depth: int = 2000,
    draws: int = 24,
    seed: int = 0,
) -> CriticalScaling:
    """Slope of log |sum_{k < n} f_k(h_0)| on log n over prefixes n = L/16 .. L, over the draws.

    The weights are unit fractional Gaussian noise divided by d^(1/2), h_0 is standard normal. No
    grid in beta is searched: the sum of the branches of one draw grows by exactly the power that
    L^(-beta) has to cancel.

    Parameters
    ----------
    hurst
        H in (0, 1).
    structure, activation
        Names in `STRUCTURES` and `ACTIVATIONS`.
    width, depth
        d, and L >= 16.
    draws, seed
        Independent draws, at least 2; draw m has the streams of (seed, m), the same for all H.
    """
    slopes = np.array(
        [
            _slope(_branches(hurst, structure, activation, width, depth, (seed, draw)))
            for draw in range(draws)
        ]
    )
    error = float(slopes.std(ddof=1)) / math.sqrt(draws)
    found = mean_interval(slopes)
    return CriticalScaling(hurst, found, error, limit(hurst, structure, activation))


def _branches(
    hurst: float, structure: str, activation: str, width: int, depth: int, draw: tuple[int, int]
) -> Array:
    """f_k(h_0), (width, depth)."""
    seed, number = draw
    h = stream(seed, "inputs", number).standard_normal(width)
    value = ACTIVATIONS[activation].value

    def matrices() -> Matrices:
        generator = stream(seed, "blocks", number)
        while True:
            noise = fractional_noise(depth, hurst, repeat(generator, width * width))
            yield noise.reshape(width, width, depth) / math.sqrt(width)

    return STRUCTURES[structure](h, lambda z: value(torch.from_numpy(z)).numpy(), matrices())


def _slope(branches: Array) -> float:
    depths = np.array(prefixes(branches.shape[1]))
    sums = np.cumsum(branches, axis=1)[:, depths - 1]
    x, y = np.log(depths), np.log(np.linalg.norm(sums, axis=0))
    return float((x - x.mean()) @ y / np.square(x - x.mean()).sum())


@style.styled
def draw_critical(table: CriticalTable, columns: int = 1) -> Figure:
    """Estimates with their 95 % intervals, and the limit for L to infinity."""
    drawn = style.figure(columns, 2.4)
    axes = drawn.subplots()
    estimates, limits = style.categories(2)
    hursts = np.linspace(0.0, 1.0, 201)
    values = [limit(float(hurst), table.structure, table.activation) for hurst in hursts]
    label = rf"$L\to\infty$: {_limit_formula(table.structure, table.activation)}"
    axes.plot(hursts, values, color=limits, label=label, zorder=1)
    found = [estimate.beta for estimate in table.estimates]
    axes.errorbar(
        [estimate.hurst for estimate in table.estimates],
        [beta.value for beta in found],
        yerr=[
            [beta.value - beta.low for beta in found],
            [beta.high - beta.value for beta in found],
        ],
        fmt="o",
        color=estimates,
        elinewidth=0.8,
        capsize=2,
        label=f"$L = {table.depths[0]}$ … ${table.depths[-1]}$, {table.draws} draws",
        zorder=2,
    )
    axes.set_xlabel("Hurst exponent $H$ of the weights")
    axes.set_ylabel(r"critical $\beta$")
    axes.set_xlim(0.0, 1.0)
    few_ticks(axes.xaxis, axes.yaxis)
    title = rf"{FORMULAS[table.structure]}, {table.activation}, $d = {table.width}$"
    axes.legend(title=title, loc="best", alignment="left")
    return drawn


def _limit_formula(structure: str, activation: str) -> str:
    """The limit in mathematical type."""
    known = {1.0: "$1$", 0.95: r"$\max(\frac{1}{2}, H)$"}
    return known.get(limit(0.95, structure, activation), r"$\max(\frac{1}{2}, 2H-1)$")


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"critical.py: error: {message} (see --help)\n")


def parser() -> Parser:
    """The command line."""
    made = Parser(
        prog="critical.py",
        description=DESCRIPTION,
        epilog=NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add(
        "--hurst",
        type=_hurst,
        nargs="+",
        action="extend",
        metavar="H",
        help=f"Hurst exponents between 0 and 1 (default {' '.join(map(str, HURSTS))})",
    )
    add(
        "--structure",
        choices=sorted(STRUCTURES),
        default="res3",
        help="branch of a layer: V sigma(W h), or sigma(A h) as in `resdepth train`",
    )
    add(
        "--activation",
        choices=list(ACTIVATIONS),
        help="activation function sigma (default relu for res3, tanh for skip)",
    )
    add(
        "--width",
        "--dim",
        type=_whole(1),
        default=20,
        metavar="N",
        help="dimension d of the hidden state (default 20)",
    )
    add(
        "--depth",
        type=_whole(64),
        default=2000,
        metavar="L",
        help="deepest of the five depths, each twice the previous one (default 2000)",
    )
    add(
        "--draws", type=_whole(2), default=24, metavar="N", help="independent networks (default 24)"
    )
    add("--seed", type=_whole(0), default=0, metavar="N", help="seed of all draws (default 0)")
    add(
        "--columns",
        type=int,
        choices=(1, 2),
        default=1,
        help="width of the figure in columns of a paper (default 1)",
    )
    add(
        "--out",
        type=_picture,
        default=Path("critical.pdf"),
        metavar="PATH",
        help="figure to write (.pdf, .svg or .png; default critical.pdf)",
    )
    add("--json", action="store_true", help="print the numbers as JSON")
    return made  # fmt: skip


def _hurst(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"should be above 0, below 1, not {text}")
    return value


def _whole(least: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"should be at least {least}, not {text}")
        return value

    return whole_number


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix and path.suffix not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"{path.suffix} is not one of {', '.join(SUFFIXES)}")
    return path if path.suffix else path.with_name(f"{path.name}.pdf")


def estimate(options: argparse.Namespace) -> CriticalTable:
    """The estimates that the command line requests; prints each one unless JSON is requested."""
    activation = options.activation or {"res3": "relu", "skip": "tanh"}[options.structure]
    found = []
    for hurst in options.hurst:
        found.append(
            critical_scaling(
                hurst,
                options.structure,
                activation,
                width=options.width,
                depth=options.depth,
                draws=options.draws,
                seed=options.seed,
            )
        )
        if not options.json:
            print(line(found[-1]), flush=True)
    return CriticalTable(
        options.structure,
        activation,
        options.width,
        prefixes(options.depth),
        options.draws,
        options.seed,
        tuple(found),
    )


def line(found: CriticalScaling) -> str:
    """One estimate in words."""
    error = f"± {found.standard_error:.2g} (95 % [{found.beta.low:.3f}, {found.beta.high:.3f}])"
    return f"H = {found.hurst:g}: beta = {found.beta.value:.3f} {error}, limit {found.limit:g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Estimate, save the numbers, print them, draw the figure; return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(arguments)
    options.hurst = sorted(set(options.hurst or HURSTS))
    numbers = options.out.with_suffix(".json")
    try:
        check_writable(options.out, numbers)
        table = estimate(options)
        origin = provenance(("reproduce/critical.py", *arguments), vars(options))
        write_numbers(numbers, table, origin)
        if options.json:
            print(as_json(with_provenance(table, origin)), flush=True)
        style.save(draw_critical(table, options.columns), options.out, origin)
    except ResdepthError as error:
        print(f"critical.py: error: {error}", file=sys.stderr)
        return error.exit_code
    for path in (options.out, numbers):
        print(path, file=sys.stderr if options.json else sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
