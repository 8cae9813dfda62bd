"""The five activation functions with their derivatives, each exactly torch's definition."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Activation:
    """sigma and sigma'; `derivative(z, value)` may use sigma(z), which the caller has anyway."""

    name: str
    value: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor, Tensor], Tensor]


def _gelu_derivative(z: Tensor, value: Tensor) -> Tensor:
    # Phi(z) + z phi(z), Phi and phi the standard normal distribution and density.
    distribution = 0.5 * torch.erfc(z * -math.sqrt(0.5))
    return distribution + z * torch.exp(-0.5 * z * z) * (1.0 / math.sqrt(2.0 * math.pi))


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("tanh", torch.tanh, lambda z, value: 1.0 - value * value),
        # sigma'(0) = 1 for elu and 0 for relu, as torch's backward has it.
        Activation("elu", functional.elu, lambda z, value: torch.where(z > 0, 1.0, value + 1.0)),
        Activation("relu", torch.relu, lambda z, value: (z > 0).to(z.dtype)),
        Activation("gelu", functional.gelu, _gelu_derivative),
        Activation("sigmoid", torch.sigmoid, lambda z, value: value * (1.0 - value)),
    )
}
"""Activation functions by name: tanh, elu, relu, gelu (by erf), sigmoid."""
