"""Families of layers as models: what an analysis asks of weights, read when it is asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np

from resdepth.errors import Impossible
from resdepth.mathematics.pvariation import distances_by_blocks
from resdepth.weights.bundle import Bundle, read_bundles
from resdepth.weights.families import Range, find_families, shown
from resdepth.weights.tensor import CHUNK, Array, Stored

IN_MEMORY = 1 << 26
"""Bytes that a path may take in float64 to be held as a whole."""


@dataclass(frozen=True)
class StoredModel:
    """The path of one `family` in a checkpoint of others: `layers` of one shape.

    `first` is the number k of the first layer. Nothing is held but the layers' places.
    """

    path: Path
    family: str
    first: int
    layers: tuple[Stored, ...]
    run: Path | None = None
    limit: int = IN_MEMORY
    beta: None = None

    @property
    def depth(self) -> int:
        """Number of layers L."""
        return len(self.layers)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a layer."""
        return self.layers[0].shape

    @property
    def fits(self) -> bool:
        """Whether the path may be held in memory."""
        return 8 * self.depth * prod(self.shape) <= self.limit

    @property
    def blocks(self) -> Array:
        """All layers (L, *shape) in float64."""
        return np.stack([layer.whole() for layer in self.layers])

    def each(self) -> Iterator[Iterator[Array]]:
        """For every layer its numbers, a chunk at a time."""
        for layer in self.layers:
            yield (
                layer.read(start, min(start + CHUNK, layer.size))
                for start in range(0, layer.size, CHUNK)
            )

    def columns(self, start: int, stop: int) -> Array:
        """The numbers start to stop - 1 of every layer: (L, stop - start)."""
        return np.stack([layer.read(start, stop) for layer in self.layers])

    @cached_property
    def distances(self) -> Array:
        """|A_j - A_k| of all layers (L, L), read in blocks of a few numbers of every layer."""
        return distances_by_blocks(self.columns, (self.depth, prod(self.shape)))


def stored_models(
    sources: Sequence[Path],
    pattern: str,
    layers: Range | None = None,
    extension: str | None = None,
) -> list[StoredModel]:
    """The families that fit `pattern` in every checkpoint of `sources`, by depth, then as found.

    Raises
    ------
    Impossible
        A family has different shapes in two of them, or a folder holds two of one depth, of which
        one cannot tell whether they are repetitions.
    Usage, Corrupt and the others
        As `read_bundles` and `find_families` say.
    """
    return family_models(read_bundles(sources, extension), pattern, layers, set(sources))


def family_models(
    bundles: Sequence[Bundle], pattern: str, layers: Range | None, named: set[Path]
) -> list[StoredModel]:
    """The families that fit `pattern` in every one of `bundles`; `named` are no finds of a walk."""
    found = [
        StoredModel(bundle.path, family.name, family.first, family.layers, bundle.run)
        for bundle in bundles
        for family in find_families(bundle, pattern, layers)
    ]
    _check_together(found, named)
    return sorted(found, key=lambda model: model.depth)


def _check_together(models: Sequence[StoredModel], named: set[Path]) -> None:
    shapes: dict[str, StoredModel] = {}
    places: dict[tuple[str, int, Path], StoredModel] = {}
    for model in models:
        first = shapes.setdefault(model.family, model)
        if model.shape != first.shape:
            ours, theirs = shown(model.shape), shown(first.shape)
            raise Impossible(
                model.path,
                f"'{model.family}' is {ours}, but {theirs} in {first.path}",
                "compare models of one shape",
            )
        key = (model.family, model.depth, model.path.resolve().parent)
        other = places.setdefault(key, model)
        if other is not model and model.path not in named:
            raise Impossible(
                model.path.parent,
                f"{other.path.name} and {model.path.name} both hold '{model.family}'",
                "name the files to be taken; several are repetitions, never steps of one training",
            )
