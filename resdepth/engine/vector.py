"""The trained parameters of any network as one vector with named parts."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import torch
from jaxtyping import Shaped
from torch import Tensor

Vector = Shaped[Tensor, "*replicas parameters"]
"""All trained parameters of a network, in the order of their layout."""

Role = Literal["weights", "norm", "bias"]
"""A part multiplies, scales after a normalisation, or is added."""


@dataclass(frozen=True)
class Part:
    """A named tensor; its first `stacked` axes count layers (1 for the blocks A)."""

    name: str
    shape: tuple[int, ...]
    role: Role = "weights"
    stacked: int = 0

    @property
    def size(self) -> int:
        """Number of entries."""
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
        """Each part and its slice of the vector."""
        ends = accumulate(part.size for part in self.parts)
        for part, end in zip(self.parts, ends, strict=True):
            yield part, slice(end - part.size, end)

    def layers(self) -> dict[str, slice]:
        """Slice of each layer: one of a stack, or the adjacent parts of one module."""
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
        views = ((part, vector[..., place]) for part, place in self.places())
        return {part.name: view.view(*view.shape[:-1], *part.shape) for part, view in views}

    def vector(self, tensors: Mapping[str, Tensor]) -> Vector:
        """The vector of the layout's tensors."""
        return torch.cat([tensors[part.name].reshape(-1) for part in self.parts])


def layout_of(tensors: Mapping[str, Tensor]) -> Layout:
    """The layout of a module's parameters; the roles follow from shapes and names."""

    def role(name: str, tensor: Tensor) -> Role:
        vector: Role = "bias" if name.rpartition(".")[2] == "bias" else "norm"
        return "weights" if tensor.ndim > 1 else vector

    return Layout(tuple(Part(n, tuple(t.shape), role(n, t)) for n, t in tensors.items()))
