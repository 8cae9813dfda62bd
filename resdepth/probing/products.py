"""Products of the Hessian or the Gauss-Newton matrix of a loss, their traces and their cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.engine.objective import DenseObjective, Objective
from resdepth.errors import Impossible
from resdepth.mathematics.lanczos import ROWS, SMALL, Product
from resdepth.mathematics.probes import block_traces, xtrace
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.objectives import Centre

Array = NDArray[np.float64]

EXACT = 64
"""Widest layers with exact traces; random probes are cheaper for wider ones."""
DENSE = 4_000
"""Matrices below this size are counted by diagonalisation, with one product per row."""
ARPACK_PRODUCTS = 40
"""Products that ARPACK typically takes for the eigenvalues at one end."""
SEARCH_PRODUCTS = 21
"""Least products of a search for missed copies, at each end of more than one eigenvalue."""
SINGLE = {False: 8 / 3, True: 5 / 3}
"""Gradients per product that is taken alone: of the Hessian, of the Gauss-Newton matrix."""
SHARED = {False: 2.1, True: 1.4}
"""The same for products that share their passes."""
MATRICES = (False, True)
"""Whether it is the Gauss-Newton matrix, for both matrices whose traces are always given."""


@dataclass(frozen=True)
class Traces:
    """The traces of both matrices and their standard errors, 0 if exact."""

    hessian: float
    gauss_newton: float
    hessian_error: float
    gauss_newton_error: float


@dataclass(frozen=True)
class LayerTraces:
    """The same for the diagonal blocks, each (layers,)."""

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
            if len(rows) <= ROWS:
                # Not copied: a row of a very deep network is as large as all its weights.
                return self._product(rows, gauss_newton)
            parts = [rows[first : first + ROWS] for first in range(0, len(rows), ROWS)]
            return np.concatenate([self._product(part, gauss_newton) for part in parts])

        return product

    def _product(self, rows: Array, gauss_newton: bool) -> Array:
        centre = self.objective.centre
        directions = torch.from_numpy(np.ascontiguousarray(rows)).to(centre.device, centre.dtype)
        found = self.objective.products(directions, gauss_newton).cpu().double().numpy()
        self.products += len(rows)
        if not np.isfinite(found).all():
            raise Impossible(
                self.checkpoint,
                "the second derivatives of the loss are not finite here",
                "the weights have diverged, or the loss has no second derivative at 0 (`loss_p`)",
            )
        return np.asarray(found, dtype=np.float64)

    def layer_traces(self, probes: int, seed: int) -> LayerTraces:
        """Traces of the diagonal blocks: exact, or estimated from `probes` products per matrix."""
        layers = self.objective.layout.layers()
        places = list(layers.values())
        (hessian, error), (gauss_newton, other_error) = (
            self._layer_traces(matrix, places, probes, seed) for matrix in MATRICES
        )
        return LayerTraces(list(layers), hessian, gauss_newton, error, other_error)

    def _layer_traces(
        self, gauss_newton: bool, layers: Sequence[slice], probes: int, seed: int
    ) -> tuple[Array, Array]:
        objective = self.objective
        if isinstance(objective, DenseObjective) and exact_traces(objective):
            exact = objective.layer_traces(gauss_newton).cpu().double().numpy()
            return exact, np.zeros(len(layers))
        size = objective.layout.size
        return block_traces(self.of(gauss_newton), layers, size, probes=probes, seed=seed)

    def traces(self, layers: LayerTraces | None, probes: int, seed: int) -> Traces:
        """Traces of both matrices: the exact sum over layers, or XTrace of 2 `probes` products."""
        if layers is not None and exact_traces(self.objective):
            return Traces(float(layers.hessian.sum()), float(layers.gauss_newton.sum()), 0.0, 0.0)
        size = self.objective.layout.size
        found = (xtrace(self.of(matrix), size, 2 * probes, seed=seed) for matrix in MATRICES)
        values, errors = zip(*found, strict=True)
        return Traces(*values, *errors)


def block_spectra(objective: DenseObjective, gauss_newton: bool) -> Array:
    """All eigenvalues of each diagonal block, (layers, width^2), descending."""
    blocks = objective.layer_blocks(gauss_newton)
    rows = [np.linalg.eigvalsh(block.cpu().double().numpy())[::-1] for block in blocks]
    return np.stack(rows[::-1])


def rounding_error(
    centre: Centre, options: SpectrumOptions, product: Product, rows: Array
) -> float:
    """Largest relative difference of `product` at `rows` (R, n) from the product in float64.

    0 in float64. The residuals of eigenvectors do not contain this error: they are those of the
    matrix that float32 multiplies by.
    """
    if options.dtype == "float64":
        return 0.0
    precise = HessianProducts(centre.in_float64(options), centre.source.checkpoint)
    right = precise.of(options.gauss_newton)(rows)
    sizes = np.maximum(np.linalg.norm(right, axis=1), np.finfo(np.float64).tiny)
    return float((np.linalg.norm(product(rows) - right, axis=1) / sizes).max())


def exact_traces(objective: Objective) -> bool:
    """Whether the traces of the layers are computed exactly."""
    return isinstance(objective, DenseObjective) and objective.network.width <= EXACT


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
    if isinstance(objective, DenseObjective) and exact_traces(objective):
        width = objective.network.width
        cost += 2 * (2 / 3) * (width + 1)
        # A dense block is one product (d^2, N)(N, d^2): 2 N d^4 operations besides 6 N d^2.
        cost += width**2 / 3 if options.blocks == "spectra" else 0.0
    else:
        cost += (SHARED[False] + SHARED[True]) * options.probes * (3 if options.blocks else 2)
    return math.ceil(cost)
