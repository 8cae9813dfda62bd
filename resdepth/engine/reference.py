"""The oracle: the network written as the mathematics reads, differentiated by autograd."""

from collections import deque
from collections.abc import Iterator

import torch

from resdepth.arrays import BlockHessian, Directions, Hidden, Prediction, Targets, Traces
from resdepth.engine.contract import (
    Engine,
    Evaluation,
    Request,
    check_directions,
    check_single,
    evaluate_prediction,
)
from resdepth.engine.double_backward import products
from resdepth.engine.loss import in_float64
from resdepth.engine.network import Network
from resdepth.mathematics.activation import ACTIVATIONS


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


class ReferenceEngine:
    """Slow and plain; every other engine is tested against it in float64."""

    name = "reference"

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        """h_L U_out^T, (*replicas, samples, outputs)."""
        # Only the last state is wanted; a deque of one drops the others as they come.
        last = deque(hidden_states(network, h0), maxlen=1).pop()
        return last @ network.readout.mT

    def evaluate(self, network: Network, h0: Hidden, targets: Targets) -> Evaluation:
        """Loss, Omega, counts and prediction, without a gradient."""
        with torch.no_grad():
            return evaluate_prediction(network, self.predict(network, h0), targets)

    def loss_and_gradient(self, network: Network, h0: Hidden, targets: Targets) -> Evaluation:
        """The same with the gradient of the mean loss, by autograd."""
        blocks = network.blocks.detach().clone().requires_grad_()
        prediction = self.predict(network.with_blocks(blocks), h0)
        prediction.retain_grad()
        of_samples = network.loss.of_samples(prediction, targets)
        # Replicas are independent: the gradient of their sum is the gradient of each.
        torch.autograd.backward(of_samples.mean(-1).sum())
        if blocks.grad is None or prediction.grad is None:
            raise RuntimeError("autograd gave no gradient")
        own = prediction.grad * prediction.shape[-2]
        return evaluate_prediction(network, prediction.detach(), targets, own, blocks.grad)

    def hvp(
        self,
        network: Network,
        h0: Hidden,
        targets: Targets,
        directions: Directions,
        gauss_newton: bool = False,
    ) -> Directions:
        """The Hessian, or the Gauss-Newton matrix, times each direction, by double backward."""
        check_directions(network, directions)
        return products(
            lambda blocks: self.predict(network.with_blocks(blocks), h0),
            lambda prediction: network.loss.of_samples(prediction, targets).mean(),
            network.blocks,
            directions,
            gauss_newton,
        )

    def block_traces(
        self, network: Network, h0: Hidden, targets: Targets, gauss_newton: bool = False
    ) -> Traces:
        """The exact trace of each layer's diagonal block, in float64."""
        blocks = self.block_hessians(network, h0, targets, gauss_newton)
        return torch.stack([in_float64(block).trace() for block in blocks]).flip(0)

    def block_hessians(
        self, network: Network, h0: Hidden, targets: Targets, gauss_newton: bool = False
    ) -> Iterator[BlockHessian]:
        """The diagonal blocks, from the last layer to the first: one product an entry."""
        check_single(network)
        entries = network.width**2
        for k in reversed(range(network.depth)):
            units = network.blocks.new_zeros(entries, *network.blocks.shape)
            units[:, k].view(entries, entries).fill_diagonal_(1.0)
            columns = self.hvp(network, h0, targets, units, gauss_newton)
            yield columns[:, k].reshape(entries, entries).T


def unavailable(request: Request) -> str | None:
    """MPS has no float64; everything else runs."""
    if request.device.type == "mps" and request.dtype == torch.float64:
        return "mps has no float64"
    return None


def create(request: Request) -> Engine:
    """The engine; it holds nothing."""
    return ReferenceEngine()
