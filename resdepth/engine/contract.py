"""What every engine offers, and what it returns."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from resdepth.arrays import Blocks, Counts, Hidden, Prediction, Scalar, Targets
from resdepth.engine.loss import in_float64, omega
from resdepth.engine.network import Network


@runtime_checkable
class Summary(Protocol):
    """What is known of one batch on the host: loss and Omega in float64, and class counts."""

    @property
    def loss(self) -> Scalar:
        """Mean loss."""

    @property
    def omega(self) -> Scalar:
        """Omega."""

    @property
    def counts(self) -> Counts | None:
        """Samples, predictions and hits of each class; None for a regression."""


@dataclass(frozen=True)
class Evaluation:
    """Loss of one network, or of each of R replicas, over one batch.

    `loss` and `omega` are float64 of shape (*replicas); `gradient` is that of the mean loss with
    respect to `blocks`, None where only the loss was asked for; `counts` is None for a regression.
    """

    loss: Scalar
    omega: Scalar
    counts: Counts | None
    prediction: Prediction
    gradient: Blocks | None = None


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


@runtime_checkable
class Engine(Protocol):
    """One implementation of the network; all of them agree up to rounding.

    `network.blocks` may carry a leading replica axis R; `h0` is then shared (samples, width) or
    (R, samples, width), and so are targets and read-out.
    """

    name: str

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        """h_L U_out^T, (*replicas, samples, outputs)."""

    def evaluate(self, network: Network, h0: Hidden, targets: Targets) -> Evaluation:
        """Loss, Omega, counts and prediction, without a gradient."""

    def loss_and_gradient(self, network: Network, h0: Hidden, targets: Targets) -> Evaluation:
        """The same with the gradient of the mean loss."""


def evaluate_prediction(
    network: Network,
    prediction: Prediction,
    targets: Targets,
    of_samples: Prediction | None = None,
    gradient: Blocks | None = None,
) -> Evaluation:
    """Loss, Omega and counts of a prediction that an engine has made.

    `of_samples` is the gradient of each sample's own loss, where the engine has it already.
    """
    if of_samples is None:
        of_samples = network.loss.gradient_of_samples(prediction, targets)
    return Evaluation(
        loss=in_float64(network.loss.of_samples(prediction, targets)).mean(-1),
        omega=omega(of_samples),
        counts=network.loss.counts(prediction, targets),
        prediction=prediction,
        gradient=gradient,
    )
