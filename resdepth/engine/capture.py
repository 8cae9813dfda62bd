"""A device that runs ahead of the host: captured functions and copies without waiting."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

_WARM_UP = 3


@runtime_checkable
class Landing(Protocol):
    """The end of a copy to the host, for instance a CUDA event."""

    def query(self) -> bool:
        """Whether the copy is complete."""

    def synchronize(self) -> None:
        """Wait for it."""


def runs_ahead(device: torch.device) -> bool:
    """Whether the device computes while the host continues, and can capture functions."""
    return device.type == "cuda"


def captured(function: Callable[[], object]) -> Callable[[], None]:
    """Call `function` a few times, then capture it as a CUDA graph; calling the result replays it.

    It must read and write the same tensors each time and never wait for the device. The graph holds
    the memory of one call while it lives.
    """
    # The first calls compile kernels and allocate, which cannot be captured. Like the capture, they
    # must not run on the default stream.
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
    """Enqueue a copy to the host; None if it is complete already."""
    place.copy_(source, non_blocking=True)
    if not runs_ahead(source.device):
        return None
    # Waiting sleeps: the cores are needed for p-variation.
    landed: torch.cuda.Event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    landed.record()
    return landed
