"""A step of gradient descent captured as one CUDA graph; its scalars arrive later, in order.

Evaluation, gradient, update and counting replay as one launch, so that Python and the driver cost a
few microseconds per step for any number of kernels. Only the rate is sent to the device; only a few
float64 come back, copied into pinned memory without waiting. Smaller batches, like the last one of
an epoch, and all batches on other devices than CUDA run operation by operation.
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

    The weights are a copy, updated in place: A <- A - rate * gradient. A loss that is not finite is
    noticed when it arrives, up to IN_FLIGHT updates later; a caller that needs the last good
    weights must copy them. A graph holds the memory of a whole step while it lives.
    """

    def __init__(
        self, engine: Engine, network: Network, h0: Hidden, targets: Targets, step: int = 0
    ) -> None:
        self.engine = engine
        self.network = network.with_blocks(network.blocks.clone())
        self.step = step
        self._minus_rate = torch.zeros((), dtype=h0.dtype, device=h0.device)
        self._flights: deque[tuple[int, Tensor, capture.Landing | None]] = deque()
        self._free: list[Tensor] = []
        self._landed: list[Arrival] = []
        self._classes: int | None = None
        self._packed: Tensor
        self._replay: Callable[[], None] | None = None
        self._fix(h0, targets)

    def advance(self, rate: float) -> None:
        """Enqueue one step; wait only if IN_FLIGHT others have not arrived."""
        if len(self._flights) == IN_FLIGHT:
            self._land(wait=True)
        self._minus_rate.fill_(-rate)
        if self._batch is self._fixed and self._replay is not None:
            self._replay()
            packed = self._packed
        else:
            packed = self._descend(*self._batch)
        if not self._free:
            place = capture.landing_place(packed.shape, packed.dtype, packed.device)
            self._free.append(place)
        slot = self._free.pop()
        self._flights.append((self.step, slot, capture.send(packed, slot)))
        self.step += 1

    def arrivals(self, wait: bool = False) -> list[Arrival]:
        """Results that arrived since the last call, in the order of the steps; `wait` for all."""
        while self._flights and (wait or self._first_is_here()):
            self._land(wait)
        landed, self._landed = self._landed, []
        return landed

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
        self._batch = self._fixed = h0.clone(), targets.clone()
        if capture.runs_ahead(h0.device):
            self._replay = None  # frees the memory of the previous graph
            self._replay = self._captured()

    def _descend(self, h0: Hidden, targets: Targets) -> Tensor:
        """Update the weights; finiteness of the old ones, loss, Omega and counts in a row."""
        blocks = self.network.blocks
        finite = blocks.isfinite().flatten(-3).all(-1)
        evaluation = self.engine.loss_and_gradient(Batch(self.network, h0, targets))
        if evaluation.gradient is None:
            raise RuntimeError(f"engine {self.engine.name} gave no gradient")
        blocks.addcmul_(evaluation.gradient, self._minus_rate)
        numbers = [n.unsqueeze(-1) for n in (finite.double(), evaluation.loss, evaluation.omega)]
        if evaluation.counts is not None:
            self._classes = evaluation.counts.shape[-1]
            numbers.append(evaluation.counts.flatten(-2).double())
        return torch.cat(numbers, -1)

    def _captured(self) -> Callable[[], None]:
        def step() -> None:
            self._packed = self._descend(*self._fixed)

        before = self.network.blocks.clone()
        self._minus_rate.zero_()
        replay = capture.captured(step)
        self.network.blocks.copy_(before)  # 0 * inf is not 0
        return replay

    def _first_is_here(self) -> bool:
        landed = self._flights[0][2]
        return landed is None or landed.query()

    def _land(self, wait: bool) -> None:
        step, slot, landed = self._flights.popleft()
        if wait and landed is not None:
            landed.synchronize()
        numbers = slot.clone()
        self._free.append(slot)
        finite, loss, omega = numbers[..., :3].unbind(-1)
        counts = None
        if self._classes is not None:
            counts = numbers[..., 3:].long().reshape(*numbers.shape[:-1], 3, self._classes)
        self._landed.append(Arrival(loss, omega, counts, step, bool(finite.all())))
