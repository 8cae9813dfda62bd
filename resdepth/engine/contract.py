"""What every engine offers, and what it returns."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from resdepth.arrays import (
    BlockHessian,
    Blocks,
    Counts,
    Directions,
    Hidden,
    Prediction,
    Scalar,
    Targets,
    Traces,
)
from resdepth.engine.loss import in_float64, omega
from resdepth.engine.network import Network


@dataclass(frozen=True)
class Summary:
    """Mean loss and Omega of one batch in float64; class counts unless it is a regression."""

    loss: Scalar
    omega: Scalar
    counts: Counts | None


@dataclass(frozen=True)
class Evaluation(Summary):
    """The summary with the gradient of the mean loss."""

    gradient: Blocks


@dataclass(frozen=True)
class Batch:
    """A network and the embedded samples that its loss is the mean over.

    `network.blocks` may carry a leading replica axis R; each of `h0`, targets and read-out may then
    carry it too, or be shared.
    """

    network: Network
    h0: Hidden
    targets: Targets

    def gradient_of_samples(self, prediction: Prediction) -> Prediction:
        """Gradient of each sample's own loss with respect to its prediction."""
        return self.network.loss.gradient_of_samples(prediction, self.targets)

    def adjoint(self, of_samples: Prediction) -> Hidden:
        """Gradient of the mean loss in h_L, from `gradient_of_samples`."""
        return (of_samples / of_samples.shape[-2]) @ self.network.readout

    def summary(
        self, prediction: Prediction, of_samples: Prediction
    ) -> tuple[Scalar, Scalar, Counts | None]:
        """The fields of a `Summary`, from `gradient_of_samples`."""
        loss, targets = self.network.loss, self.targets
        mean = in_float64(loss.of_samples(prediction, targets)).mean(-1)
        return mean, omega(of_samples), loss.counts(prediction, targets)


@dataclass(frozen=True)
class Request:
    """What a network needs of an engine."""

    device: torch.device
    dtype: torch.dtype
    threads: int
    precision: str = "ieee"


class Engine(ABC):
    """One implementation of the network; all of them agree up to rounding."""

    name: str

    @abstractmethod
    def predict(self, network: Network, h0: Hidden) -> Prediction:
        """h_L U_out^T, (*replicas, samples, outputs)."""

    def evaluate(self, batch: Batch) -> Summary:
        """Loss, Omega and counts, without a gradient."""
        prediction = self.predict(batch.network, batch.h0)
        return Summary(*batch.summary(prediction, batch.gradient_of_samples(prediction)))

    @abstractmethod
    def loss_and_gradient(self, batch: Batch) -> Evaluation:
        """The same with the gradient of the mean loss."""


class Curvature(Engine):
    """An engine with the exact second derivatives of the mean loss in the weights.

    `network.blocks` is (L, d, d) and `h0` (samples, width). relu and |r| have kinks: the Hessian is
    that of the smooth piece that the weights lie on. The Gauss-Newton matrix is
    N^-1 sum of J^T (Hessian of a sample's loss in its prediction) J.
    """

    @abstractmethod
    def hvp(self, batch: Batch, directions: Directions, gauss_newton: bool = False) -> Directions:
        """The Hessian, or the Gauss-Newton matrix, times each direction.

        Raises ValueError: the directions are not (R, L, d, d), or the network has replicas.
        """

    def block_traces(self, batch: Batch, gauss_newton: bool = False) -> Traces:
        """The exact trace of each layer's diagonal block, in float64."""
        blocks = self.block_hessians(batch, gauss_newton)
        return torch.stack([in_float64(block).trace() for block in blocks]).flip(0)

    def block_hessians(self, batch: Batch, gauss_newton: bool = False) -> Iterator[BlockHessian]:
        """The diagonal blocks, dense, from the last layer to the first: one product per entry."""
        network = batch.network
        check_single(network)
        entries = network.width**2
        for k in reversed(range(network.depth)):
            units = network.blocks.new_zeros(entries, *network.blocks.shape)
            units[:, k].view(entries, entries).fill_diagonal_(1.0)
            columns = self.hvp(batch, units, gauss_newton)
            yield columns[:, k].reshape(entries, entries).T


def check_single(network: Network, directions: Directions | None = None) -> None:
    """Refuse replicas, which have no Hessian of their own here, and directions that do not fit."""
    shape = network.blocks.shape
    if len(shape) != 3:
        raise ValueError("blocks: second derivatives are those of one network (L, d, d)")
    if directions is not None and (directions.dim() != 4 or directions.shape[1:] != shape):
        wanted, found = f"(R, {', '.join(map(str, shape))})", tuple(directions.shape)
        raise ValueError(f"directions: must be {wanted}, not {found}")
