"""The five activation functions with two derivatives, each exactly torch's definition."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Activation:
    """sigma, sigma' and sigma''; the derivatives (z, value) may use sigma(z), at hand anyway.

    relu and elu have no sigma'' at their kink; there it is 0, for relu everywhere.
    """

    name: str
    value: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor, Tensor], Tensor]
    second_derivative: Callable[[Tensor, Tensor], Tensor]


def _gelu_derivative(z: Tensor, value: Tensor) -> Tensor:
    # Phi(z) + z phi(z), Phi and phi the standard normal distribution and density.
    distribution = 0.5 * torch.erfc(z * -math.sqrt(0.5))
    return distribution + z * _density(z)


def _density(z: Tensor) -> Tensor:
    return torch.exp(-0.5 * z * z) * (1.0 / math.sqrt(2.0 * math.pi))


def _elu_second_derivative(z: Tensor, value: Tensor) -> Tensor:
    return torch.where(z < 0, value + 1.0, 0.0)


def _sigmoid_second_derivative(z: Tensor, value: Tensor) -> Tensor:
    return value * (1.0 - value) * (1.0 - 2.0 * value)


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation(
            "tanh",
            torch.tanh,
            lambda z, value: 1.0 - value * value,
            lambda z, value: -2.0 * value * (1.0 - value * value),
        ),
        # sigma'(0) = 1 for elu and 0 for relu, as torch's backward has it.
        Activation(
            "elu",
            functional.elu,
            lambda z, value: torch.where(z > 0, 1.0, value + 1.0),
            _elu_second_derivative,
        ),
        Activation(
            "relu",
            torch.relu,
            lambda z, value: (z > 0).to(z.dtype),
            lambda z, value: torch.zeros_like(z),
        ),
        Activation(
            "gelu",
            functional.gelu,
            _gelu_derivative,
            lambda z, value: _density(z) * (2.0 - z * z),
        ),
        Activation(
            "sigmoid",
            torch.sigmoid,
            lambda z, value: value * (1.0 - value),
            _sigmoid_second_derivative,
        ),
    )
}
"""Activation functions by name: tanh, elu, relu, gelu (by erf), sigmoid."""
