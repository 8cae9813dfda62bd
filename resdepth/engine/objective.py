"""A loss on fixed data as a function of parameter vectors."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
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

WORKING_SET = {"cpu": 4 * 2**20, "cuda": 2**30, "mps": 2**28}
"""Bytes of hidden states per call, by device; on a CPU about the cache of a core."""
HIDDEN_COPIES = 3
"""Hidden states in memory while a layer is applied."""
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
        hidden = HIDDEN_COPIES * self.samples * network.width
        weights = network.depth * network.width**2
        each = (hidden + 2 * weights) * network.readin.element_size()
        fitting = WORKING_SET[network.readin.device.type] // each
        return int(max(1, min(LARGEST_BATCH, fitting)))

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
