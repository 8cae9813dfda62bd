"""p-variation computed on the host while the device goes on training."""

from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Self

from torch import Tensor

from resdepth.engine import capture
from resdepth.engine.loop import Norms
from resdepth.engine.network import Network
from resdepth.mathematics.pvariation import path_scale
from resdepth.training.measure import PathNorms

SNAPSHOTS = 8
"""Weights of so many steps may wait to be measured; training waits before a ninth."""


class NormsBeside:
    """Snapshots of the weights in pinned memory, measured in threads of their own.

    No value is dropped: where measuring is slower than training, training waits for a free
    snapshot.
    """

    def __init__(self, norms: PathNorms, threads: int) -> None:
        self._norms = norms
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="p-variation")
        self._free: SimpleQueue[Tensor | None] = SimpleQueue()
        for _ in range(SNAPSHOTS):
            self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __call__(self, step: int, network: Network) -> Norms:
        """Begin to measure; the result waits for the norms of `step`."""
        if not self._norms.due(step):
            return lambda: (0.0, {})
        blocks = network.blocks
        snapshot = self._free.get()
        if snapshot is None:
            snapshot = capture.landing_place(blocks.shape, blocks.dtype, blocks.device)
        landed = capture.send(blocks, snapshot)
        scale = path_scale(network.depth, network.beta)
        future: Future[tuple[float, dict[str, float]]] = self._pool.submit(
            self._measure, snapshot, landed, scale
        )
        return future.result

    def _measure(
        self, snapshot: Tensor, landed: capture.Landing | None, scale: float
    ) -> tuple[float, dict[str, float]]:
        try:
            if landed is not None:
                landed.synchronize()
            return self._norms.compute(snapshot, scale)
        finally:
            self._free.put(snapshot)
