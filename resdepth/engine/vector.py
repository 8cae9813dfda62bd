"""The trained numbers of a network of any family, as one vector whose parts have names."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import torch
from jaxtyping import Shaped
from torch import Tensor

Vector = Shaped[Tensor, "*replicas parameters"]
"""All trained parameters of a network laid end to end, in the order of their layout."""

Role = Literal["weights", "norm", "bias"]
"""What a part does: multiply, scale after a normalisation, or add."""


@dataclass(frozen=True)
class Part:
    """One named tensor; its first `stacked` axes count layers (the blocks A have one such axis)."""

    name: str
    shape: tuple[int, ...]
    role: Role = "weights"
    stacked: int = 0

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Layout:
    """The parts of a vector, in order."""

    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Length of the vector."""
        return sum(part.size for part in self.parts)

    def places(self) -> Iterator[tuple[Part, slice]]:
        """Each part and where it lies."""
        ends = accumulate(part.size for part in self.parts)
        for part, end in zip(self.parts, ends, strict=True):
            yield part, slice(end - part.size, end)

    def layers(self) -> dict[str, slice]:
        """Where each layer lies: one of a stack, or the parts of one module, which adjoin."""
        found: dict[str, slice] = {}
        for part, place in self.places():
            if part.stacked:
                depth = part.shape[0]
                starts = range(place.start, place.stop, part.size // depth)
                found |= {str(k): slice(s, s + part.size // depth) for k, s in enumerate(starts)}
            else:
                name = part.name.rpartition(".")[0]
                found[name] = slice(found.get(name, place).start, place.stop)
        return found

    def named(self, vector: Vector) -> dict[str, Tensor]:
        """Views of a vector (*replicas, parameters) by name, each (*replicas, *shape)."""
        lead = vector.shape[:-1]
        return {
            part.name: vector[..., place].view(*lead, *part.shape) for part, place in self.places()
        }

    def vector(self, tensors: Mapping[str, Tensor]) -> Vector:
        """The vector of named tensors; others than the layout's are left aside."""
        return torch.cat([tensors[part.name].reshape(-1) for part in self.parts])


def layout_of(tensors: Mapping[str, Tensor], trained: Sequence[str]) -> Layout:
    """The layout of a module's parameters by name, told apart by their shapes and names."""
    return Layout(tuple(Part(n, tuple(tensors[n].shape), _role(n, tensors[n])) for n in trained))


def _role(name: str, tensor: Tensor) -> Role:
    if tensor.ndim > 1:
        return "weights"
    return "bias" if name.rpartition(".")[2] == "bias" else "norm"
