"""A step of gradient descent captured as one CUDA graph; its scalars arrive later, in order.

Evaluation, gradient, update and counting replay as one launch: a few microseconds of Python and
driver per step. Only the rate is sent to the device; only a few float64 come back, copied into
pinned memory without waiting. Smaller batches, like the last one of an epoch, and all batches on
other devices than CUDA run operation by operation.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from resdepth.arrays import Hidden, Targets
from resdepth.engine import capture
from resdepth.engine.contract import Batch, Engine, Summary
from resdepth.engine.network import Network

IN_FLIGHT = 64
"""Steps whose scalars may be in transfer at once; one more step waits for the first of them."""


@dataclass(frozen=True)
class Arrival(Summary):
    """The summary of the weights before update `step`, and whether all of them are `finite`."""

    step: int
    finite: bool


class GraphedStep:
    """Training of one network on one batch at a time; `network` holds the current weights.

    The weights are a copy, updated in place. A loss that is not finite is noticed when it arrives,
    up to IN_FLIGHT updates later; a caller that needs the last good weights must copy them.
    """

    def __init__(
        self, engine: Engine, network: Network, h0: Hidden, targets: Targets, step: int = 0
    ) -> None:
        self.engine = engine
        self.network = network.with_blocks(network.blocks.clone())
        self.step = step
        self._minus_rate = torch.zeros((), dtype=h0.dtype, device=h0.device)
        self._copies: deque[tuple[int, Tensor, Callable[[bool], bool]]] = deque()
        self._free: list[Tensor] = []
        self._arrived: list[Arrival] = []
        self._classes: int | None = None
        self._packed: Tensor
        self._replay: Callable[[], None] | None = None
        self._fix(h0, targets)

    def advance(self, rate: float) -> None:
        """Enqueue one step; wait only if IN_FLIGHT others have not arrived."""
        if len(self._copies) == IN_FLIGHT:
            self._receive(wait=True)
        self._minus_rate.fill_(-rate)
        if self._batch is self._fixed and self._replay is not None:
            self._replay()
            packed = self._packed
        else:
            packed = self._descend(self._batch)
        buffer = self._free.pop() if self._free else capture.host_buffer(packed)
        self._copies.append((self.step, buffer, capture.copy_to_host(packed, buffer)))
        self.step += 1

    def arrivals(self, wait: bool = False) -> list[Arrival]:
        """Results that arrived since the last call, in the order of the steps; `wait` for all."""
        while self._copies and self._receive(wait):
            pass
        arrived, self._arrived = self._arrived, []
        return arrived

    def take(self, h0: Hidden, targets: Targets) -> None:
        """Use another batch from now on; the largest size so far is the captured one."""
        if h0.shape[-2] > self._fixed[0].shape[-2]:
            self._fix(h0, targets)
        elif h0.shape[-2] < self._fixed[0].shape[-2]:
            self._batch = h0, targets
        else:
            self._batch = self._fixed
            for fixed, new in zip(self._fixed, (h0, targets), strict=True):
                fixed.copy_(new)

    def _fix(self, h0: Hidden, targets: Targets) -> None:
        """Take a batch whose memory the graph reads, and capture a step on it."""
        self._batch = self._fixed = h0.clone(), targets.clone()

        def step() -> None:
            self._packed = self._descend(self._fixed)

        if capture.runs_ahead(h0.device):
            self._replay = None  # frees the memory of the previous graph
            self._minus_rate.zero_()
            # The weights are restored: 0 * inf is not 0.
            self._replay = capture.captured(step, self.network.blocks)

    def _descend(self, batch: tuple[Hidden, Targets]) -> Tensor:
        """Update the weights; finiteness of the old ones, loss, Omega and counts in a row."""
        blocks = self.network.blocks
        finite = blocks.isfinite().flatten(-3).all(-1)
        evaluation = self.engine.loss_and_gradient(Batch(self.network, *batch))
        blocks.addcmul_(evaluation.gradient, self._minus_rate)
        numbers = [n.unsqueeze(-1) for n in (finite.double(), evaluation.loss, evaluation.omega)]
        if evaluation.counts is not None:
            self._classes = evaluation.counts.shape[-1]
            numbers.append(evaluation.counts.flatten(-2).double())
        return torch.cat(numbers, -1)

    def _receive(self, wait: bool) -> bool:
        """Read the oldest copy, if it is complete."""
        step, buffer, complete = self._copies[0]
        if not complete(wait):
            return False
        self._copies.popleft()
        numbers = buffer.clone()
        self._free.append(buffer)
        finite, loss, omega = numbers[..., :3].unbind(-1)
        counts = None
        if self._classes is not None:
            counts = numbers[..., 3:].long().reshape(*numbers.shape[:-1], 3, self._classes)
        self._arrived.append(Arrival(loss, omega, counts, step, bool(finite.all())))
        return True
