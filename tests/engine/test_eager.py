"""The hand-written passes against autograd, in float64, for everything a network can be."""

import pytest
import torch

from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.contract import Batch, Evaluation
from resdepth.engine.kernels.eager import EagerEngine
from resdepth.engine.network import Network
from resdepth.mathematics.activation import ACTIVATIONS
from tests.support.networks import AUGMENTATIONS, LOSSES, batch, network

ORACLE, EAGER = ReferenceEngine(), EagerEngine()
TOLERANCE = 1e-12


def close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    scale = max(1.0, float(wanted.abs().max()))
    torch.testing.assert_close(found, wanted, rtol=0.0, atol=TOLERANCE * scale)


def agree(net: Network, h0: torch.Tensor, targets: torch.Tensor) -> Evaluation:
    found = EAGER.loss_and_gradient(Batch(net, h0, targets))
    wanted = ORACLE.loss_and_gradient(Batch(net, h0, targets))
    assert found.gradient.shape == net.blocks.shape
    for name in ("loss", "omega", "gradient"):
        close(getattr(found, name), getattr(wanted, name))
    if wanted.counts is not None:
        assert found.counts is not None and torch.equal(found.counts, wanted.counts)
    close(EAGER.predict(net, h0), ORACLE.predict(net, h0))
    evaluated = EAGER.evaluate(Batch(net, h0, targets))
    close(evaluated.loss, wanted.loss)
    close(evaluated.omega, wanted.omega)
    return wanted


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_every_network(augmentation: str, activation: str, loss: str) -> None:
    net = network(augmentation=augmentation, activation=activation, loss=loss)
    agree(net, *batch(net))


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize(
    "sizes",
    [{"depth": 1}, {"width": 1}, {"depth": 1, "width": 1}, {"depth": 2}, {"depth": 31, "width": 7}],
    ids=str,
)
@pytest.mark.parametrize("samples", [1, 13])
def test_sizes(augmentation: str, sizes: dict[str, int], samples: int) -> None:
    net = network(augmentation=augmentation, **sizes)
    agree(net, *batch(net, samples))


@pytest.mark.parametrize("loss", ["cross-entropy", "power-2"])
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("own_readout", [False, True])
@pytest.mark.parametrize("own_data", [False, True])
def test_replicas(augmentation: str, loss: str, own_readout: bool, own_data: bool) -> None:
    net = network(replicas=3, augmentation=augmentation, loss=loss, own_readout=own_readout)
    agree(net, *batch(net, replicas=3 if own_data else None))


@pytest.mark.parametrize("engine", [ORACLE, EAGER], ids=lambda engine: engine.name)
def test_a_replica_is_the_network_alone(engine: ReferenceEngine | EagerEngine) -> None:
    net = network(replicas=3)
    h0, targets = batch(net)
    together = engine.loss_and_gradient(Batch(net, h0, targets))
    alone = engine.loss_and_gradient(Batch(net.with_blocks(net.blocks[1]), h0, targets))
    assert together.loss.shape == (3,) and alone.loss.shape == ()
    for name in ("loss", "omega", "gradient", "counts"):
        close(getattr(together, name)[1].double(), getattr(alone, name).double())


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_float32_is_float64_rounded(augmentation: str) -> None:
    net = network(augmentation=augmentation)
    h0, targets = batch(net)
    rough = EAGER.loss_and_gradient(Batch(net.to("cpu", torch.float32), h0.float(), targets))
    exact = ORACLE.loss_and_gradient(Batch(net, h0, targets))
    assert rough.gradient.dtype == torch.float32 and rough.loss.dtype == torch.float64
    torch.testing.assert_close(rough.gradient.double(), exact.gradient, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(rough.loss, exact.loss, rtol=1e-5, atol=1e-6)


def test_same_input_same_bits() -> None:
    net = network(depth=40, width=9)
    h0, targets = batch(net, 50)
    first, second = (EAGER.loss_and_gradient(Batch(net, h0, targets)) for _ in range(2))
    assert torch.equal(first.gradient, second.gradient) and torch.equal(first.loss, second.loss)


def test_the_weights_are_left_alone() -> None:
    net = network()
    before = net.blocks.clone()
    EAGER.loss_and_gradient(Batch(net, *batch(net)))
    ORACLE.loss_and_gradient(Batch(net, *batch(net)))
    assert torch.equal(net.blocks, before) and not net.blocks.requires_grad
