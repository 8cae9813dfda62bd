"""The five activation functions with two derivatives, each exactly torch's definition."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Activation:
    """sigma, and sigma', sigma'' as functions of z and sigma(z); at kinks sigma'' is set to 0."""

    value: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor, Tensor], Tensor]
    second_derivative: Callable[[Tensor, Tensor], Tensor]


def _density(z: Tensor) -> Tensor:
    return torch.exp(-0.5 * z * z) * (1.0 / math.sqrt(2.0 * math.pi))


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(
        torch.tanh,
        lambda z, value: 1.0 - value * value,
        lambda z, value: -2.0 * value * (1.0 - value * value),
    ),
    # sigma'(0) = 1 for elu and 0 for relu, as in torch.
    "elu": Activation(
        functional.elu,
        lambda z, value: torch.where(z > 0, 1.0, value + 1.0),
        lambda z, value: torch.where(z < 0, value + 1.0, 0.0),
    ),
    "relu": Activation(
        torch.relu, lambda z, value: (z > 0).to(z.dtype), lambda z, value: torch.zeros_like(z)
    ),
    "gelu": Activation(
        functional.gelu,
        lambda z, value: 0.5 * torch.erfc(z * -math.sqrt(0.5)) + z * _density(z),
        lambda z, value: _density(z) * (2.0 - z * z),
    ),
    "sigmoid": Activation(
        torch.sigmoid,
        lambda z, value: value * (1.0 - value),
        lambda z, value: value * (1.0 - value) * (1.0 - 2.0 * value),
    ),
}
"""Activation functions by name: tanh, elu, relu, gelu (by erf), sigmoid."""
