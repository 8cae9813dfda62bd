"""He's residual network for CIFAR-10, both branches of a block scaled by delta = n^(-alpha).

Depth L = 6n + 2: a first convolution, three stages of n blocks of two convolutions with 16, 32 and
64 filters, a linear read-out. A block of the stage maps

    y = delta relu(bn(conv x)),    x -> relu(delta bn(conv y) + shortcut(x)),

with a shortcut without parameters (option A: every second pixel, new channels are zero, half of
them in front). K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition",
CVPR 2016, arXiv 1512.03385, section 4.2; the scaling is that of arXiv 2204.07261.
"""

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from resdepth.arrays import Images, Maps, Prediction
from resdepth.mathematics import powers
from resdepth.mathematics.initialise import linear_uniform

FILTERS = (16, 32, 64)
EPSILON, MOMENTUM = 1e-5, 0.1
"""Batch normalisation: added to the variance; weight of a batch in the running statistics."""


def blocks_per_stage(depth: int) -> int:
    """n of L = 6n + 2; raises ValueError if there is no such n >= 1."""
    n, rest = divmod(depth - 2, 6)
    if rest or n < 1:
        raise ValueError(f"depth {depth} is not 6n + 2")
    return n


class ConvNorm(nn.Module):
    """A 3 x 3 convolution without bias, then batch normalisation, times `scale`.

    In evaluation the running statistics are folded into the kernel: a single convolution is left.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, filters: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.momentum = stride, MOMENTUM
        self.kernel = nn.Parameter(torch.zeros(filters, channels, 3, 3))
        self.weight = nn.Parameter(torch.ones(filters))
        self.bias = nn.Parameter(torch.zeros(filters))
        self.register_buffer("mean", torch.zeros(filters))
        self.register_buffer("variance", torch.ones(filters))

    def forward(self, x: Images, scale: float = 1.0) -> Maps:
        """scale * bn(conv x), (samples, filters, height / stride, width / stride)."""
        # relu(scale z) = scale relu(z), so weight and bias can carry the scale.
        weight, bias = scale * self.weight, scale * self.bias
        if self.training:
            z, statistics = self.convolve(x), (self.mean, self.variance)
            return functional.batch_norm(z, *statistics, weight, bias, True, self.momentum, EPSILON)
        factor = weight * torch.rsqrt(self.variance + EPSILON)
        kernel = self.kernel * factor[:, None, None, None]
        return functional.conv2d(x, kernel, bias - self.mean * factor, self.stride, padding=1)

    def convolve(self, x: Images) -> Maps:
        """The convolution alone, in the dtype of autocast."""
        if self.stride == 1 or x.device.type != "cpu":
            return functional.conv2d(x, self.kernel, stride=self.stride, padding=1)
        # In oneDNN's bfloat16 weight gradient with a stride, threads wait for each other in busy
        # loops: 4 ms with one thread, 20 to 3000 with two. Only two layers have a stride.
        with torch.autocast("cpu", enabled=False):
            x = x.to(self.kernel.dtype)
            return functional.conv2d(x, self.kernel, stride=self.stride, padding=1)


class Block(nn.Module):
    """Two convolutions, with a shortcut if `skip`."""

    def __init__(self, channels: int, filters: int, delta: float, skip: bool = True) -> None:
        super().__init__()
        self.delta, self.skip = delta, skip
        self.added = filters - channels
        self.first = ConvNorm(channels, filters, stride=2 if self.added else 1)
        self.second = ConvNorm(filters, filters)

    def forward(self, x: Images) -> Maps:
        """relu(delta bn(conv y) + shortcut(x)) with y = delta relu(bn(conv x))."""
        # In place: autograd keeps the input of batch_norm only.
        y = functional.relu_(self.first(x, self.delta))
        z = self.second(y, self.delta)
        if self.skip and self.added:
            front = self.added // 2
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, front, self.added - front))
        return functional.relu_(z.add_(x) if self.skip else z)


class ResNet(nn.Module):
    """The whole network: images (samples, channels, height, width) to logits (samples, classes).

    delta = n^(-alpha). Without `skip` a block has no shortcut: x -> relu(delta bn(conv y)).
    """

    def __init__(
        self, depth: int, alpha: float, classes: int = 10, channels: int = 3, *, skip: bool = True
    ) -> None:
        super().__init__()
        n = blocks_per_stage(depth)
        delta = powers.delta(n, alpha)
        self.first = ConvNorm(channels, FILTERS[0])
        widths = [FILTERS[0], *(filters for filters in FILTERS for _ in range(n))]
        self.blocks = nn.ModuleList(
            Block(before, after, delta, skip) for before, after in pairwise(widths)
        )
        self.readout = nn.Linear(FILTERS[-1], classes)

    def forward(self, images: Images) -> Prediction:
        """Logits."""
        x = functional.relu_(self.first(images))
        for block in self.blocks:
            x = block(x)
        # Full precision also under autocast, for the loss and Omega.
        with torch.autocast(x.device.type, enabled=False):
            logits: Tensor = self.readout(x.to(self.readout.weight.dtype).mean((2, 3)))
        return logits


def initialise(network: ResNet, generator: np.random.Generator) -> None:
    """He's initial weights: normal kernels of variance 2 / fan-in, identity batch normalisation.

    The read-out is uniform on ±1/sqrt(fan-in), as torch.nn.Linear draws it, its bias 0. Drawn in
    float64 in the order of the layers, identically on every device. K. He et al., "Delving Deep
    into Rectifiers", ICCV 2015, arXiv 1502.01852.
    """
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim == 1:
                parameter.fill_(float(name.endswith(".weight")))
                continue
            if parameter.ndim == 2:
                drawn = linear_uniform(parameter.shape[0], parameter.shape[1], generator)
            else:
                deviation = math.sqrt(2.0 / parameter[0].numel())
                drawn = generator.normal(0.0, deviation, tuple(parameter.shape))
            parameter.copy_(torch.from_numpy(drawn))
