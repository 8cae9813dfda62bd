"""The captured step: the same descent, its scalars late but complete and in order."""

import pytest
import torch

from resdepth.engine.kernels.eager import EagerEngine
from resdepth.engine.kernels.graphed import IN_FLIGHT, GraphedStep
from tests.support.networks import batch, network

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize("loss", ["cross-entropy", "power-2"])
@pytest.mark.parametrize("replicas", [None, 2])
def test_scalars_arrive_in_order(loss: str, replicas: int | None) -> None:
    net = network(loss=loss, replicas=replicas).to(DEVICE, torch.float64)
    h0, targets = (t.to(DEVICE) for t in batch(net.to("cpu", torch.float64)))
    engine = EagerEngine()
    step = GraphedStep(engine, net, h0, targets, step=7)
    arrived, current = [], net
    for number in range(IN_FLIGHT + 9):
        if number == 5:
            h0, targets = h0.flip(0) * 0.5, targets.flip(0)
            step.take(h0, targets)
        step.advance(0.01 * number)
        if number % 10 == 0:
            arrived += step.arrivals()
        wanted = engine.loss_and_gradient(current, h0, targets)
        assert wanted.gradient is not None
        current = current.with_blocks(current.blocks - 0.01 * number * wanted.gradient)
    arrived += step.arrivals(wait=True)
    assert [arrival.step for arrival in arrived] == list(range(7, 7 + IN_FLIGHT + 9))
    last = arrived[-1]
    torch.testing.assert_close(last.loss, wanted.loss.cpu(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(last.omega, wanted.omega.cpu(), rtol=1e-10, atol=1e-12)
    assert (last.counts is None) == (wanted.counts is None)
    if last.counts is not None and wanted.counts is not None:
        assert torch.equal(last.counts, wanted.counts.cpu())
    assert step.arrivals(wait=True) == []


def test_the_weights_it_starts_from_are_left_alone() -> None:
    net = network()
    before = net.blocks.clone()
    GraphedStep(EagerEngine(), net, *batch(net)).advance(1.0)
    assert torch.equal(net.blocks, before)
