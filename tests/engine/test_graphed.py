"""The captured step: the same descent, its scalars late but complete and in order."""

import pytest
import torch

from resdepth.engine.contract import Batch
from resdepth.engine.kernels.eager import EagerEngine
from resdepth.engine.kernels.graphed import IN_FLIGHT, GraphedStep
from resdepth.engine.network import Network
from tests.support import fake_cuda
from tests.support.networks import batch, network

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(params=["plain", "captured"])
def graphs(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> list[fake_cuda.Graph]:
    """The captured graphs, where capture is played; on a CUDA device it is real."""
    if request.param == "plain":
        return []
    if DEVICE == "cuda":
        pytest.skip("the device itself captures")
    return fake_cuda.install(monkeypatch)


def _problem(**options: object) -> tuple[Network, torch.Tensor, torch.Tensor]:
    net = network(**options)  # type: ignore[arg-type]
    h0, targets = batch(net, 12)
    return net.to(DEVICE, torch.float64), h0.to(DEVICE), targets.to(DEVICE)


@pytest.mark.parametrize("loss", ["cross-entropy", "power-2"])
@pytest.mark.parametrize("replicas", [None, 2])
def test_scalars_arrive_in_order(
    loss: str, replicas: int | None, graphs: list[fake_cuda.Graph]
) -> None:
    net, h0, targets = _problem(loss=loss, replicas=replicas)
    engine = EagerEngine()
    step = GraphedStep(engine, net, h0, targets, step=7)
    arrived, current, losses = [], net, []
    for number in range(IN_FLIGHT + 9):
        if number % 5 == 4:
            # Every fifth batch is smaller, as the last one of an epoch.
            h0, targets = h0.flip(0) * 0.9, targets.flip(0)
        taken = (h0[:7], targets[:7]) if number % 5 == 4 else (h0, targets)
        step.take(*taken)
        step.advance(0.01 * number)
        if number % 10 == 0:
            arrived += step.arrivals()
        wanted = engine.loss_and_gradient(Batch(current, *taken))
        losses.append(wanted.loss.cpu())
        current = current.with_blocks(current.blocks - 0.01 * number * wanted.gradient)
    arrived += step.arrivals(wait=True)
    assert [arrival.step for arrival in arrived] == list(range(7, 7 + IN_FLIGHT + 9))
    assert all(arrival.finite for arrival in arrived)
    found = torch.stack([arrival.loss for arrival in arrived])
    torch.testing.assert_close(found, torch.stack(losses), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(step.network.blocks, current.blocks, rtol=1e-10, atol=1e-12)
    last = arrived[-1]
    torch.testing.assert_close(last.omega, wanted.omega.cpu(), rtol=1e-10, atol=1e-12)
    assert (last.counts is None) == (wanted.counts is None)
    if last.counts is not None and wanted.counts is not None:
        assert torch.equal(last.counts, wanted.counts.cpu())
    assert step.arrivals(wait=True) == []
    assert [graph.replays for graph in graphs] in ([], [IN_FLIGHT + 9 - 14])


def test_a_larger_batch_is_captured_anew(graphs: list[fake_cuda.Graph]) -> None:
    # A run that resumes at the last, smaller batch of an epoch meets the full ones later.
    net, h0, targets = _problem()
    step = GraphedStep(EagerEngine(), net, h0[:5], targets[:5])
    step.advance(0.1)
    step.take(h0, targets)
    step.advance(0.1)
    step.take(h0.flip(0), targets.flip(0))
    step.advance(0.1)
    plain = GraphedStep(EagerEngine(), net, h0[:5], targets[:5])
    for taken in ((h0[:5], targets[:5]), (h0, targets), (h0.flip(0), targets.flip(0))):
        plain._batch = taken  # beside the graph
        plain.advance(0.1)
    torch.testing.assert_close(step.network.blocks, plain.network.blocks)
    assert [graph.replays for graph in graphs][:2] in ([], [1, 2])


def test_weights_that_are_not_finite_are_seen(graphs: list[fake_cuda.Graph]) -> None:
    # tanh of an infinite weight is 1: the loss alone does not tell.
    net, h0, targets = _problem(replicas=2)
    net.blocks[1, 0, 0, 0] = torch.inf
    h0 = h0.abs() + 1.0
    step = GraphedStep(EagerEngine(), net, h0, targets)
    step.advance(0.0)
    (arrival,) = step.arrivals(wait=True)
    assert arrival.loss.isfinite().all() and not arrival.finite


@pytest.mark.parametrize("size", [1.0, 1e200])
def test_the_weights_it_starts_from_are_left_alone(
    size: float, graphs: list[fake_cuda.Graph]
) -> None:
    # Large weights give no finite gradient, with which a warm-up at rate 0 would spoil them.
    net, h0, targets = _problem(activation="relu")
    net.blocks.mul_(size)
    before = net.blocks.clone()
    step = GraphedStep(EagerEngine(), net, h0, targets)
    assert torch.equal(step.network.blocks, before)
    step.advance(1.0)
    assert torch.equal(net.blocks, before)
    assert not torch.equal(step.network.blocks, before)
