"""Losses and accuracies of a classifier at other parameters, against torch's own modules."""

import copy

import pytest
import torch
from torch import nn

from resdepth.engine.convolutional_objective import ConvolutionalObjective
from tests.engine.test_resnet import both, images

STATISTICS = ["centre", "recalibrated"]


def problem(statistics: str, dtype: torch.dtype = torch.float64):
    """An objective on eleven images in batches of 6 and 5, and the plain network beside it."""
    ours, plain = both(1, 0.5, 4)
    for seed in range(3):
        x = images(6, 3, 8, 8, seed)
        ours(x), plain(x)
    x, labels = images(11, 3, 8, 8, 20), torch.arange(11) % 4
    batches = [(x[:6].to(dtype), labels[:6]), (x[6:].to(dtype), labels[6:])]
    return ConvolutionalObjective(ours.to(dtype), batches, statistics), plain, batches


def moved(objective, seed: int, size: float = 0.05) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    step = torch.randn(objective.layout.size, generator=generator, dtype=torch.float64)
    return objective.centre.double() + size * step


def expected(plain, objective, vector, batches, statistics: str) -> tuple[float, float]:
    """The same by torch alone, in float64, its own averages of the batch statistics."""
    net = copy.deepcopy(plain)
    named = objective.layout.named(vector)
    layers = ["first", *(f"blocks.{k}.{name}" for k in range(3) for name in ("first", "second"))]
    with torch.no_grad():
        for layer, (conv, norm) in zip(layers, net.pairs(), strict=True):
            conv.weight.copy_(named[f"{layer}.kernel"])
            norm.weight.copy_(named[f"{layer}.weight"])
            norm.bias.copy_(named[f"{layer}.bias"])
        net.linear.weight.copy_(named["readout.weight"])
        net.linear.bias.copy_(named["readout.bias"])
        if statistics == "recalibrated":
            torch.optim.swa_utils.update_bn([x.double() for x, _ in batches], net)
        net.eval()
        logits = torch.cat([net(x.double()) for x, _ in batches])
    labels = torch.cat([labels for _, labels in batches])
    loss = float(nn.functional.cross_entropy(logits, labels))
    return loss, float((logits.argmax(1) == labels).double().mean())


@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=["f64", "f32"]
)
def test_scores_are_those_of_plain_torch(statistics, dtype, tolerance) -> None:
    objective, plain, batches = problem(statistics, dtype)
    vectors = torch.stack([moved(objective, seed) for seed in range(3)])
    found = objective.scores(vectors.to(dtype))
    for number, vector in enumerate(vectors):
        loss, accuracy = expected(plain, objective, vector, batches, statistics)
        assert float(found[number, 0]) == pytest.approx(loss, rel=tolerance)
        assert float(found[number, 1]) == pytest.approx(accuracy, abs=1e-12)


@pytest.mark.parametrize("statistics", STATISTICS)
def test_a_vector_leaves_nothing_behind(statistics: str) -> None:
    objective, *_ = problem(statistics)
    near, far = moved(objective, 1), moved(objective, 2, 1e200)
    alone = objective.scores(near[None])[0, 0]
    assert not objective.scores(far[None])[0, 0].isfinite() or statistics == "recalibrated"
    torch.testing.assert_close(objective.scores(near[None])[0, 0], alone, rtol=0, atol=0)


def test_the_statistics_make_a_difference() -> None:
    losses = []
    for statistics in STATISTICS:
        objective, *_ = problem(statistics)
        losses.append(float(objective.scores(moved(objective, 1)[None])[0, 0]))
    assert abs(losses[0] - losses[1]) > 1e-3
