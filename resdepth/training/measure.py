"""What is measured at a step: p-variation of the weight path, metrics, validation."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from resdepth.engine.contract import Summary
from resdepth.engine.loss import class_metrics
from resdepth.engine.network import Network
from resdepth.mathematics.pvariation import p_variation_norms, path_scale
from resdepth.options.train import RecordingOptions


def logged_exponents(p: float) -> tuple[float, ...]:
    """p, 3p/4 and p/2."""
    return (p, 0.75 * p, 0.5 * p)


@dataclass(frozen=True)
class PathNorms:
    """p-variation norms of k -> L^beta A_k: those to log, and the one the rate depends on."""

    exponents: tuple[float, ...]
    every: int
    log: bool
    needed: bool

    @classmethod
    def of(cls, recording: RecordingOptions, *, needed: bool) -> "PathNorms":
        """As the options have it; `needed`: the rate depends on the norm at `p_var`."""
        exponents = logged_exponents(recording.p_var)
        every = recording.p_var_every
        return cls(exponents, every, every > 0, needed)

    def due(self, step: int) -> bool:
        """Whether the norms of `step` are logged."""
        return self.log and step % self.every == 0

    def __call__(self, step: int, network: Network) -> tuple[float, dict[str, float]]:
        """The norm at p (0 where it is not needed), and the norms to log by tag."""
        if not (self.due(step) or self.needed):
            return 0.0, {}
        scale = path_scale(network.depth, network.beta)
        return self.compute(network.blocks.detach().cpu(), scale, log=self.due(step))

    def compute(
        self, blocks: Tensor, scale: float, *, log: bool = True
    ) -> tuple[float, dict[str, float]]:
        """The same from blocks (L, d, d) on the host and `scale` = L^beta."""
        path = blocks.reshape(len(blocks), -1).numpy()
        if not np.isfinite(path).all():
            return 0.0, {}
        exponents = self.exponents if log else self.exponents[:1]
        # The norm is homogeneous: scaling it by L^beta is scaling the path.
        norms = scale * p_variation_norms(path, exponents)
        tags = {f"p_variation_norm/{p:g}": float(n) for p, n in zip(exponents, norms, strict=True)}
        return float(norms[0]), tags if log else {}


def scalars(evaluation: Summary, *, omega: bool, prefix: str = "") -> dict[str, float]:
    """Loss, metrics and Omega of one evaluation by tag."""
    found = {f"{prefix}loss": float(evaluation.loss)}
    if evaluation.counts is not None:
        metrics = class_metrics(evaluation.counts)
        found.update({f"{prefix}{name}": value for name, value in metrics.items()})
    if omega:
        found[f"{prefix}avg_grad_norm"] = float(evaluation.omega)
    return found
