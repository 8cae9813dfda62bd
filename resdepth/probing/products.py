"""Products of the Hessian or the Gauss-Newton matrix of a loss, their traces and their cost."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from resdepth.engine.objective import DenseObjective, Objective
from resdepth.errors import Impossible
from resdepth.mathematics import Array
from resdepth.mathematics.lanczos import ROWS, SMALL, Product
from resdepth.mathematics.probes import block_traces, xtrace
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.objectives import Centre

EXACT = 64
"""Widest layers with exact traces; random probes are cheaper for wider ones."""
DENSE = 4_000
"""Matrices below this size are counted by diagonalisation, with one product per row."""
ARPACK_PRODUCTS, SEARCH_PRODUCTS = 40, 21
"""Products at each end: typically of ARPACK, and at least of a search for missed copies."""
MATRICES = (False, True)
"""Whether it is the Gauss-Newton matrix, for both matrices whose traces are always given."""
SINGLE, SHARED = {False: 8 / 3, True: 5 / 3}, {False: 2.1, True: 1.4}
"""Gradients per product of each matrix, taken alone or with shared passes."""


@dataclass(frozen=True)
class Traces:
    """The traces of both matrices and their standard errors, 0 if exact."""

    hessian: float
    gauss_newton: float
    hessian_error: float
    gauss_newton_error: float


@dataclass(frozen=True)
class LayerTraces:
    """The same of the diagonal blocks, each (layers,)."""

    names: list[str]
    hessian: Array
    gauss_newton: Array
    hessian_error: Array
    gauss_newton_error: Array


@dataclass
class HessianProducts:
    """Products of both matrices of an objective with rows of float64, and how many were taken."""

    objective: Objective
    checkpoint: Path
    products: int = 0

    def of(self, gauss_newton: bool) -> Product:
        """The products of one matrix; Impossible if there are no second derivatives."""

        def product(rows: Array) -> Array:
            centre = self.objective.centre
            self.products += len(rows)
            parts = torch.split(torch.from_numpy(np.ascontiguousarray(rows)), ROWS)
            moved = (part.to(centre.device, centre.dtype) for part in parts)
            found = [self.objective.products(p, gauss_newton).cpu().double() for p in moved]
            # Not copied: a row of a very deep network is as large as all its weights.
            numbers = (found[0] if len(found) == 1 else torch.cat(found)).numpy()
            if not np.isfinite(numbers).all():
                what = "the second derivatives of the loss are not finite here"
                remedy = "the weights have diverged, or the loss has no second derivative at 0"
                raise Impossible(self.checkpoint, what, f"{remedy} (`loss_p`)")
            return np.asarray(numbers, dtype=np.float64)

        return product

    def traces(self, by_layer: bool, probes: int, seed: int) -> tuple[Traces, LayerTraces | None]:
        """Traces of both matrices, and of their diagonal blocks if `by_layer` or if all are exact.

        Estimates take 2 `probes` products per matrix (XTrace), and `probes` for its blocks.
        """
        layout, exact, of_layers = self.objective.layout, exactly_traced(self.objective), None
        layers = layout.layers()
        if exact:
            of_matrices = [exact.layer_traces(m).cpu().double().numpy() for m in MATRICES]
            hessian, gauss_newton = (float(traces.sum()) for traces in of_matrices)
            zeros = np.zeros((2, len(layers)))
            of_layers = LayerTraces(list(layers), *of_matrices, *zeros)
            return Traces(hessian, gauss_newton, 0.0, 0.0), of_layers
        products = [self.of(matrix) for matrix in MATRICES]
        if by_layer:
            places, settings = list(layers.values()), {"probes": probes, "seed": seed}
            found = [block_traces(p, places, layout.size, **settings) for p in products]
            values, errors = zip(*found, strict=True)
            of_layers = LayerTraces(list(layers), *values, *errors)
        sums = [xtrace(product, layout.size, 2 * probes, seed=seed) for product in products]
        values, errors = zip(*sums, strict=True)
        return Traces(*values, *errors), of_layers


def rounding(centre: Centre, options: SpectrumOptions, product: Product, rows: Array) -> float:
    """Largest relative difference of `product` at `rows` (R, n) from the product in float64.

    The residuals of eigenvectors do not contain this error: they are those of the matrix that
    float32 multiplies by.
    """
    if options.dtype == "float64":
        return 0.0
    precise = HessianProducts(centre.in_float64(options), centre.source.checkpoint)
    right = precise.of(options.gauss_newton)(rows)
    sizes = np.maximum(np.linalg.norm(right, axis=1), np.finfo(np.float64).tiny)
    return float((np.linalg.norm(product(rows) - right, axis=1) / sizes).max())


def exactly_traced(objective: Objective) -> DenseObjective | None:
    """The objective if the traces of its layers are computed exactly."""
    if isinstance(objective, DenseObjective) and objective.network.width <= EXACT:
        return objective
    return None


def largest_asked(options: SpectrumOptions, size: int) -> int:
    """Number of the largest eigenvalues to compute: all of a matrix that is diagonalised."""
    return size if options.density and size < DENSE else options.top


def gradients(objective: Objective, options: SpectrumOptions) -> int:
    """Expected cost in gradients; how fast eigenvalues converge is not known in advance."""
    size, gauss_newton = objective.layout.size, options.gauss_newton
    wanted = largest_asked(options, size) + options.lowest
    together, alone = options.probes * (options.interaction or 0), 0
    if wanted >= size or size < SMALL:
        together += size + min(wanted, size)
    else:
        ends = 1 + (options.lowest > 0)
        searches = (options.top > 1) + (options.lowest > 1)
        alone += max(ARPACK_PRODUCTS, 2 * wanted) * ends + SEARCH_PRODUCTS * searches
        together += wanted + (options.probes * options.steps if options.density else 0)
    cost = together * SHARED[gauss_newton] + alone * SINGLE[gauss_newton]
    if exact := exactly_traced(objective):
        width = exact.network.width
        cost += 2 * (2 / 3) * (width + 1)
        # A dense block is one product (d^2, N)(N, d^2): 2 N d^4 operations besides 6 N d^2.
        cost += width**2 / 3 if options.blocks == "spectra" else 0.0
    else:
        cost += (SHARED[False] + SHARED[True]) * options.probes * (3 if options.blocks else 2)
    return math.ceil(cost)
