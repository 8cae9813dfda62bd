"""Loss on a grid of weights around a centre, or along a path: many in one call of an objective.

The cells are cut into batches of one size, always the same ones, the last filled up with the
centre: a cell's value then rests on its own place alone, not on what else is asked for, so that a
surface finished in two sittings has the bits of one made at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from torch import Tensor

from resdepth.engine.objective import Each, Objective, Scores
from resdepth.engine.vector import Vector

MEASURES = ("loss", "accuracy")
"""What is known of a cell; the accuracy of a regression is NaN."""

Measured = NDArray[np.float64]
"""A row a cell, a column of `MEASURES` each."""


@dataclass(frozen=True)
class Plane:
    """theta + sum_i c_i D_i in float64: `centre` theta (n,), `directions` D (dimensions, n).

    Both lie where the weights are to be added up, which must have float64.
    """

    centre: Float64[Tensor, " parameters"]
    directions: Float64[Tensor, "dimensions parameters"]

    def weights(self, coordinates: Tensor, out: Tensor) -> Tensor:
        """Write the weights at `coordinates` (R, dimensions) to `out` (R, n); at 0 exactly theta.

        All of it float64, in one place.
        """
        torch.addmm(self.centre.unsqueeze(0), coordinates, self.directions, out=out)
        return out


def surface(
    objective: Objective,
    plane: Plane,
    coordinates: NDArray[np.float64],
    done: NDArray[np.bool_],
    size: int,
) -> Iterator[tuple[slice, Measured]]:
    """Mean loss and accuracy of the cells at `coordinates` (cells, dimensions), batch after batch.

    Yields the cells of each batch that is not all `done` (cells,), and what was measured. The
    weights are made in float64 and then cast to the dtype and device of the objective's own.
    """
    # Taken once: new memory would cost page faults in every batch.
    weights = plane.centre.new_empty(size, len(plane.centre))
    cast = objective.centre.new_empty(weights.shape)
    for start in range(0, len(coordinates), size):
        cells = slice(start, min(start + size, len(coordinates)))
        if done[cells].all():
            continue
        batch = torch.zeros(size, coordinates.shape[1], dtype=torch.float64)
        batch[: cells.stop - start] = torch.from_numpy(coordinates[cells])
        cast.copy_(plane.weights(batch.to(plane.centre.device), weights))
        yield cells, measured(objective, cast)[: cells.stop - start]


def along(objective: Objective, vectors: Iterable[Vector], size: int) -> Measured:
    """Mean loss and accuracy of single vectors (n,), float64 on the CPU, `size` at a time."""
    batch = objective.centre.new_empty(size, len(objective.centre))
    batch[:] = objective.centre
    found, filled = list[Measured](), 0
    for vector in vectors:
        batch[filled].copy_(vector)
        filled += 1
        if filled == size:
            found.append(measured(objective, batch))
            filled = 0
    if filled:
        found.append(measured(objective, batch)[:filled])
    return np.concatenate(found) if found else np.empty((0, len(MEASURES)))


def measured(objective: Objective, vectors: Vector) -> Measured:
    """Loss and accuracy of vectors (R, n) of the objective's dtype and place; (R, 2)."""
    scores = objective.scores(vectors)
    columns = [scores.loss, scores.accuracy if scores.accuracy is not None else _nothing(scores)]
    return np.stack([column.cpu().numpy() for column in columns], axis=1)


def _nothing(scores: Scores) -> Each:
    """The accuracy of a regression."""
    return torch.full_like(scores.loss, torch.nan)
