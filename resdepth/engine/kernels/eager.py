"""Hand-written forward and backward passes in torch operations: every device, every option.

With G_{k+1} the adjoint of h_{k+1} and B_k the matrix of the layer (A_k, or A_k - A_{k-1}):

    weights inside   h_{k+1} = [h_k +] c sigma(h_k B_k^T):  U = c G_{k+1} * sigma'(h_k B_k^T),
                     dB_k = U^T h_k,  G_k = [G_{k+1} +] U B_k
    weights outside  h_{k+1} = h_k + sigma(h_k) B_k^T:      dB_k = G_{k+1}^T sigma(h_k),
                     G_k = G_{k+1} + (G_{k+1} B_k) * sigma'(h_k)

The forward pass keeps the left operand of each product and sigma' of each layer: 2 N d L numbers.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from resdepth.arrays import (
    BlockHessian,
    Blocks,
    Directions,
    Hidden,
    Prediction,
    Targets,
    Traces,
)
from resdepth.engine.contract import Engine, Evaluation, Request, evaluate_prediction
from resdepth.engine.kernels import eager_curvature
from resdepth.engine.network import INSIDE, Network, increments, of_increments
from resdepth.mathematics.activation import ACTIVATIONS

Kept = list[tuple[Tensor, Tensor]]


def _forward(network: Network, h0: Hidden, kept: Kept | None) -> Hidden:
    activation = ACTIVATIONS[network.activation]
    inside = network.augmentation in INSIDE
    h = h0
    for matrix in increments(network).unbind(-3):
        before = h @ matrix.mT if inside else h
        value = activation.value(before)
        if kept is not None:
            kept.append((h if inside else value, activation.derivative(before, value)))
        if network.augmentation == "skip":
            h = torch.add(h, value, alpha=network.delta)
        elif network.augmentation == "none":
            h = value
        else:
            h = h + value @ matrix.mT
    return h


def _backward(network: Network, adjoint: Hidden, kept: Kept) -> Blocks:
    inside = network.augmentation in INSIDE
    factor = network.delta if network.augmentation == "skip" else 1.0
    matrices = increments(network).unbind(-3)
    gradient = torch.empty_like(network.blocks)
    for k in reversed(range(network.depth)):
        left, derivative = kept.pop()
        if inside:
            u = factor * adjoint * derivative
            gradient[..., k, :, :] = u.mT @ left
            through = u @ matrices[k]
            adjoint = through if network.augmentation == "none" else adjoint + through
        else:
            gradient[..., k, :, :] = adjoint.mT @ left
            adjoint = adjoint + (adjoint @ matrices[k]) * derivative
    return of_increments(network, gradient)


class EagerEngine:
    """The engine of every device; one torch operation after another."""

    name = "eager"

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        """h_L U_out^T, (*replicas, samples, outputs)."""
        return _forward(network, h0, None) @ network.readout.mT

    def evaluate(self, network: Network, h0: Hidden, targets: Targets) -> Evaluation:
        """Loss, Omega, counts and prediction, without a gradient."""
        return evaluate_prediction(network, self.predict(network, h0), targets)

    def loss_and_gradient(self, network: Network, h0: Hidden, targets: Targets) -> Evaluation:
        """The same with the gradient of the mean loss."""
        kept: Kept = []
        prediction = _forward(network, h0, kept) @ network.readout.mT
        of_samples = network.loss.gradient_of_samples(prediction, targets)
        adjoint = (of_samples / prediction.shape[-2]) @ network.readout
        gradient = _backward(network, adjoint, kept)
        return evaluate_prediction(network, prediction, targets, of_samples, gradient)

    def hvp(
        self,
        network: Network,
        h0: Hidden,
        targets: Targets,
        directions: Directions,
        gauss_newton: bool = False,
    ) -> Directions:
        """The Hessian, or the Gauss-Newton matrix, times each direction."""
        return eager_curvature.hvp(network, h0, targets, directions, gauss_newton)

    def block_traces(
        self, network: Network, h0: Hidden, targets: Targets, gauss_newton: bool = False
    ) -> Traces:
        """The exact trace of each layer's diagonal block, in float64."""
        return eager_curvature.block_traces(network, h0, targets, gauss_newton)

    def block_hessians(
        self, network: Network, h0: Hidden, targets: Targets, gauss_newton: bool = False
    ) -> Iterator[BlockHessian]:
        """The diagonal blocks, from the last layer to the first."""
        return eager_curvature.block_hessians(network, h0, targets, gauss_newton)


def unavailable(request: Request) -> str | None:
    """MPS has no float64; everything else runs."""
    if request.device.type == "mps" and request.dtype == torch.float64:
        return "mps has no float64"
    return None


def create(request: Request) -> Engine:
    """The engine; it holds nothing."""
    return EagerEngine()
