"""Loss on a grid of weights around a centre: many cells in one call of an engine.

The cells are cut into batches of one size, always the same ones, the last filled up with the
centre: a cell's value then rests on its own place alone, not on what else is asked for, so that a
surface finished in two sittings has the bits of one made at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resdepth.arrays import Hidden, Targets
from resdepth.engine.contract import Engine
from resdepth.engine.network import Network

WORKING_SET = {"cpu": 4 * 2**20, "cuda": 2**30, "mps": 2**28}
"""Bytes of hidden states that a batch may take, by device: about a core's cache on a CPU."""
HIDDEN_COPIES = 3
"""Hidden states that are alive at once while a layer is applied."""
LARGEST_BATCH = 1024


@dataclass(frozen=True)
class Plane:
    """A + sum_i c_i D_i in float64: `centre` A (L, d, d), `directions` D (dimensions, L, d, d).

    Both lie where the weights are to be added up, which must have float64.
    """

    centre: Tensor
    directions: Tensor

    def weights(self, coordinates: Tensor, out: Tensor) -> Tensor:
        """Write the weights at `coordinates` (R, dimensions) to `out` (R, L, d, d); at 0 exactly A.

        All of it float64, in one place.
        """
        torch.addmm(
            self.centre.reshape(1, -1),
            coordinates,
            self.directions.reshape(len(self.directions), -1),
            out=out.view(len(out), -1),
        )
        return out


def batch_size(network: Network, samples: int) -> int:
    """Cells of one batch, from the memory that one takes; the same on every machine."""
    hidden = HIDDEN_COPIES * samples * network.width
    weights = network.depth * network.width**2
    each = (hidden + 2 * weights) * network.readin.element_size()
    fitting = WORKING_SET[network.readin.device.type] // each
    return int(max(1, min(LARGEST_BATCH, fitting)))


def surface(
    engine: Engine,
    network: Network,
    h0: Hidden,
    targets: Targets,
    plane: Plane,
    coordinates: NDArray[np.float64],
    done: NDArray[np.bool_],
    size: int,
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Mean losses of the cells at `coordinates` (cells, dimensions), batch after batch.

    Yields the cells of each batch that is not all `done` (cells,) and their losses, float64. The
    weights are made in float64 and then cast to the dtype and device of `network`.
    """
    # Taken once: new memory would cost page faults in every batch.
    weights = plane.centre.new_empty(size, *plane.centre.shape)
    blocks = network.readin.new_empty(weights.shape)
    for start in range(0, len(coordinates), size):
        cells = slice(start, min(start + size, len(coordinates)))
        if done[cells].all():
            continue
        batch = torch.zeros(size, coordinates.shape[1], dtype=torch.float64)
        batch[: cells.stop - start] = torch.from_numpy(coordinates[cells])
        blocks.copy_(plane.weights(batch.to(plane.centre.device), weights))
        losses = engine.evaluate(network.with_blocks(blocks), h0, targets).loss
        yield cells, losses[: cells.stop - start].cpu().numpy()
