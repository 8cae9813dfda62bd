"""Hand-written forward and backward passes in torch operations: every device, every option.

With G_{k+1} the adjoint of h_{k+1} and B_k the matrix of the layer (A_k, or A_k - A_{k-1}):

    weights inside   h_{k+1} = [h_k +] c sigma(h_k B_k^T):  U = c G_{k+1} * sigma'(h_k B_k^T),
                     dB_k = U^T h_k,  G_k = [G_{k+1} +] U B_k
    weights outside  h_{k+1} = h_k + sigma(h_k) B_k^T:      dB_k = G_{k+1}^T sigma(h_k),
                     G_k = G_{k+1} + (G_{k+1} B_k) * sigma'(h_k)

The forward pass keeps the left operand of each product and sigma' of each layer: 2 N d L numbers.
"""

import torch
from torch import Tensor

from resdepth.arrays import Blocks, Hidden, Prediction
from resdepth.engine.contract import Batch, Engine, Evaluation, Request
from resdepth.engine.kernels.eager_curvature import EagerCurvature, forward
from resdepth.engine.network import INSIDE, Network, increments, of_increments
from resdepth.mathematics.activation import ACTIVATIONS


def _backward(network: Network, adjoint: Hidden, kept: list[tuple[Tensor, Tensor]]) -> Blocks:
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


class EagerEngine(EagerCurvature, Engine):
    """The engine of every device; one torch operation after another."""

    name = "eager"

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        h = h0
        for step in forward(network, h0):
            h = step.output
        return h @ network.readout.mT

    def loss_and_gradient(self, batch: Batch) -> Evaluation:
        derivative = ACTIVATIONS[batch.network.activation].derivative
        kept, h = list[tuple[Tensor, Tensor]](), batch.h0
        for step in forward(batch.network, batch.h0):
            kept.append((step.input, derivative(step.argument, step.value)))
            h = step.output
        prediction = h @ batch.network.readout.mT
        of_samples = batch.gradient_of_samples(prediction)
        gradient = _backward(batch.network, batch.adjoint(of_samples), kept)
        return batch.evaluation(prediction, of_samples, gradient)


def create(request: Request) -> Engine:
    """The engine; it has no state."""
    return EagerEngine()
