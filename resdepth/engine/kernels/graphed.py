"""A step of gradient descent captured as one CUDA graph; its scalars arrive later, in order.

Evaluation, gradient, update and counting replay as one launch, so that Python and the driver cost a
few microseconds a step whatever the number of kernels. The only traffic to the device is the rate,
the only one back a handful of float64, copied into pinned memory without waiting. Elsewhere than on
CUDA the same step runs operation by operation.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from resdepth.arrays import Counts, Hidden, Scalar, Targets
from resdepth.engine.contract import Engine
from resdepth.engine.network import Network

IN_FLIGHT = 64
"""Steps whose scalars may be on their way at once; one more waits for the first of them."""
_WARM_UP = 2


@dataclass(frozen=True)
class Arrival:
    """Loss, Omega and counts of the weights before update `step`, on the host."""

    step: int
    loss: Scalar
    omega: Scalar
    counts: Counts | None


@dataclass(frozen=True)
class _Flight:
    step: int
    slot: Tensor
    landed: torch.cuda.Event | None


class GraphedStep:
    """Training of one network on one batch at a time; `network` holds the current weights.

    The weights are a copy, updated in place: A <- A - rate * gradient. A loss that is not finite is
    seen when it arrives, up to IN_FLIGHT updates later; who needs the last good weights keeps them
    at the steps whose loss has been seen. A graph holds the memory of a whole step while it lives.
    """

    def __init__(
        self, engine: Engine, network: Network, h0: Hidden, targets: Targets, step: int = 0
    ) -> None:
        self.engine = engine
        self.network = network.with_blocks(network.blocks.clone())
        self.step = step
        self._h0, self._targets = h0.clone(), targets.clone()
        self._minus_rate = torch.zeros((), dtype=h0.dtype, device=h0.device)
        self._flights: deque[_Flight] = deque()
        self._free: list[Tensor] = []
        self._landed: list[Arrival] = []
        self._classes: int | None = None
        self._packed: Tensor
        self._replay: Callable[[], None] = self._run
        if h0.device.type == "cuda":
            self._replay = self._captured(network.blocks)

    def advance(self, rate: float) -> None:
        """Enqueue one step; waits only where IN_FLIGHT others have not arrived."""
        if len(self._flights) == IN_FLIGHT:
            self._land(wait=True)
        self._minus_rate.fill_(-rate)
        self._replay()
        slot = self._free.pop() if self._free else self._new_slot()
        slot.copy_(self._packed, non_blocking=True)
        landed = None
        if slot.is_pinned():
            landed = torch.cuda.Event()  # type: ignore[no-untyped-call]
            landed.record()
        self._flights.append(_Flight(self.step, slot, landed))
        self.step += 1

    def arrivals(self, wait: bool = False) -> list[Arrival]:
        """What has arrived since the last call, in the order of the steps; `wait` for all."""
        while self._flights and (wait or self._first_is_here()):
            self._land(wait)
        landed, self._landed = self._landed, []
        return landed

    def take(self, h0: Hidden, targets: Targets) -> None:
        """Another batch of the same size for the steps to come."""
        self._h0.copy_(h0)
        self._targets.copy_(targets)

    def _run(self) -> None:
        evaluation = self.engine.loss_and_gradient(self.network, self._h0, self._targets)
        if evaluation.gradient is None:
            raise RuntimeError(f"engine {self.engine.name} gave no gradient")
        self.network.blocks.addcmul_(evaluation.gradient, self._minus_rate)
        numbers = [evaluation.loss.unsqueeze(-1), evaluation.omega.unsqueeze(-1)]
        if evaluation.counts is not None:
            self._classes = evaluation.counts.shape[-1]
            numbers.append(evaluation.counts.flatten(-2).double())
        self._packed = torch.cat(numbers, -1)

    def _captured(self, start: Tensor) -> Callable[[], None]:
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):  # compiles what is yet to be compiled; the rate is still 0
                self._run()
        torch.cuda.current_stream().wait_stream(stream)
        self.network.blocks.copy_(start)  # 0 * inf is not 0
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._run()
        return graph.replay

    def _new_slot(self) -> Tensor:
        pinned = self._packed.device.type == "cuda"
        return torch.empty(self._packed.shape, dtype=torch.float64, pin_memory=pinned)

    def _first_is_here(self) -> bool:
        landed = self._flights[0].landed
        return landed is None or bool(landed.query())  # type: ignore[no-untyped-call]

    def _land(self, wait: bool) -> None:
        flight = self._flights.popleft()
        if wait and flight.landed is not None:
            flight.landed.synchronize()
        numbers = flight.slot.clone()
        self._free.append(flight.slot)
        counts = None
        if self._classes is not None:
            counts = numbers[..., 2:].long().reshape(*numbers.shape[:-1], 3, self._classes)
        self._landed.append(Arrival(flight.step, numbers[..., 0], numbers[..., 1], counts))
