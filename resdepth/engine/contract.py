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
    """The summary with the prediction, and the gradient of the mean loss if it was requested."""

    prediction: Prediction
    gradient: Blocks | None = None


@dataclass(frozen=True)
class Batch:
    """A network and the embedded samples that its loss is the mean over.

    `network.blocks` may carry a leading replica axis R; `h0` is then shared (samples, width) or
    (R, samples, width), and so are targets and read-out.
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

    def evaluation(
        self,
        prediction: Prediction,
        of_samples: Prediction | None = None,
        gradient: Blocks | None = None,
    ) -> Evaluation:
        """Loss, Omega and counts of a prediction; `of_samples` is computed if it is not given."""
        if of_samples is None:
            of_samples = self.gradient_of_samples(prediction)
        loss = self.network.loss
        return Evaluation(
            loss=in_float64(loss.of_samples(prediction, self.targets)).mean(-1),
            omega=omega(of_samples),
            counts=loss.counts(prediction, self.targets),
            prediction=prediction,
            gradient=gradient,
        )


@dataclass(frozen=True)
class Request:
    """What a network needs of an engine."""

    device: torch.device
    dtype: torch.dtype
    activation: str
    augmentation: str
    width: int
    threads: int
    precision: str = "ieee"


class Engine(ABC):
    """One implementation of the network; all of them agree up to rounding."""

    name: str

    @abstractmethod
    def predict(self, network: Network, h0: Hidden) -> Prediction:
        """h_L U_out^T, (*replicas, samples, outputs)."""

    def evaluate(self, batch: Batch) -> Evaluation:
        """Loss, Omega, counts and prediction, without a gradient."""
        return batch.evaluation(self.predict(batch.network, batch.h0))

    @abstractmethod
    def loss_and_gradient(self, batch: Batch) -> Evaluation:
        """The same with the gradient of the mean loss."""


class Curvature(ABC):
    """Second derivatives of the mean loss in the weights of one network, exact.

    `network.blocks` is (L, d, d) and `h0` (samples, width). relu and |r| have kinks: the Hessian is
    that of the smooth piece that the weights lie on. The Gauss-Newton matrix is
    N^-1 sum of J^T (Hessian of a sample's loss in its prediction) J.
    """

    name: str

    @abstractmethod
    def hvp(self, batch: Batch, directions: Directions, gauss_newton: bool = False) -> Directions:
        """The Hessian, or the Gauss-Newton matrix, times each direction.

        Raises ValueError: the directions are not (R, L, d, d), or the network has replicas.
        """

    @abstractmethod
    def block_traces(self, batch: Batch, gauss_newton: bool = False) -> Traces:
        """The exact trace of each layer's diagonal block, in float64."""

    @abstractmethod
    def block_hessians(self, batch: Batch, gauss_newton: bool = False) -> Iterator[BlockHessian]:
        """The diagonal blocks, dense, from the last layer to the first."""


def check_single(network: Network) -> None:
    """Refuse replicas, which have no Hessian of their own here."""
    if network.blocks.dim() != 3:
        raise ValueError("blocks: second derivatives are those of one network (L, d, d)")


def check_directions(network: Network, directions: Directions) -> None:
    """Refuse directions that do not fit the network."""
    check_single(network)
    if directions.dim() != 4 or directions.shape[1:] != network.blocks.shape:
        raise ValueError(
            f"directions: must be (R, {', '.join(map(str, network.blocks.shape))}), "
            f"not {tuple(directions.shape)}"
        )
