"""A loss on fixed data as a function of one vector of parameters, or of many at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.func import functional_call

from resdepth.arrays import Batch, BlockHessian, Hidden, Images, Labels, Prediction, Targets, Traces
from resdepth.engine.contract import Curvature, Engine
from resdepth.engine.double_backward import products
from resdepth.engine.loss import CrossEntropy, in_float64
from resdepth.engine.network import Network
from resdepth.engine.parameters import Layout, Part, Vector, layout_of

Losses = Float64[Tensor, " replicas"]
"""A mean loss for each vector."""

WORKING_SET = {"cpu": 4 * 2**20, "cuda": 2**30, "mps": 2**28}
"""Bytes of hidden states that a call may take, by device: about a core's cache on a CPU."""
HIDDEN_COPIES = 3
"""Hidden states that are alive at once while a layer is applied."""
LARGEST_BATCH = 1024


@runtime_checkable
class Objective(Protocol):
    """Mean loss over fixed data; vectors are (R, parameters) in the network's dtype and place."""

    @property
    def layout(self) -> Layout:
        """What the vector's parts are."""

    @property
    def centre(self) -> Vector:
        """The parameters that the objective was made with."""

    @property
    def samples(self) -> int:
        """Samples that the mean is over."""

    @property
    def together(self) -> int:
        """Vectors best evaluated in one call; the same on every machine."""

    def losses(self, vectors: Vector) -> Losses:
        """Mean loss of each vector."""

    def gradients(self, vectors: Vector) -> tuple[Losses, Vector]:
        """Mean loss and its gradient, each vector's own."""

    def products(self, directions: Vector, gauss_newton: bool = False) -> Vector:
        """The Hessian at the centre, or the Gauss-Newton matrix, times each direction."""


@dataclass(frozen=True)
class DenseObjective:
    """A fully connected network on embedded data, by an engine that takes R networks at once."""

    engine: Engine
    network: Network
    h0: Hidden
    targets: Targets

    @property
    def layout(self) -> Layout:
        """The blocks alone: read-in and read-out never train."""
        return Layout((Part("blocks", tuple(self.network.blocks.shape), stacked=1),))

    @property
    def centre(self) -> Vector:
        """The network's own blocks."""
        return self.network.blocks.reshape(-1)

    @property
    def samples(self) -> int:
        """Samples that the mean is over."""
        return len(self.targets)

    @property
    def together(self) -> int:
        """From the memory that one network takes."""
        network = self.network
        hidden = HIDDEN_COPIES * self.samples * network.width
        weights = network.depth * network.width**2
        each = (hidden + 2 * weights) * network.readin.element_size()
        fitting = WORKING_SET[network.readin.device.type] // each
        return int(max(1, min(LARGEST_BATCH, fitting)))

    def losses(self, vectors: Vector) -> Losses:
        """Mean loss of each vector."""
        return self.engine.evaluate(self._networks(vectors), self.h0, self.targets).loss

    def gradients(self, vectors: Vector) -> tuple[Losses, Vector]:
        """Mean loss and its gradient, each vector's own."""
        found = self.engine.loss_and_gradient(self._networks(vectors), self.h0, self.targets)
        if found.gradient is None:
            raise RuntimeError(f"engine {self.engine.name} gave no gradient")
        return found.loss, found.gradient.reshape(vectors.shape)

    def products(self, directions: Vector, gauss_newton: bool = False) -> Vector:
        """The Hessian at the centre, or the Gauss-Newton matrix, times each direction."""
        shaped = directions.view(-1, *self.network.blocks.shape)
        found = self._curvature.hvp(self.network, self.h0, self.targets, shaped, gauss_newton)
        return found.reshape(directions.shape)

    def layer_traces(self, gauss_newton: bool = False) -> Traces:
        """The exact trace of each layer's diagonal block."""
        return self._curvature.block_traces(self.network, self.h0, self.targets, gauss_newton)

    def layer_blocks(self, gauss_newton: bool = False) -> Iterator[BlockHessian]:
        """The diagonal blocks, dense, from the last layer to the first."""
        return self._curvature.block_hessians(self.network, self.h0, self.targets, gauss_newton)

    @property
    def _curvature(self) -> Curvature:
        if not isinstance(self.engine, Curvature):
            raise RuntimeError(f"engine {self.engine.name} has no second derivatives")
        return self.engine

    def _networks(self, vectors: Vector) -> Network:
        return self.network.with_blocks(vectors.view(-1, *self.network.blocks.shape))


@dataclass(frozen=True)
class ConvolutionalObjective:
    """A classifier of images in evaluation, its batch statistics those that it was trained with.

    `batches` are images (N, C, H, W) and labels (N,); the mean is over all of them.
    """

    network: nn.Module
    batches: Sequence[Batch]

    @property
    def layout(self) -> Layout:
        """Every parameter, in the module's own order."""
        named = dict(self.network.named_parameters())
        return layout_of(named, list(named))

    @property
    def centre(self) -> Vector:
        """The network's own parameters."""
        return self.layout.vector(dict(self.network.named_parameters())).detach()

    @property
    def samples(self) -> int:
        """Samples that the mean is over."""
        return sum(len(labels) for _, labels in self.batches)

    @property
    def together(self) -> int:
        """One: a convolution of many images fills the device by itself."""
        return 1

    def losses(self, vectors: Vector) -> Losses:
        """Mean loss of each vector."""
        with torch.no_grad():
            sums = [sum(self._sums(vector), start=_nothing(vector)) for vector in vectors]
        return torch.stack(sums) / self.samples

    def gradients(self, vectors: Vector) -> tuple[Losses, Vector]:
        """Mean loss and its gradient, each vector's own."""
        found = [self._gradient(vector) for vector in vectors]
        losses, gradients = zip(*found, strict=True)
        return torch.stack(losses), torch.stack(gradients)

    def products(self, directions: Vector, gauss_newton: bool = False) -> Vector:
        """The Hessian at the centre, or the Gauss-Newton matrix, times each direction."""
        found = torch.zeros_like(directions)
        for images, labels in self.batches:
            # One batch's graph at a time.
            found += self._products(images, labels, directions, gauss_newton)
        return found / self.samples

    def _products(
        self, images: Images, labels: Labels, directions: Vector, gauss_newton: bool
    ) -> Vector:
        """Those of one batch's summed loss."""
        return products(
            lambda vector: self._logits(vector, images),
            lambda logits: CrossEntropy().of_samples(logits, labels).sum(),
            self.centre,
            directions,
            gauss_newton,
        )

    def _gradient(self, vector: Vector) -> tuple[Tensor, Tensor]:
        leaf = vector.detach().clone().requires_grad_()
        loss, gradient = _nothing(vector), torch.zeros_like(vector)
        for part in self._sums(leaf):
            # One batch's graph at a time.
            (of_batch,) = torch.autograd.grad(part, leaf)
            loss, gradient = loss + part.detach(), gradient + of_batch
        return loss / self.samples, gradient / self.samples

    def _sums(self, vector: Vector) -> Iterator[Tensor]:
        """Summed loss of each batch."""
        for images, labels in self.batches:
            logits = self._logits(vector, images)
            yield in_float64(CrossEntropy().of_samples(logits, labels)).sum()

    def _logits(self, vector: Vector, images: Images) -> Prediction:
        self.network.eval()
        parameters = self.layout.named(vector)
        found: Prediction = functional_call(self.network, parameters, (images.to(vector.dtype),))
        return found


def _nothing(vector: Vector) -> Tensor:
    return in_float64(torch.zeros((), device=vector.device))
