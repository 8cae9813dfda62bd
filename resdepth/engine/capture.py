"""A device that runs ahead of the host: captured functions and copies without waiting."""

from collections.abc import Callable

import torch
from torch import Tensor

_WARM_UP = 3


def runs_ahead(device: torch.device) -> bool:
    """Whether the device computes while the host continues, and can capture functions."""
    return device.type == "cuda"


def captured(function: Callable[[], object], *changed: Tensor) -> Callable[[], None]:
    """Call `function` a few times, then capture it as a CUDA graph; calling the result replays it.

    It must read and write the same tensors each time and never wait for the device. The values of
    `changed` are restored afterwards. The graph holds the memory of one call while it lives.
    """
    before = [tensor.detach().clone() for tensor in changed]
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
    with torch.no_grad():
        for tensor, values in zip(changed, before, strict=True):
            tensor.copy_(values)
    return graph.replay


def host_buffer(source: Tensor) -> Tensor:
    """Memory of the host for a copy of `source` without waiting."""
    return torch.empty(source.shape, dtype=source.dtype, pin_memory=runs_ahead(source.device))


def copy_to_host(source: Tensor, buffer: Tensor) -> Callable[[bool], bool]:
    """Enqueue a copy; calling the result with `wait` returns whether the copy is complete."""
    buffer.copy_(source, non_blocking=True)
    if not runs_ahead(source.device):
        return lambda wait: True
    # Waiting sleeps: the cores are needed for p-variation.
    event: torch.cuda.Event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    event.record()

    def complete(wait: bool) -> bool:
        if wait:
            event.synchronize()
        return wait or bool(event.query())  # type: ignore[no-untyped-call]

    return complete
