"""He's network as one writes it with torch's own modules, every scaling a product of its own."""

import torch
from torch import Tensor, nn


class PlainBlock(nn.Module):
    """The block as the equations state it."""

    def __init__(self, channels: int, filters: int, delta: float, skip: bool) -> None:
        super().__init__()
        stride = filters // channels
        self.delta, self.channels, self.filters, self.skip = delta, channels, filters, skip
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(filters), nn.BatchNorm2d(filters)

    def forward(self, x: Tensor) -> Tensor:
        y = self.delta * torch.relu(self.bn1(self.conv1(x)))
        z = self.delta * self.bn2(self.conv2(y))
        if not self.skip:
            return torch.relu(z)
        if self.channels == self.filters:
            return torch.relu(z + x)
        shortcut = torch.zeros_like(z)
        front = (self.filters - self.channels) // 2
        shortcut[:, front : front + self.channels] = nn.functional.avg_pool2d(x, 1, 2)
        return torch.relu(z + shortcut)


class Plain(nn.Module):
    """The whole network, from torch's modules."""

    def __init__(
        self, n: int, alpha: float, classes: int, channels: int, skip: bool = True
    ) -> None:
        super().__init__()
        delta = n**-alpha
        widths = (
            [(16, 16)] * n + [(16, 32)] + [(32, 32)] * (n - 1) + [(32, 64)] + [(64, 64)] * (n - 1)
        )
        self.conv = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(*(PlainBlock(a, b, delta, skip) for a, b in widths))
        self.pool, self.linear = nn.AdaptiveAvgPool2d(1), nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(torch.relu(self.bn(self.conv(x))))
        return self.linear(self.pool(x).flatten(1))

    def pairs(self) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """Convolutions with their normalisations, in the order of the layers."""
        inner = [((b.conv1, b.bn1), (b.conv2, b.bn2)) for b in self.blocks]
        return [(self.conv, self.bn), *(pair for block in inner for pair in block)]
