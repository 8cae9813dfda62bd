"""Random networks, data and weights for the tests of the engines."""

import torch

from resdepth.engine.loss import CrossEntropy, Loss, PowerLoss
from resdepth.engine.network import Network

LOSSES: dict[str, Loss] = {
    "cross-entropy": CrossEntropy(),
    "power-2": PowerLoss(2.0),
    "power-1": PowerLoss(1.0),
    "power-1.5": PowerLoss(1.5),
    "power-3.5": PowerLoss(3.5),
}
AUGMENTATIONS = ("skip", "none", "linear_skip", "inc_skip")


def network(
    *,
    depth: int = 5,
    width: int = 3,
    replicas: int | None = None,
    augmentation: str = "skip",
    activation: str = "tanh",
    loss: str = "cross-entropy",
    inputs: int = 4,
    seed: int = 0,
    own_readout: bool = False,
    dtype: torch.dtype = torch.float64,
) -> Network:
    """A network whose every nonlinearity is felt, and whose states do not grow with the depth."""
    size = 0.6 * min(1.0, (15.0 / (depth * width)) ** 0.5)
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    lead = () if replicas is None else (replicas,)
    outputs = 4 if loss == "cross-entropy" else 1
    return Network(
        size * draw(*lead, depth, width, width),
        draw(width, inputs),
        draw(*(lead if own_readout else ()), outputs, width),
        alpha=0.4,
        activation=activation,
        augmentation=augmentation,
        loss=LOSSES[loss],
    )


def batch(
    net: Network, samples: int = 7, *, replicas: int | None = None, seed: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """h_0 and targets for `net`; each replica's own where `replicas` is given."""
    generator = torch.Generator().manual_seed(seed)
    lead = () if replicas is None else (replicas,)
    h0 = torch.randn(*lead, samples, net.width, generator=generator, dtype=torch.float64)
    if isinstance(net.loss, CrossEntropy):
        targets = torch.randint(0, 4, (*lead, samples), generator=generator)
    else:
        targets = torch.randn(*lead, samples, generator=generator, dtype=torch.float64)
        targets = targets.to(net.blocks.dtype)
    return h0.to(net.blocks.dtype), targets
