"""Where in the depth a forward pass leaves the finite numbers."""

import torch

from resdepth.arrays import Hidden
from resdepth.engine.network import Network
from resdepth.engine.reference import hidden_states


def first_nonfinite_layer(network: Network, h0: Hidden) -> int | None:
    """The first layer k whose weights or output are not all finite; None if all are."""
    for k, h in enumerate(hidden_states(network, h0)):
        if not (torch.isfinite(network.blocks[k]).all() and torch.isfinite(h).all()):
            return k
    return None
