"""A device that runs ahead of the host: captured functions, copies that nobody waits for."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

_WARM_UP = 3


@runtime_checkable
class Landing(Protocol):
    """The end of a copy to the host; a CUDA event is one."""

    def query(self) -> bool:
        """Whether it is there."""

    def synchronize(self) -> None:
        """Wait for it."""


def runs_ahead(device: torch.device) -> bool:
    """Whether the device computes while the host goes on, and captures what it is told."""
    return device.type == "cuda"


def captured(function: Callable[[], object]) -> Callable[[], None]:
    """`function`, called a few times, then as a CUDA graph: calling the result replays its kernels.

    It must read and write the same tensors each time and never wait for the device. The graph holds
    the memory of one call while it lives.
    """
    # In the first calls kernels are compiled and libraries choose and allocate, which no capture
    # can hold; like the capture, they run beside the default stream.
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UP):
            function()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # Other threads of the process may use the device meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        function()
    return graph.replay


def landing_place(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Memory of the host that `device` copies into without waiting."""
    return torch.empty(*shape, dtype=dtype, pin_memory=runs_ahead(device))


def send(source: Tensor, place: Tensor) -> Landing | None:
    """Enqueue a copy to the host; None where it has landed already."""
    place.copy_(source, non_blocking=True)
    if not runs_ahead(source.device):
        return None
    # Who waits for it sleeps: the cores are for p-variation.
    landed: torch.cuda.Event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    landed.record()
    return landed
