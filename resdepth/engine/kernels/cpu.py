"""The compiled CPU kernels: a tile of samples goes through all layers while it sits in the cache.

The equations are those of `eager`; the kernels live in `rust-engine/`. They keep sigma of every
layer for one tile of samples per thread, so memory does not grow with N L, and they add up fixed
parts of the batch in a fixed order: the bits do not depend on the number of threads.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from resdepth.arrays import Directions, Hidden, Prediction, Traces
from resdepth.engine.contract import Batch, Engine, Evaluation, Request, Summary, check_single
from resdepth.engine.kernels.eager import EagerEngine
from resdepth.engine.loss import PowerLoss
from resdepth.engine.network import Network

try:
    from resdepth import _kernels
except ImportError as error:  # the package works without its compiled part
    _missing: str | None = str(error)
else:
    _missing = None

if TYPE_CHECKING:
    from resdepth._kernels import _Array as Array
    from resdepth._kernels import _Options as Options


INSTRUCTION_SET = "RESDEPTH_INSTRUCTION_SET"
"""The variable that selects another instruction set than the processor's widest."""


def _array(tensor: Tensor) -> Array:
    """The tensor's own memory as an array; copied only if it is not contiguous."""
    return tensor.detach().contiguous().numpy()


def _options(network: Network) -> Options:
    loss = network.loss
    return {
        "activation": network.activation,
        "augmentation": network.augmentation,
        "delta": network.delta,
        "loss_p": loss.p if isinstance(loss, PowerLoss) else None,
    }


def _arrays(network: Network, h0: Hidden) -> tuple[Array, Array, Array]:
    """h0, blocks with a replica axis, and read-out."""
    blocks = network.blocks if network.blocks.dim() == 4 else network.blocks.unsqueeze(0)
    return _array(h0), _array(blocks), _array(network.readout)


class CpuEngine(EagerEngine):
    """The fastest engine on a CPU; owns its threads and their memory.

    Dense blocks of the Hessian come from torch: one product of large matrices per layer.
    """

    name = "cpu"

    def __init__(self, threads: int) -> None:
        self._kernels = _kernels.Engine(threads, os.environ.get(INSTRUCTION_SET) or None)

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        arrays = _arrays(network, h0)
        shape = (h0.shape[-2], network.readout.shape[-2])
        prediction = torch.empty((len(arrays[1]), *shape), dtype=network.blocks.dtype)
        self._kernels.predict(*arrays, prediction.numpy(), _options(network))
        return prediction.view(*network.blocks.shape[:-3], *shape)

    def evaluate(self, batch: Batch) -> Summary:
        return self._summary(batch, None)

    def loss_and_gradient(self, batch: Batch) -> Evaluation:
        blocks = batch.network.blocks
        gradient = torch.empty(blocks.shape, dtype=blocks.dtype)
        return Evaluation(**vars(self._summary(batch, gradient)), gradient=gradient)

    def hvp(self, batch: Batch, directions: Directions, gauss_newton: bool = False) -> Directions:
        """The Hessian, or the Gauss-Newton matrix, times each direction.

        Up to eight directions share a pass; a product has the same bits whatever it shares with.
        """
        network = batch.network
        check_single(network, directions)
        products = torch.empty(directions.shape, dtype=directions.dtype)
        if len(directions):
            arrays = (*_arrays(network, batch.h0), _array(batch.targets))
            result = (_array(directions), products.numpy())
            self._kernels.products(*arrays, _options(network), gauss_newton, *result)
        return products

    def block_traces(self, batch: Batch, gauss_newton: bool = False) -> Traces:
        network = batch.network
        check_single(network)
        arrays = (*_arrays(network, batch.h0), _array(batch.targets))
        return torch.from_numpy(self._kernels.traces(*arrays, _options(network), gauss_newton))

    def _summary(self, batch: Batch, gradient: Tensor | None) -> Summary:
        """Loss, Omega and counts; the gradient is written to `gradient`."""
        network, targets = batch.network, _array(batch.targets)
        replicas, classes = network.blocks.shape[:-3], network.readout.shape[-2]
        arrays = _arrays(network, batch.h0)
        written = None if gradient is None else gradient.view(arrays[1].shape).numpy()
        loss, omega, counts = self._kernels.evaluate(
            *arrays, targets, _options(network), gradient=written
        )
        return Summary(
            loss=torch.from_numpy(loss).view(replicas),
            omega=torch.from_numpy(omega).view(replicas),
            # A regression has no classes.
            counts=torch.from_numpy(counts).view(*replicas, 3, classes) if counts.size else None,
        )


def unavailable(request: Request) -> str | None:
    """Why this engine cannot run: not compiled, or an instruction set the processor lacks."""
    if _missing is not None:
        return f"the compiled kernels are missing ({_missing})"
    try:
        CpuEngine(1)
    except ValueError as error:
        return f"{INSTRUCTION_SET}: {str(error).removeprefix('instruction_set: ')}"
    return None


def create(request: Request) -> Engine:
    """An engine with the requested threads."""
    return CpuEngine(max(1, request.threads))
