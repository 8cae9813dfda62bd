"""Losses on a grid against one network at a time, and their independence of what else is asked."""

import numpy as np
import pytest
import torch

from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.contract import Batch
from resdepth.engine.kernels.eager import EagerEngine
from resdepth.engine.objective import DenseObjective, Plane, surface
from tests.support.networks import batch, network

COORDINATES = np.random.default_rng(0).uniform(-1, 1, (11, 2))
COORDINATES[4] = 0.0


def plane(net, dimensions: int = 2) -> Plane:
    generator = torch.Generator().manual_seed(5)
    shape = (dimensions, *net.blocks.shape)
    directions = torch.randn(shape, generator=generator, dtype=torch.float64)
    return Plane(net.blocks.double().flatten(), 0.3 * directions.flatten(1))


def losses(net, around: Plane, coordinates, done=None, size: int = 4):
    h0, targets = batch(net)
    done = np.zeros(len(coordinates), dtype=bool) if done is None else done
    found = np.full(len(coordinates), np.nan)
    objective = DenseObjective(EagerEngine(), net, h0, targets)
    for cells, values in surface(objective, around, coordinates, done, size):
        found[cells] = values[:, 0]
    return found


@pytest.mark.parametrize("loss", ["cross-entropy", "power-2"])
@pytest.mark.parametrize("augmentation", ["skip", "none", "linear_skip", "inc_skip"])
def test_cells_are_the_losses_of_single_networks(loss: str, augmentation: str) -> None:
    net = network(loss=loss, augmentation=augmentation)
    around = plane(net)
    h0, targets = batch(net)
    expected = []
    for a, b in COORDINATES:
        moved = a * around.directions[0] + b * around.directions[1]
        blocks = net.blocks + moved.view_as(net.blocks)
        evaluation = ReferenceEngine().evaluate(Batch(net.with_blocks(blocks), h0, targets))
        expected.append(float(evaluation.loss))
    np.testing.assert_allclose(losses(net, around, COORDINATES), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 3, 4, 11, 64])
def test_weights_at_the_centre_are_the_trained_ones_to_the_bit(dtype, size: int) -> None:
    net = network(dtype=dtype)
    around = plane(net)
    out = torch.full((size, net.blocks.numel()), torch.nan, dtype=torch.float64)
    weights = around.weights(torch.zeros(size, 2, dtype=torch.float64), out).to(dtype)
    assert all(torch.equal(of_cell.view_as(net.blocks), net.blocks) for of_cell in weights)


@pytest.mark.parametrize("finished", [[], [0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10], [1, 5, 9]])
def test_a_surface_in_two_sittings_has_the_same_bits(finished: list[int]) -> None:
    net = network(dtype=torch.float32, width=5)
    at_once = losses(net, plane(net), COORDINATES)
    done = np.zeros(len(COORDINATES), dtype=bool)
    done[finished] = True
    later = losses(net, plane(net), COORDINATES, done)
    fresh = ~np.isnan(later)
    assert fresh[~done].all()
    np.testing.assert_array_equal(later[fresh], at_once[fresh])


def test_finished_batches_are_not_evaluated_again() -> None:
    net = network()
    done = np.zeros(len(COORDINATES), dtype=bool)
    done[4:8] = True
    later = losses(net, plane(net), COORDINATES, done)
    assert np.isnan(later).nonzero()[0].tolist() == [4, 5, 6, 7]


def test_one_direction() -> None:
    net = network()
    around = plane(net, dimensions=1)
    coordinates = COORDINATES[:, :1]
    two = Plane(around.centre, torch.cat([around.directions, torch.zeros_like(around.directions)]))
    expected = losses(net, two, COORDINATES)
    np.testing.assert_allclose(losses(net, around, coordinates), expected, rtol=1e-14)


@pytest.mark.parametrize("samples", [1, 1000, 10_000_000])
def test_batches_fit_the_memory(samples: int) -> None:
    net = network(width=15, depth=64, dtype=torch.float32)
    targets = torch.zeros(1, dtype=torch.int64).expand(samples)
    h0 = torch.zeros(1, 15).expand(samples, 15)
    size = DenseObjective(EagerEngine(), net, h0, targets).together
    assert 1 <= size <= 1024
    assert size == 1 or size * samples * 15 * 4 < 64 * 2**20
