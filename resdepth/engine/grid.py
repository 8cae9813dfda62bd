"""Loss on a grid of weights around a centre, or along a path, many per call of an objective.

The batches of cells are always the same, the last one filled with the centre. The value of a cell
then depends on its place alone, so that a resumed surface has the bits of an uninterrupted one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from torch import Tensor

from resdepth.engine.objective import MEASURES, Objective
from resdepth.engine.vector import Vector

Measured = NDArray[np.float64]
"""One row per cell, one column for each of `MEASURES`."""


@dataclass(frozen=True)
class Plane:
    """theta + sum_i c_i D_i: `centre` theta (n,), `directions` D (dimensions, n), float64."""

    centre: Float64[Tensor, " parameters"]
    directions: Float64[Tensor, "dimensions parameters"]

    def weights(self, coordinates: Tensor, out: Tensor) -> Tensor:
        """Write the weights at `coordinates` (R, dimensions) to `out` (R, n); theta at 0."""
        torch.addmm(self.centre.unsqueeze(0), coordinates, self.directions, out=out)
        return out


def surface(
    objective: Objective,
    plane: Plane,
    coordinates: NDArray[np.float64],
    done: NDArray[np.bool_],
    size: int,
) -> Iterator[tuple[slice, Measured]]:
    """Mean loss and accuracy of the cells at `coordinates` (cells, dimensions), batch by batch.

    Yields the cells of each batch that is not completely `done` (cells,), and their values. Weights
    are computed in float64 and cast to the dtype and device of the objective.
    """
    # Allocated once: new memory would cost page faults in every batch.
    weights = plane.centre.new_empty(size, len(plane.centre))
    cast = objective.centre.new_empty(weights.shape)
    for start in range(0, len(coordinates), size):
        cells = slice(start, min(start + size, len(coordinates)))
        if done[cells].all():
            continue
        batch = torch.zeros(size, coordinates.shape[1], dtype=torch.float64)
        batch[: cells.stop - start] = torch.from_numpy(coordinates[cells])
        cast.copy_(plane.weights(batch.to(plane.centre.device), weights))
        yield cells, objective.scores(cast).cpu().numpy()[: cells.stop - start]


def along(objective: Objective, vectors: Iterable[Vector], size: int) -> Measured:
    """Mean loss and accuracy of vectors (n,), float64 on the CPU, `size` at a time."""
    batch = objective.centre.expand(size, -1).clone()
    found, filled = [np.empty((0, len(MEASURES)))], 0
    for vector in vectors:
        batch[filled].copy_(vector)
        filled = (filled + 1) % size
        if not filled:
            found.append(objective.scores(batch).cpu().numpy())
    if filled:
        found.append(objective.scores(batch).cpu().numpy()[:filled])
    return np.concatenate(found)
