"""The two losses with their derivatives, Omega, and class counts.

A prediction is (*replicas, samples, outputs), targets are (*replicas, samples) or (samples,). A
loss gives, for each sample's own loss (no 1/N): `of_samples` its value (*replicas, samples),
`gradient_of_samples` its gradient in the prediction, `curvature_of_samples` its Hessian times a
tangent (..., samples, outputs), and `counts`, the class counts. Means are computed in float64.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from resdepth.arrays import Counts, Prediction, Scalar, Targets


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of the softmax against class indices (int64)."""

    def of_samples(self, prediction: Prediction, targets: Targets) -> Tensor:
        """-log softmax(prediction) at the target."""
        targets = targets.expand(prediction.shape[:-1]).unsqueeze(-1)
        return -functional.log_softmax(prediction, -1).gather(-1, targets).squeeze(-1)

    def gradient_of_samples(self, prediction: Prediction, targets: Targets) -> Prediction:
        """softmax(prediction) - onehot(target)."""
        targets = targets.expand(prediction.shape[:-1]).unsqueeze(-1)
        gradient = torch.softmax(prediction, -1)
        return gradient.scatter_add_(-1, targets, -torch.ones_like(targets, dtype=gradient.dtype))

    def curvature_of_samples(
        self, prediction: Prediction, targets: Targets, tangent: Tensor
    ) -> Tensor:
        """q * (t - q.t) with q = softmax(prediction)."""
        own = self.gradient_of_samples(prediction, targets)
        at_target = targets.expand(tangent.shape[:-1]).unsqueeze(-1)
        # q.t = t at the target + own.t, and own is exact if q is nearly 1.
        tangent = tangent - tangent.gather(-1, at_target)
        return torch.softmax(prediction, -1) * (tangent - (own * tangent).sum(-1, keepdim=True))

    def counts(self, prediction: Prediction, targets: Targets) -> Counts:
        """Samples, predictions and hits of each class; a tie counts for the first class."""
        targets = targets.expand(prediction.shape[:-1])
        predicted = prediction.argmax(-1)
        hit = (predicted == targets).to(torch.int64)
        shape = (*prediction.shape[:-2], 3, prediction.shape[-1])
        counts = torch.zeros(shape, dtype=torch.int64, device=targets.device)
        one = torch.ones_like(targets)
        for row, (classes, weight) in enumerate(((targets, one), (predicted, one), (targets, hit))):
            counts[..., row, :].scatter_add_(-1, classes, weight)
        return counts


@dataclass(frozen=True)
class PowerLoss:
    """l = |y - prediction|^p / p for one output and real targets; p >= 1, default 2."""

    p: float = 2.0

    def of_samples(self, prediction: Prediction, targets: Targets) -> Tensor:
        """|prediction - y|^p / p."""
        residual = prediction.squeeze(-1) - targets
        # Unlike the absolute value, the square has a second derivative at 0.
        power = residual.square() if self.p == 2.0 else residual.abs().pow(self.p)
        return power / self.p

    def gradient_of_samples(self, prediction: Prediction, targets: Targets) -> Prediction:
        """|r|^(p-1) sign(r) with r = prediction - y; 0 at r = 0."""
        residual = prediction - targets.unsqueeze(-1)
        return residual.abs().pow(self.p - 1.0) * residual.sign()

    def curvature_of_samples(
        self, prediction: Prediction, targets: Targets, tangent: Tensor
    ) -> Tensor:
        """(p - 1) |r|^(p-2) t; for p = 1 zero, for 1 < p < 2 infinite at r = 0."""
        if self.p == 1.0:
            return torch.zeros_like(tangent)
        residual = prediction - targets.unsqueeze(-1)
        return (self.p - 1.0) * residual.abs().pow(self.p - 2.0) * tangent

    def counts(self, prediction: Prediction, targets: Targets) -> None:
        """A regression has no classes."""


Loss = CrossEntropy | PowerLoss


def omega(gradient_of_samples: Prediction) -> Scalar:
    """Omega = mean over samples of the squared norm of the sample's own loss gradient."""
    return in_float64(gradient_of_samples).square().sum(-1).mean(-1)


def in_float64(values: Tensor) -> Tensor:
    """The values in float64, on the CPU if the device has no float64 (mps)."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def class_metrics(counts: Tensor) -> dict[str, float]:
    """Accuracy, macro precision and macro recall of one (3, classes) count table.

    A class without predictions has precision 0, one without samples has recall 0.
    """
    samples, predictions, hits = in_float64(counts)
    return {
        "accuracy": float(hits.sum() / samples.sum()),
        "precision": float((hits / predictions.clamp(min=1)).mean()),
        "recall": float((hits / samples.clamp(min=1)).mean()),
    }
