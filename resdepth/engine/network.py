"""A residual network: fixed read-in and read-out, trained blocks, its loss."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from resdepth.arrays import Blocks, Hidden, Inputs, Readin, Readout
from resdepth.engine.loss import Loss
from resdepth.mathematics import powers


@dataclass(frozen=True)
class Network:
    """U_in, A, U_out, delta_L and the training loss.

    | augmentation  | layer k = 0..L-1                                              |
    |---------------|---------------------------------------------------------------|
    | `skip`        | h_{k+1} = h_k + delta_L sigma(h_k A_k^T), delta_L = L^(-alpha) |
    | `none`        | h_{k+1} = sigma(h_k A_k^T)                                     |
    | `linear_skip` | h_{k+1} = h_k + sigma(h_k) A_k^T                               |
    | `inc_skip`    | h_{k+1} = h_k + sigma(h_k) (A_k - A_{k-1})^T, A_{-1} = 0       |

    `blocks` is (L, d, d), or (R, L, d, d) for R independent networks; `readout` (outputs, d), or
    (R, outputs, d). All tensors share one device and one floating dtype.
    """

    blocks: Blocks
    readin: Readin
    readout: Readout
    alpha: float
    activation: str
    augmentation: str
    loss: Loss

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return self.blocks.shape[-3]

    @property
    def width(self) -> int:
        """Dimension d of the hidden states."""
        return self.blocks.shape[-1]

    @property
    def delta(self) -> float:
        """Residual step delta_L = L^(-alpha), used only by `skip`."""
        return powers.delta(self.depth, self.alpha)

    @property
    def beta(self) -> float:
        """beta = 1 - alpha."""
        return powers.beta(self.alpha)

    def with_blocks(self, blocks: Tensor) -> "Network":
        """The same network with other weights."""
        return replace(self, blocks=blocks)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> "Network":
        """The same network on another device, in another dtype."""
        moved: Any = {name: t.to(device, dtype) for name, t in self.tensors().items()}
        return replace(self, **moved)

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name, in storage order."""
        return {name: getattr(self, name) for name in TENSORS}

    def embed(self, inputs: Inputs) -> Hidden:
        """h_0 = x U_in^T, (samples, width)."""
        return inputs @ self.readin.T


TENSORS = ("blocks", "readin", "readout")
"""The tensors of a network, in storage order."""


def increments(network: Network, blocks: Tensor | None = None) -> Tensor:
    """The layers' matrices, of A or of other `blocks`: A_k - A_{k-1} for `inc_skip`, else A_k."""
    blocks = network.blocks if blocks is None else blocks
    if network.augmentation != "inc_skip":
        return blocks
    return torch.diff(blocks, dim=-3, prepend=torch.zeros_like(blocks[..., :1, :, :]))


def of_increments(network: Network, gradient: Tensor) -> Tensor:
    """Turn the gradient in the layers' matrices (..., L, d, d) into that in A, in place."""
    if network.augmentation == "inc_skip":
        # A_k is in B_k with + and in B_{k+1} with -.
        gradient[..., :-1, :, :].sub_(gradient[..., 1:, :, :].clone())
    return gradient
