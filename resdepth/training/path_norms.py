"""p-variation norms of the weight path during training, also while a device runs ahead."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from torch import Tensor

from resdepth.engine import capture
from resdepth.engine.loop import Norms, Watch
from resdepth.engine.network import Network
from resdepth.mathematics.pvariation import p_variation_norms, path_scale

Measured = tuple[float, dict[str, float]]
"""The norm at p (0 if it is not needed), and the norms to log by tag."""
SNAPSHOTS = 8
"""Snapshots of the weights at a time; training blocks when all are in use."""


@dataclass(frozen=True)
class PathNorms:
    """Measures norms of k -> L^beta A_k: for `p`, 3p/4 and p/2 at every n-th step, 0 for never.

    `needed`: the rate depends on the norm at `p`, at every step.
    """

    p: float
    every: int
    needed: bool = False

    def due(self, step: int) -> bool:
        """Whether the norms of `step` are logged."""
        return self.every > 0 and step % self.every == 0

    def __call__(self, step: int, network: Network) -> Measured:
        """The norms of a network at `step`."""
        if not (self.due(step) or self.needed):
            return 0.0, {}
        scale = path_scale(network.depth, network.beta)
        return self.compute(network.blocks.detach().cpu(), scale, log=self.due(step))

    def compute(self, blocks: Tensor, scale: float, *, log: bool = True) -> Measured:
        """The norms of blocks (L, d, d) on the host; `scale` is L^beta."""
        path = blocks.reshape(len(blocks), -1).numpy()
        if not np.isfinite(path).all():
            return 0.0, {}
        exponents = (self.p, 0.75 * self.p, 0.5 * self.p) if log else (self.p,)
        # The norm is homogeneous: scaling it by L^beta is scaling the path.
        norms = scale * p_variation_norms(path, exponents)
        tags = {f"p_variation_norm/{p:g}": float(n) for p, n in zip(exponents, norms, strict=True)}
        return float(norms[0]), tags if log else {}


@contextmanager
def async_norms(norms: PathNorms, threads: int) -> Iterator[Watch]:
    """Measure norms in threads from snapshots in pinned memory, while the device trains on."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="p-variation")
    free: SimpleQueue[Tensor | None] = SimpleQueue()
    for _ in range(SNAPSHOTS):
        free.put(None)

    def measured(snapshot: Tensor, complete: Callable[[bool], bool], scale: float) -> Measured:
        try:
            complete(True)
            return norms.compute(snapshot, scale)
        finally:
            free.put(snapshot)

    def watch(step: int, network: Network) -> Norms:
        if not norms.due(step):
            return lambda: (0.0, {})
        blocks, snapshot = network.blocks, free.get()
        if snapshot is None:
            snapshot = capture.host_buffer(blocks)
        complete = capture.copy_to_host(blocks, snapshot)
        scale = path_scale(network.depth, network.beta)
        return pool.submit(measured, snapshot, complete, scale).result

    try:
        yield watch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
