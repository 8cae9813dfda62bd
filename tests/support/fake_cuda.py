"""CUDA's graphs, streams and events played on the CPU, as strict as the real ones.

What is captured is not computed: tensors keep their values, and those made during the capture hold
NaN until a replay. A replay repeats the recorded operations on the recorded tensors, whatever
Python does meanwhile. Reading a value during a capture is an error. Triton's kernels are recorded
as launches (`launches` wraps them).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

from resdepth.engine import capture

_READS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select")
_FACTORIES = ("empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided")


def _tensors(values: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


class Graph:
    """Operations recorded by `graph`, repeated by `replay`."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.replays = self.launches = 0

    def replay(self) -> None:
        self.replays += 1
        with torch.no_grad():
            for call in self.calls:
                call()


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, graph: Graph) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = graph
        self.before: dict[int, tuple[Tensor, Tensor]] = {}
        self.made: list[Tensor] = []

    def touch(self, tensors: list[Tensor]) -> None:
        """Remember the memory of tensors, whole, before something writes into it."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in self.before:
                whole = torch.empty(0, dtype=torch.uint8).set_(storage)  # type: ignore[call-overload]
                self.before[storage.data_ptr()] = whole, whole.clone()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = func._schema.name.removeprefix("aten::"), kwargs or {}
        if name in _READS:
            raise RuntimeError(f"{name} waits for the device during a capture")
        returned = func._schema.returns
        writes = any(a.alias_info and a.alias_info.is_write for a in func._schema.arguments)
        if writes:
            self.touch(_tensors((args, kwargs)))
        out = func(*args, **kwargs)
        if writes:
            self.graph.calls.append(lambda: func(*args, **kwargs))
        elif not any(r.alias_info for r in returned):
            self.made += _tensors(out)
            if name not in _FACTORIES:
                self.graph.calls.append(lambda: self._again(func, args, kwargs, out))
        return out

    @staticmethod
    def _again(func: Any, args: Any, kwargs: Any, out: Any) -> None:
        for old, new in zip(_tensors(out), _tensors(func(*args, **kwargs)), strict=True):
            old.copy_(new)

    def undo(self) -> None:
        """Nothing of what was captured has happened."""
        with torch.no_grad():
            for whole, values in self.before.values():
                whole.copy_(values)
            for tensor in self.made:
                if tensor.is_floating_point():
                    tensor.fill_(torch.nan)


_recorder: _Recorder | None = None


@contextmanager
def _graph(graph: Graph, capture_error_mode: str = "global") -> Iterator[None]:
    global _recorder
    with _Recorder(graph) as _recorder:
        yield
    _recorder.undo()
    _recorder = None


class _Launches:
    """A Triton kernel whose launches during a capture are recorded as such."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        def launch(*args: Any, **kwargs: Any) -> None:
            def run() -> None:
                with _disable_current_modes():
                    self.kernel[grid](*args, **kwargs)

            if _recorder is not None:
                with _disable_current_modes():
                    _recorder.touch(_tensors(args))
                _recorder.graph.calls.append(run)
                _recorder.graph.launches += 1
            else:
                run()

        return launch


class Stream:
    """Work is done at once: all streams are one."""

    def wait_stream(self, other: "Stream") -> None:
        assert isinstance(other, Stream)


class Event:
    """Arrives when it is asked for the second time, or waited for."""

    def __init__(self, blocking: bool = False) -> None:
        self.asked = -1

    def record(self) -> None:
        self.asked = 0

    def query(self) -> bool:
        assert self.asked >= 0, "not recorded"
        self.asked += 1
        return self.asked > 1

    def synchronize(self) -> None:
        assert self.asked >= 0, "not recorded"
        self.asked = 2


def install(patch: pytest.MonkeyPatch) -> list[Graph]:
    """Let the CPU pass for a device that runs ahead; the graphs that are made from now on."""
    graphs: list[Graph] = []

    def new() -> Graph:
        graphs.append(Graph())
        return graphs[-1]

    patch.setattr(capture, "runs_ahead", lambda device: True)
    patch.setattr(capture, "host_buffer", torch.empty_like)
    patch.setattr(torch.cuda, "Stream", Stream)
    patch.setattr(torch.cuda, "current_stream", Stream)
    patch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    patch.setattr(torch.cuda, "CUDAGraph", new)
    patch.setattr(torch.cuda, "graph", _graph)
    patch.setattr(torch.cuda, "Event", Event)
    return graphs


def launches(patch: pytest.MonkeyPatch, module: object, *names: str) -> None:
    """Wrap the Triton kernels `names` of a module."""
    for name in names:
        patch.setattr(module, name, _Launches(getattr(module, name)))
