"""Losses, Omega and class metrics against closed forms and a count by hand."""

import math

import numpy as np
import pytest
import torch

from resdepth.engine.loss import CrossEntropy, PowerLoss, class_metrics, omega


def test_cross_entropy_of_two_classes() -> None:
    # Logits (0, log 3): probabilities 1/4 and 3/4.
    prediction = torch.tensor([[0.0, math.log(3.0)]] * 2, dtype=torch.float64)
    targets = torch.tensor([0, 1])
    loss = CrossEntropy()
    found = loss.of_samples(prediction, targets)
    torch.testing.assert_close(found, torch.tensor([math.log(4.0), math.log(4.0 / 3.0)]).double())
    gradient = loss.gradient_of_samples(prediction, targets)
    torch.testing.assert_close(gradient, torch.tensor([[-0.75, 0.75], [0.25, -0.25]]).double())
    # |g|^2 = 2 (3/4)^2 and 2 (1/4)^2, mean 5/8.
    assert float(omega(gradient)) == pytest.approx(0.625, abs=1e-15)


@pytest.mark.parametrize("logit", [50.0, 800.0])
def test_cross_entropy_survives_large_logits(logit: float) -> None:
    prediction = torch.tensor([[logit, 0.0], [0.0, logit]], dtype=torch.float32)
    loss = CrossEntropy()
    found = loss.of_samples(prediction, torch.tensor([0, 0]))
    torch.testing.assert_close(found, torch.tensor([0.0, logit]))
    assert torch.isfinite(loss.gradient_of_samples(prediction, torch.tensor([0, 0]))).all()


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.5])
def test_power_loss(p: float) -> None:
    prediction = torch.tensor([[1.5], [-2.0], [0.25]], dtype=torch.float64)
    targets = torch.tensor([1.0, 1.0, 0.25], dtype=torch.float64)
    loss = PowerLoss(p)
    wanted = torch.tensor([0.5**p / p, 3.0**p / p, 0.0], dtype=torch.float64)
    torch.testing.assert_close(loss.of_samples(prediction, targets), wanted)
    gradient = loss.gradient_of_samples(prediction, targets)
    # 0 where the prediction is right, for every p.
    wanted = torch.tensor([[0.5 ** (p - 1)], [-(3.0 ** (p - 1))], [0.0]], dtype=torch.float64)
    torch.testing.assert_close(gradient, wanted)
    squares = (0.25 ** (p - 1) + 9.0 ** (p - 1)) / 3
    assert float(omega(gradient)) == pytest.approx(squares, rel=1e-14)
    assert loss.counts(prediction, targets) is None


@pytest.mark.parametrize("loss", [CrossEntropy(), PowerLoss(1.0), PowerLoss(2.5)], ids=str)
def test_gradients_are_autograds(loss: CrossEntropy | PowerLoss) -> None:
    generator = torch.Generator().manual_seed(0)
    outputs = 5 if isinstance(loss, CrossEntropy) else 1
    prediction = torch.randn(9, outputs, generator=generator, dtype=torch.float64).requires_grad_()
    targets = (
        torch.randint(0, 5, (9,), generator=generator)
        if isinstance(loss, CrossEntropy)
        else torch.randn(9, generator=generator, dtype=torch.float64)
    )
    (wanted,) = torch.autograd.grad(loss.of_samples(prediction, targets).sum(), prediction)
    found = loss.gradient_of_samples(prediction.detach(), targets)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-14)


def counted(predicted: np.ndarray, truth: np.ndarray, classes: int) -> dict[str, float]:
    """Accuracy, macro precision and macro recall as the definitions read."""
    precision, recall = [], []
    for c in range(classes):
        hits = np.sum((predicted == c) & (truth == c))
        precision.append(hits / np.sum(predicted == c) if np.any(predicted == c) else 0.0)
        recall.append(hits / np.sum(truth == c) if np.any(truth == c) else 0.0)
    return {
        "accuracy": float(np.mean(predicted == truth)),
        "precision": float(np.mean(precision)),
        "recall": float(np.mean(recall)),
    }


@pytest.mark.parametrize("used", [5, 2], ids=["all classes predicted", "three never predicted"])
@pytest.mark.parametrize("seed", range(3))
def test_class_metrics(used: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    prediction = generator.standard_normal((60, 5))
    prediction[:, used:] -= 100.0
    truth = generator.integers(0, 5, 60)
    counts = CrossEntropy().counts(torch.from_numpy(prediction), torch.from_numpy(truth))
    found, wanted = class_metrics(counts), counted(prediction.argmax(1), truth, 5)
    assert found == pytest.approx(wanted, abs=1e-15)


def test_a_class_without_samples() -> None:
    prediction = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    counts = CrossEntropy().counts(prediction, torch.tensor([0, 1]))
    assert counts.tolist() == [[1, 1, 0], [2, 0, 0], [1, 0, 0]]
    wanted = {"accuracy": 0.5, "precision": 0.5 / 3, "recall": 1 / 3}
    assert class_metrics(counts) == pytest.approx(wanted)


def test_a_tie_goes_to_the_first_class() -> None:
    counts = CrossEntropy().counts(torch.zeros(1, 3), torch.tensor([0]))
    assert counts[1].tolist() == [1, 0, 0]


def test_replicas_are_counted_apart() -> None:
    prediction = torch.tensor([[[2.0, 0.0], [2.0, 0.0]], [[0.0, 2.0], [2.0, 0.0]]])
    counts = CrossEntropy().counts(prediction, torch.tensor([0, 1]))
    assert counts[:, 2].tolist() == [[1, 0], [0, 0]]
