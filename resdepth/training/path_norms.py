"""p-variation norms of the weight path during training, also while a device runs ahead."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Self

import numpy as np
from torch import Tensor

from resdepth.engine import capture
from resdepth.engine.loop import Norms
from resdepth.engine.network import Network
from resdepth.mathematics.pvariation import p_variation_norms, path_scale
from resdepth.options.train import RecordingOptions

SNAPSHOTS = 8
"""Snapshots of the weights at a time; training blocks when all are in use."""


def logged_exponents(p: float) -> tuple[float, ...]:
    """p, 3p/4 and p/2."""
    return (p, 0.75 * p, 0.5 * p)


@dataclass(frozen=True)
class PathNorms:
    """Measures norms of k -> L^beta A_k: those to log, and the one that the rate depends on."""

    exponents: tuple[float, ...]
    every: int
    log: bool
    needed: bool

    @classmethod
    def of(cls, recording: RecordingOptions, *, needed: bool) -> "PathNorms":
        """As the options say; `needed`: the rate depends on the norm at `p_var`."""
        exponents = logged_exponents(recording.p_var)
        every = recording.p_var_every
        return cls(exponents, every, every > 0, needed)

    def due(self, step: int) -> bool:
        """Whether the norms of `step` are logged."""
        return self.log and step % self.every == 0

    def __call__(self, step: int, network: Network) -> tuple[float, dict[str, float]]:
        """The norm at p (0 if it is not needed), and the norms to log by tag."""
        if not (self.due(step) or self.needed):
            return 0.0, {}
        scale = path_scale(network.depth, network.beta)
        return self.compute(network.blocks.detach().cpu(), scale, log=self.due(step))

    def compute(
        self, blocks: Tensor, scale: float, *, log: bool = True
    ) -> tuple[float, dict[str, float]]:
        """The same for blocks (L, d, d) on the host; `scale` is L^beta."""
        path = blocks.reshape(len(blocks), -1).numpy()
        if not np.isfinite(path).all():
            return 0.0, {}
        exponents = self.exponents if log else self.exponents[:1]
        # The norm is homogeneous: scaling it by L^beta is scaling the path.
        norms = scale * p_variation_norms(path, exponents)
        tags = {f"p_variation_norm/{p:g}": float(n) for p, n in zip(exponents, norms, strict=True)}
        return float(norms[0]), tags if log else {}


class AsyncNorms:
    """Measures norms in threads from snapshots in pinned memory, while the device trains on."""

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
        """Start to measure the norms of `step`; calling the result waits for them."""
        if not self._norms.due(step):
            return lambda: (0.0, {})
        blocks = network.blocks
        snapshot = self._free.get()
        if snapshot is None:
            snapshot = capture.host_buffer(blocks)
        complete = capture.copy_to_host(blocks, snapshot)
        scale = path_scale(network.depth, network.beta)
        future: Future[tuple[float, dict[str, float]]] = self._pool.submit(
            self._measure, snapshot, complete, scale
        )
        return future.result

    def _measure(
        self, snapshot: Tensor, complete: Callable[[bool], bool], scale: float
    ) -> tuple[float, dict[str, float]]:
        try:
            complete(True)
            return self._norms.compute(snapshot, scale)
        finally:
            self._free.put(snapshot)
