"""Derivatives by autograd: products of a Hessian, and the engine that tests all others."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from resdepth.arrays import Directions, Hidden, Prediction
from resdepth.engine.contract import Batch, Curvature, Engine, Evaluation, Request, check_single
from resdepth.engine.network import Network
from resdepth.mathematics.activation import ACTIVATIONS


def products(
    predict: Callable[[Tensor], Tensor],
    loss: Callable[[Tensor], Tensor],
    parameters: Tensor,
    directions: Tensor,
    gauss_newton: bool = False,
) -> Tensor:
    """The Hessian of loss(predict(parameters)), or its Gauss-Newton matrix, times each direction.

    `directions` and the result are (R, *parameters.shape).
    """
    leaf = parameters.detach().clone().requires_grad_()
    prediction = predict(leaf)
    if not gauss_newton:
        slope = derivative(loss(prediction), leaf, again=True)
        return torch.stack([derivative(slope, leaf, along) for along in directions])
    own = prediction.detach().requires_grad_()
    slope = derivative(loss(own), own, again=True)
    # J v: the derivative of J^T w by w, along v.
    weights = torch.zeros_like(prediction).requires_grad_()
    back = derivative(prediction, leaf, weights, again=True)
    return torch.stack(
        [
            derivative(prediction, leaf, derivative(slope, own, derivative(back, weights, along)))
            for along in directions
        ]
    )


def derivative(of: Tensor, by: Tensor, along: Tensor | None = None, again: bool = False) -> Tensor:
    """Gradient of <of, along> in `by`; with `again` it can be differentiated once more."""
    (found,) = torch.autograd.grad(
        of, by, along, create_graph=again, retain_graph=True, materialize_grads=True
    )
    return found


def hidden_states(network: Network, h0: Hidden) -> Iterator[Hidden]:
    """h_1, ..., h_L, one layer after another."""
    sigma = ACTIVATIONS[network.activation].value
    h = h0
    previous = torch.zeros_like(network.blocks[..., 0, :, :])
    for block in network.blocks.unbind(-3):
        if network.augmentation == "skip":
            h = h + network.delta * sigma(h @ block.mT)
        elif network.augmentation == "none":
            h = sigma(h @ block.mT)
        elif network.augmentation == "linear_skip":
            h = h + sigma(h) @ block.mT
        else:
            h = h + sigma(h) @ (block - previous).mT
        previous = block
        yield h


def first_nonfinite_layer(network: Network, h0: Hidden) -> int | None:
    """The first layer k whose weights or output are not all finite; None if all are."""
    for k, h in enumerate(hidden_states(network, h0)):
        if not (torch.isfinite(network.blocks[k]).all() and torch.isfinite(h).all()):
            return k
    return None


class ReferenceEngine(Curvature):
    """Slow and plain; every other engine is tested against it in float64."""

    name = "reference"

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        last = h0
        for last in hidden_states(network, h0):  # noqa: B007
            pass
        return last @ network.readout.mT

    def loss_and_gradient(self, batch: Batch) -> Evaluation:
        network = batch.network
        blocks = network.blocks.detach().clone().requires_grad_()
        prediction = self.predict(network.with_blocks(blocks), batch.h0)
        # Replicas are independent: the gradient of their sum is the gradient of each.
        mean = network.loss.of_samples(prediction, batch.targets).mean(-1).sum()
        gradient, own = torch.autograd.grad(mean, (blocks, prediction))
        own = own * prediction.shape[-2]
        return Evaluation(*batch.summary(prediction.detach(), own), gradient)

    def hvp(self, batch: Batch, directions: Directions, gauss_newton: bool = False) -> Directions:
        network = batch.network
        check_single(network, directions)
        return products(
            lambda blocks: self.predict(network.with_blocks(blocks), batch.h0),
            lambda prediction: network.loss.of_samples(prediction, batch.targets).mean(),
            network.blocks,
            directions,
            gauss_newton,
        )


def create(request: Request) -> Engine:
    """The engine; it has no state."""
    return ReferenceEngine()
