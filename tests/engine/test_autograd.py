"""The oracle against finite differences and against a loop in numpy that shares nothing with it."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import erf

from resdepth.engine.autograd import ReferenceEngine, first_nonfinite_layer, hidden_states
from resdepth.engine.contract import Batch
from resdepth.mathematics.activation import ACTIVATIONS
from tests.support.networks import AUGMENTATIONS, batch, network

ENGINE = ReferenceEngine()
SIGMA = {
    "tanh": np.tanh,
    "elu": lambda z: np.where(z > 0, z, np.expm1(z)),
    "relu": lambda z: np.maximum(z, 0.0),
    "gelu": lambda z: 0.5 * z * (1.0 + erf(z / math.sqrt(2.0))),
    "sigmoid": lambda z: 1.0 / (1.0 + np.exp(-z)),
}


Layer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def by_hand(
    blocks: np.ndarray, h: np.ndarray, activation: str, augmentation: str, alpha: float
) -> np.ndarray:
    """h_L, one sample at a time, by the table of the design."""
    sigma, delta = SIGMA[activation], len(blocks) ** -alpha
    layers: dict[str, Layer] = {
        "skip": lambda x, a, previous: x + delta * sigma(a @ x),
        "none": lambda x, a, previous: sigma(a @ x),
        "linear_skip": lambda x, a, previous: x + a @ sigma(x),
        "inc_skip": lambda x, a, previous: x + (a - previous) @ sigma(x),
    }
    rows = []
    for x in h:
        previous = np.zeros_like(blocks[0])
        for a in blocks:
            x, previous = layers[augmentation](x, a, previous), a
        rows.append(x)
    return np.array(rows)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("activation", SIGMA)
def test_the_network_is_the_one_of_the_table(augmentation: str, activation: str) -> None:
    net = network(augmentation=augmentation, activation=activation)
    h0, _ = batch(net)
    hand = by_hand(net.blocks.numpy(), h0.numpy(), activation, augmentation, net.alpha)
    wanted = hand @ net.readout.numpy().T
    np.testing.assert_allclose(ENGINE.predict(net, h0).numpy(), wanted, rtol=0, atol=1e-12)


def test_every_activation_is_tested_by_hand() -> None:
    assert set(SIGMA) == set(ACTIVATIONS)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_derivatives_are_autograds(activation: str) -> None:
    z = torch.linspace(-6.0, 6.0, 241, dtype=torch.float64).requires_grad_()
    sigma = ACTIVATIONS[activation]
    value = sigma.value(z)
    (wanted,) = torch.autograd.grad(value.sum(), z)
    found = sigma.derivative(z.detach(), value.detach())
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("loss", ["cross-entropy", "power-2", "power-3.5"])
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("activation", ["tanh", "gelu", "sigmoid"])
def test_gradient_by_finite_differences(augmentation: str, activation: str, loss: str) -> None:
    net = network(depth=2, width=2, augmentation=augmentation, activation=activation, loss=loss)
    h0, targets = batch(net, 3)

    def mean_loss(blocks: torch.Tensor) -> torch.Tensor:
        prediction = ENGINE.predict(net.with_blocks(blocks), h0)
        return net.loss.of_samples(prediction, targets).mean()

    blocks = net.blocks.clone().requires_grad_()
    assert torch.autograd.gradcheck(mean_loss, (blocks,), eps=1e-6, atol=1e-7)
    (wanted,) = torch.autograd.grad(mean_loss(blocks), blocks)
    found = ENGINE.loss_and_gradient(Batch(net, h0, targets)).gradient
    assert found is not None
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-14)


def test_the_embedding_is_linear_in_the_rows() -> None:
    net = network(inputs=6)
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    wanted = np.array([net.readin.numpy() @ row for row in x.numpy()])
    np.testing.assert_allclose(net.embed(x).numpy(), wanted, rtol=0, atol=1e-14)


def test_there_is_one_hidden_state_a_layer() -> None:
    net = network(depth=5)
    h0, _ = batch(net)
    states = list(hidden_states(net, h0))
    assert len(states) == 5 and all(h.shape == h0.shape for h in states)


@pytest.mark.parametrize("layer", [0, 3])
def test_the_layer_of_divergence_is_found(layer: int) -> None:
    net = network()
    h0, _ = batch(net)
    assert first_nonfinite_layer(net, h0) is None
    blocks = net.blocks.clone()
    blocks[layer, 0, 1] = math.nan
    assert first_nonfinite_layer(net.with_blocks(blocks), h0) == layer


def test_an_overflowing_layer_is_found() -> None:
    net = network(augmentation="none", activation="relu", dtype=torch.float32)
    blocks = torch.eye(3).expand(5, 3, 3).clone() * 1e20
    h0 = torch.ones(2, 3)
    # 1e20, 1e40: the second layer leaves float32.
    assert first_nonfinite_layer(net.with_blocks(blocks), h0) == 1
