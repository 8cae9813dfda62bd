"""The second derivatives of an objective, as the mathematics asks for them, layer by layer."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.engine.objective import DenseObjective, Objective
from resdepth.errors import Impossible
from resdepth.mathematics.lanczos import ROWS, Product
from resdepth.mathematics.probes import block_traces, xtrace
from resdepth.probing.cost import exact_traces

Array = NDArray[np.float64]

MATRICES = {"hessian": False, "gauss_newton": True}
"""The two matrices whose traces are always given, and whether it is the Gauss-Newton one."""


@dataclass(frozen=True)
class Traces:
    """A trace of either matrix, and its standard error: 0 where it is exact."""

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
class Curvature:
    """Products of an objective with rows of float64, counted."""

    objective: Objective
    checkpoint: Path
    products: int = 0

    def of(self, gauss_newton: bool) -> Product:
        """The products of one matrix.

        They raise Impossible where the loss has no second derivatives.
        """

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
                "the weights have diverged, or the loss has none where it is 0 (`loss_p`)",
            )
        return np.asarray(found, dtype=np.float64)

    def layer_traces(self, probes: int, seed: int) -> LayerTraces:
        """Traces of the diagonal blocks: exact, or from `probes` products of either matrix."""
        layers = self.objective.layout.layers()
        found, errors = {}, {}
        for name, gauss_newton in MATRICES.items():
            if isinstance(self.objective, DenseObjective) and exact_traces(self.objective):
                found[name] = self.objective.layer_traces(gauss_newton).cpu().double().numpy()
                errors[name] = np.zeros(len(layers))
            else:
                found[name], errors[name] = block_traces(
                    self.of(gauss_newton),
                    list(layers.values()),
                    self.objective.layout.size,
                    probes=probes,
                    seed=seed,
                )
        return LayerTraces(
            list(layers),
            found["hessian"],
            found["gauss_newton"],
            errors["hessian"],
            errors["gauss_newton"],
        )

    def traces(self, layers: LayerTraces | None, probes: int, seed: int) -> Traces:
        """Traces of the whole: the exact sum over the layers, or XTrace of 2 `probes` products."""
        if layers is not None and exact_traces(self.objective):
            return Traces(float(layers.hessian.sum()), float(layers.gauss_newton.sum()), 0.0, 0.0)
        size = self.objective.layout.size
        hessian, gauss_newton = (
            xtrace(self.of(matrix), size, 2 * probes, seed=seed) for matrix in MATRICES.values()
        )
        return Traces(
            hessian.value,
            gauss_newton.value,
            hessian.standard_error,
            gauss_newton.standard_error,
        )


def block_spectra(objective: DenseObjective, gauss_newton: bool) -> Array:
    """All eigenvalues of each diagonal block, (layers, width^2), each row from the largest down."""
    blocks = objective.layer_blocks(gauss_newton)
    rows = [np.linalg.eigvalsh(block.cpu().double().numpy())[::-1] for block in blocks]
    return np.stack(rows[::-1])
