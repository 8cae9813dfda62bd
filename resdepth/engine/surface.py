"""Loss on a grid of weights around a centre: many cells in one call of an objective.

The cells are cut into batches of one size, always the same ones, the last filled up with the
centre: a cell's value then rests on its own place alone, not on what else is asked for, so that a
surface finished in two sittings has the bits of one made at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from torch import Tensor

from resdepth.engine.objective import Objective


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
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Mean losses of the cells at `coordinates` (cells, dimensions), batch after batch.

    Yields the cells of each batch that is not all `done` (cells,) and their losses, float64. The
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
        losses = objective.losses(cast)
        yield cells, losses[: cells.stop - start].cpu().numpy()
