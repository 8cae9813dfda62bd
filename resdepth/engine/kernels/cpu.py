"""The compiled CPU kernels: a tile of samples goes through all layers while it sits in the cache.

The equations are those of `eager`; the kernels live in `rust-engine/`. They keep sigma of every
layer for one tile of samples a thread, so memory does not grow with N L, and they add up fixed
parts of the batch in a fixed order: the bits do not depend on the number of threads.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from resdepth.arrays import Directions, Hidden, Prediction, Traces
from resdepth.engine.contract import (
    Batch,
    Engine,
    Evaluation,
    Request,
    check_directions,
    check_single,
)
from resdepth.engine.kernels.eager_curvature import EagerCurvature
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
    """The tensor's own memory as an array; copied only where it is not contiguous."""
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


class CpuEngine(EagerCurvature, Engine):
    """The fastest engine on a CPU; owns its threads and their memory.

    Dense blocks of the Hessian come from torch: one product of large matrices per layer.
    """

    name = "cpu"

    def __init__(self, threads: int) -> None:
        self._kernels = _kernels.Engine(threads, os.environ.get(INSTRUCTION_SET) or None)

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        prediction = self._prediction(network, h0)
        arrays = _arrays(network, h0)
        shape = (len(arrays[1]), *prediction.shape[-2:])
        self._kernels.predict(*arrays, prediction.view(shape).numpy(), _options(network))
        return prediction

    def evaluate(self, batch: Batch) -> Evaluation:
        return self._evaluate(batch, None)

    def loss_and_gradient(self, batch: Batch) -> Evaluation:
        blocks = batch.network.blocks
        return self._evaluate(batch, torch.empty(blocks.shape, dtype=blocks.dtype))

    def hvp(self, batch: Batch, directions: Directions, gauss_newton: bool = False) -> Directions:
        """The Hessian, or the Gauss-Newton matrix, times each direction.

        Up to eight directions share a pass; a product has the same bits whatever it shares with.
        """
        check_directions(batch.network, directions)
        products = torch.empty(directions.shape, dtype=directions.dtype)
        if len(directions):
            self._kernels.products(
                *_arrays(batch.network, batch.h0),
                _array(batch.targets),
                _options(batch.network),
                gauss_newton,
                _array(directions),
                products.numpy(),
            )
        return products

    def block_traces(self, batch: Batch, gauss_newton: bool = False) -> Traces:
        network = batch.network
        check_single(network)
        arrays = (*_arrays(network, batch.h0), _array(batch.targets))
        return torch.from_numpy(self._kernels.traces(*arrays, _options(network), gauss_newton))

    def _prediction(self, network: Network, h0: Hidden) -> Prediction:
        shape = (*network.blocks.shape[:-3], h0.shape[-2], network.readout.shape[-2])
        return torch.empty(shape, dtype=network.blocks.dtype)

    def _evaluate(self, batch: Batch, gradient: Tensor | None) -> Evaluation:
        network = batch.network
        prediction = self._prediction(network, batch.h0)
        replicas, classes = network.blocks.shape[:-3], network.readout.shape[-2]
        arrays = _arrays(network, batch.h0)
        loss, omega, counts = self._kernels.evaluate(
            *arrays,
            _array(batch.targets),
            _options(network),
            prediction=prediction.view(len(arrays[1]), *prediction.shape[-2:]).numpy(),
            gradient=None if gradient is None else gradient.view(arrays[1].shape).numpy(),
        )
        return Evaluation(
            loss=torch.from_numpy(loss).view(replicas),
            omega=torch.from_numpy(omega).view(replicas),
            # A regression has no classes.
            counts=torch.from_numpy(counts).view(*replicas, 3, classes) if counts.size else None,
            prediction=prediction,
            gradient=gradient,
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
