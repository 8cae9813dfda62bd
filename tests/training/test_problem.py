"""The initial network: what one seed shares across depths, and the options that shape it."""

import numpy as np
import pytest
import torch

from resdepth.data.load import load_data
from resdepth.engine.network import Network
from resdepth.errors import Usage
from resdepth.mathematics.powers import initial_scale
from resdepth.options.train import TrainOptions
from resdepth.training.networks import initial_network
from tests.support.messages import refused

SMALL = {"width": 4, "dtype": "float64", "seed": 11, "train_fraction": 0.05}


def start(**options) -> Network:
    resolved = TrainOptions(**{**SMALL, **options})
    drawn = (resolved.network, resolved.init, resolved.data, resolved.seed)
    return initial_network(*drawn, load_data(resolved)[0])


def unscaled(network: Network, alpha: float = 0.75) -> np.ndarray:
    return network.blocks.numpy() / initial_scale(network.depth, network.width, alpha, 1.0)


@pytest.mark.parametrize("init", ["ntrunc", "constant", "repeat"])
def test_depths_share_their_ends_and_their_first_noise(init: str) -> None:
    shallow, deep = start(depth=8, init=init), start(depth=32, init=init)
    assert torch.equal(shallow.readin, deep.readin)
    assert torch.equal(shallow.readout, deep.readout)
    np.testing.assert_allclose(unscaled(deep)[:8], unscaled(shallow), rtol=1e-13)


def test_depths_share_one_fractional_motion() -> None:
    fbm = {"init": "fbm", "hurst": 0.3}
    shallow, deep = start(depth=8, init_depth=32, **fbm), start(depth=32, **fbm)
    assert torch.equal(shallow.readin, deep.readin)
    sums = unscaled(deep).reshape(8, 4, 4, 4).sum(1) * 4**-0.3
    np.testing.assert_allclose(unscaled(shallow), sums, rtol=1e-12, atol=1e-14)


def test_seeds_differ() -> None:
    assert not torch.equal(start(depth=8).blocks, start(depth=8, seed=12).blocks)


def test_the_initial_scale_has_an_alpha_of_its_own() -> None:
    ours = start(depth=8, alpha=0.5, init_alpha=1.0)
    assert ours.alpha == 0.5
    assert torch.equal(ours.blocks, start(depth=8, alpha=1.0).blocks)
    zero = start(depth=8, alpha=0.5, init_alpha=0.0)
    assert torch.equal(zero.blocks, start(depth=8, alpha=0.0).blocks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"init": "fbm"}, "init=fbm: needs --hurst"),
        ({"hurst": 0.5}, "--hurst: has no effect with --init=ntrunc"),
        ({"init": "repeat", "init_depth": 64}, "--init-depth: has no effect with --init=repeat"),
        ({"init": "fbm", "hurst": 0.5, "init_depth": 32}, "32 is not --depth=64 times a power"),
        ({"init": "fbm", "hurst": 0.5, "init_depth": 192}, "192 is not --depth=64 times a power"),
        ({"init": "fbm", "hurst": 0.5, "init_depth": 100}, "100 is not --depth=64 times a power"),
    ],
)
def test_starts_that_do_not_fit_are_refused(options, message: str) -> None:
    with refused(Usage, match=message):
        TrainOptions(**options)
