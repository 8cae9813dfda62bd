"""Grids of cells: a quadratic bowl comes back exactly, whatever the grid."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from resdepth.engine.objective import Objective, Plane
from resdepth.engine.vector import Layout, Part
from resdepth.probing.rendering import Rendering, evaluate, write
from resdepth.runs.surface import read_surface


@dataclass(frozen=True)
class Bowl(Objective):
    """1/2 sum_i c_i x_i^2 with small whole c_i: exact in float64 on a grid of short fractions."""

    curvature: torch.Tensor
    together: int = 7
    samples: int = 1

    @property
    def layout(self) -> Layout:
        return Layout((Part("x", (len(self.curvature),)),))

    @property
    def centre(self) -> torch.Tensor:
        return torch.zeros_like(self.curvature)

    def scores(self, vectors: torch.Tensor) -> torch.Tensor:
        loss = (vectors.square() * self.curvature).sum(1) / 2
        return torch.stack([loss, torch.full_like(loss, torch.nan)], 1)

    def gradients(self, vectors: torch.Tensor):
        return self.scores(vectors)[:, 0], vectors * self.curvature

    def products(self, directions: torch.Tensor, gauss_newton: bool = False) -> torch.Tensor:
        return directions * self.curvature


CURVATURE = torch.tensor([3.0, -1.0, 2.0, 8.0, 5.0], dtype=torch.float64)
DIRECTIONS = torch.tensor(
    [[1, 0, 2, 0, -1], [0, 1, 1, 3, 0], [2, 2, 0, 0, 1], [0, -1, 0, 1, 4]], dtype=torch.float64
)


def rendering(shape: tuple[int, ...], pairs: int = 1, batch: int = 7) -> Rendering:
    axes = tuple(np.arange(count) / 4.0 - 0.75 for count in shape)
    directions = DIRECTIONS[: len(shape) * pairs]
    further = np.full((3, len(directions)), 0.5)
    bowl = Bowl(CURVATURE)
    return Rendering(bowl, Plane(bowl.centre, directions), axes, {"batch": batch}, pairs, further)


@pytest.mark.parametrize("batch", [1, 5, 7, 64])
@pytest.mark.parametrize("pairs", [1, 2])
@pytest.mark.parametrize("shape", [(4,), (7,), (5, 5), (4, 9), (7, 2)])
def test_a_bowl_comes_back_exactly_at_every_point(tmp_path: Path, shape, pairs, batch) -> None:
    grid = rendering(shape, pairs, batch)
    out = tmp_path / "x.npy"
    values = evaluate(grid, out, None, lambda done, cells: None)
    write(grid, values, out)
    surface = read_surface(out)
    assert surface.axes[0].tolist() == (np.arange(shape[0]) / 4.0 - 0.75).tolist()
    assert surface.raw.shape == grid.shape and surface.accuracies is None
    for place in np.ndindex(*grid.shape):
        pair, *cell = place if pairs > 1 else (0, *place)
        point = torch.zeros(5, dtype=torch.float64)
        for axis, number in enumerate(cell):
            step = float(surface.axes[axis][number])
            point += step * DIRECTIONS[pair * len(shape) + axis]
        assert surface.raw[place] == float((CURVATURE * point**2).sum() / 2)
    assert surface.centre_loss == 0.0
    half = 0.5 * DIRECTIONS[: len(shape) * pairs].sum(0)
    assert values[-3:, 0].tolist() == [float((CURVATURE * half**2).sum() / 2)] * 3
    assert json.loads(out.with_suffix(".json").read_text())["centre_accuracy"] is None
