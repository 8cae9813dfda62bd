"""A loss on fixed data as a function of parameter vectors, on a grid of them, or along a path.

The batches of a grid's cells are always the same, the last one filled with the centre. The value of
a cell then depends on its place alone: a resumed surface has the bits of an uninterrupted one.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy.typing import NDArray
from torch import Tensor

from resdepth.arrays import BlockHessian, Hidden, Targets, Traces
from resdepth.engine.contract import Batch, Curvature, Engine
from resdepth.engine.loss import in_float64
from resdepth.engine.network import Network
from resdepth.engine.vector import Layout, Part, Vector

MEASURES = ("loss", "accuracy")
"""The columns of `Scores`; the accuracy of a regression is NaN."""
Scores = Float[Tensor, "replicas 2"]
"""Mean loss and accuracy of each vector, float64."""
Losses = Float[Tensor, " replicas"]
"""The mean loss of each vector, float64."""
Measured = NDArray[np.float64]
"""The same as an array, one row per cell."""

WORKING_SET = {"cpu": 4 * 2**20, "cuda": 2**30, "mps": 2**28}
"""Bytes of hidden states per call, by device; on a CPU about the cache of a core."""
LARGEST_BATCH = 1024


class Objective(ABC):
    """Mean loss over fixed data; vectors are (R, parameters) in the network's dtype and place."""

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """The parts of a vector."""

    @property
    @abstractmethod
    def centre(self) -> Vector:
        """The network's own parameters."""

    @property
    @abstractmethod
    def samples(self) -> int:
        """Samples that the mean is over."""

    @property
    @abstractmethod
    def together(self) -> int:
        """Vectors best evaluated in one call; the same on every machine."""

    @abstractmethod
    def scores(self, vectors: Vector) -> Scores:
        """Mean loss and accuracy of each vector."""

    @abstractmethod
    def gradients(self, vectors: Vector) -> tuple[Losses, Vector]:
        """Mean loss of each vector and its gradient."""

    @abstractmethod
    def products(self, directions: Vector, gauss_newton: bool = False) -> Vector:
        """The Hessian at the centre, or the Gauss-Newton matrix, times each direction."""


@dataclass(frozen=True)
class DenseObjective(Objective):
    """A fully connected network on embedded data."""

    engine: Engine
    network: Network
    h0: Hidden
    targets: Targets

    @property
    def layout(self) -> Layout:
        return Layout((Part("blocks", tuple(self.network.blocks.shape), stacked=1),))

    @property
    def centre(self) -> Vector:
        return self.network.blocks.reshape(-1)

    @property
    def samples(self) -> int:
        return len(self.targets)

    @property
    def together(self) -> int:
        network = self.network
        # Three hidden states are in memory while a layer is applied.
        hidden = 3 * self.samples * network.width
        weights = network.depth * network.width**2
        each = (hidden + 2 * weights) * network.readin.element_size()
        return int(max(1, min(LARGEST_BATCH, WORKING_SET[network.readin.device.type] // each)))

    def scores(self, vectors: Vector) -> Scores:
        found = self.engine.evaluate(self._batch(vectors))
        accuracy = torch.full_like(found.loss, torch.nan)
        if found.counts is not None:
            accuracy = in_float64(found.counts[:, 2].sum(-1)) / self.samples
        return torch.stack([found.loss, accuracy], 1)

    def gradients(self, vectors: Vector) -> tuple[Losses, Vector]:
        found = self.engine.loss_and_gradient(self._batch(vectors))
        return found.loss, found.gradient.reshape(vectors.shape)

    def products(self, directions: Vector, gauss_newton: bool = False) -> Vector:
        shaped = directions.view(-1, *self.network.blocks.shape)
        return self._curvature.hvp(self._own, shaped, gauss_newton).reshape(directions.shape)

    def layer_traces(self, gauss_newton: bool = False) -> Traces:
        """The exact trace of each layer's diagonal block."""
        return self._curvature.block_traces(self._own, gauss_newton)

    def layer_blocks(self, gauss_newton: bool = False) -> Iterator[BlockHessian]:
        """The diagonal blocks, dense, from the last layer to the first."""
        return self._curvature.block_hessians(self._own, gauss_newton)

    @property
    def _curvature(self) -> Curvature:
        if not isinstance(self.engine, Curvature):
            raise RuntimeError(f"engine {self.engine.name} has no second derivatives")
        return self.engine

    @property
    def _own(self) -> Batch:
        return Batch(self.network, self.h0, self.targets)

    def _batch(self, vectors: Vector) -> Batch:
        blocks = vectors.view(-1, *self.network.blocks.shape)
        return Batch(self.network.with_blocks(blocks), self.h0, self.targets)


@dataclass(frozen=True)
class Plane:
    """theta + sum_i c_i D_i: `centre` theta (n,), `directions` D (dimensions, n), float64."""

    centre: Float64[Tensor, " parameters"]
    directions: Float64[Tensor, "dimensions parameters"]

    def weights(self, coordinates: Tensor, out: Tensor) -> Tensor:
        """Write the weights at `coordinates` (R, dimensions) to `out` (R, n); theta at 0."""
        torch.addmm(self.centre.unsqueeze(0), coordinates, self.directions, out=out)
        return out


def surface(
    objective: Objective,
    plane: Plane,
    coordinates: NDArray[np.float64],
    done: NDArray[np.bool_],
    size: int,
) -> Iterator[tuple[slice, Measured]]:
    """Mean loss and accuracy of the cells at `coordinates` (cells, dimensions), batch by batch.

    Yields the cells of each batch that is not completely `done` (cells,), and their values. Weights
    are computed in float64 and cast to the dtype and device of the objective.
    """
    # Allocated once: new memory would cost page faults in every batch.
    weights = plane.centre.new_empty(size, len(plane.centre))
    cast = objective.centre.new_empty(weights.shape)
    for start in range(0, len(coordinates), size):
        cells = slice(start, min(start + size, len(coordinates)))
        if done[cells].all():
            continue
        batch = torch.zeros(size, coordinates.shape[1], dtype=torch.float64)
        batch[: cells.stop - start] = torch.from_numpy(coordinates[cells])
        cast.copy_(plane.weights(batch.to(plane.centre.device), weights))
        yield cells, objective.scores(cast).cpu().numpy()[: cells.stop - start]


def along(objective: Objective, vectors: Iterable[Vector], size: int) -> Measured:
    """Mean loss and accuracy of vectors (n,), float64 on the CPU, `size` at a time."""
    batch = objective.centre.expand(size, -1).clone()
    found, filled = [np.empty((0, len(MEASURES)))], 0
    for vector in vectors:
        batch[filled].copy_(vector)
        filled = (filled + 1) % size
        if not filled:
            found.append(objective.scores(batch).cpu().numpy())
    if filled:
        found.append(objective.scores(batch).cpu().numpy()[:filled])
    return np.concatenate(found)
