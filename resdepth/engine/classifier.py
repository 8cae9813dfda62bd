"""Stochastic gradient descent of an image classifier, and its evaluation.

All parameters are views of one flat vector: an update is a few vector operations. Nothing waits for
the device; on CUDA a full batch is one captured graph.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from resdepth.arrays import Images, Labels, Prediction
from resdepth.engine import capture
from resdepth.engine.loss import CrossEntropy, in_float64, omega

Measured = Float64[Tensor, "3"]
"""Mean loss, Omega and accuracy of a batch before its update: (3,), float64."""


class Descent:
    """SGD with momentum and weight decay, as torch.optim.SGD defines them (dampening 0).

    velocity = momentum velocity + gradient + decay weights; weights -= rate velocity.
    With `bf16` the convolutions run in bfloat16 (autocast); parameters, batch statistics, loss and
    Omega stay in the parameters' own dtype.
    """

    def __init__(
        self, network: nn.Module, momentum: float, weight_decay: float, *, bf16: bool
    ) -> None:
        self.network, self.bf16 = network, bf16
        self.momentum, self.weight_decay = momentum, weight_decay
        self.parameters = list(network.parameters())
        self.weights = flatten(self.parameters)
        self.velocity = torch.zeros_like(self.weights) if momentum else None
        self.device = self.weights.device

    def __call__(self, images: Images, labels: Labels, rate: float) -> Measured:
        """Update on images (N, C, H, W); returns the measurements of the weights before it.

        On the CPU the update is skipped if the loss is not finite.
        """
        measured, gradient = self.gradient(images, labels)
        if self.device.type != "cpu" or bool(measured[0].isfinite()):
            self.update(gradient, rate)
        return measured

    def gradient(self, images: Images, labels: Labels) -> tuple[Measured, Tensor]:
        """Loss, Omega and accuracy, and the flat gradient of the mean loss."""
        self.network.train()
        logits = self.predict(images)
        with torch.no_grad():
            loss = CrossEntropy()
            of_samples = loss.gradient_of_samples(logits, labels)
            mean = in_float64(loss.of_samples(logits, labels)).mean()
            accuracy = in_float64(logits.argmax(1) == labels).mean()
            measured = torch.stack([mean, omega(of_samples), accuracy])
        gradients = torch.autograd.grad(logits, self.parameters, of_samples / len(labels))
        return measured, torch.cat([gradient.flatten() for gradient in gradients])

    def update(self, gradient: Tensor, rate: float | Tensor) -> None:
        """Move the weights along `gradient`."""
        with torch.no_grad():
            if self.weight_decay:
                gradient = gradient.add(self.weights, alpha=self.weight_decay)
            if self.velocity is not None:
                gradient = self.velocity.mul_(self.momentum).add_(gradient)
            self.weights.sub_(gradient * rate)

    def predict(self, images: Images) -> Prediction:
        """Logits (N, classes) in the parameters' dtype."""
        with torch.autocast(self.device.type, torch.bfloat16, self.bf16, cache_enabled=False):
            logits: Tensor = self.network(images)
        return logits.to(self.weights.dtype)

    def state(self) -> dict[str, Tensor]:
        """Parameters and batch statistics by name, and `velocity`."""
        tensors = dict(self.network.state_dict())
        return tensors if self.velocity is None else tensors | {"velocity": self.velocity}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Copy a state with the same names and shapes."""
        with torch.no_grad():
            for name, tensor in self.state().items():
                tensor.copy_(tensors[name])


class Graphed:
    """A `Descent` whose step is captured once as a CUDA graph and replayed on full batches."""

    def __init__(self, descent: Descent, batch_size: int) -> None:
        self.descent, self.batch_size = descent, batch_size
        self.replay: Callable[[], None] | None = None

    def __call__(self, images: Images, labels: Labels, rate: float) -> Measured:
        """One update; smaller batches run without the graph."""
        if len(labels) != self.batch_size:
            return self.descent(images, labels, rate)
        if self.replay is None:
            self.replay = self._captured(images, labels)
        self.images.copy_(images)
        self.labels.copy_(labels)
        self.rate.fill_(rate)
        self.replay()
        return self.measured.clone()

    def _captured(self, images: Images, labels: Labels) -> Callable[[], None]:
        self.images, self.labels = images.clone(), labels.clone()
        self.rate = torch.zeros((), dtype=self.descent.weights.dtype, device=images.device)

        def step() -> None:
            self.measured, gradient = self.descent.gradient(self.images, self.labels)
            self.descent.update(gradient, self.rate)

        return capture.captured(step, *self.descent.state().values())


Step = Descent | Graphed


@dataclass(frozen=True)
class Score:
    """Mean loss; images, hits, and hits among the best two of each class, (classes,)."""

    loss: float
    images: Tensor
    top1: Tensor
    top2: Tensor


def evaluate(descent: Descent, batches: list[tuple[Tensor, Tensor]], classes: int) -> Score:
    """Score with the running batch statistics; at least two classes."""
    descent.network.eval()
    loss: Tensor | float = 0.0
    counts = torch.zeros(3, classes, dtype=torch.int64, device=descent.device)
    with torch.inference_mode():
        for images, labels in batches:
            logits = descent.predict(images)
            loss += in_float64(CrossEntropy().of_samples(logits, labels)).sum()
            hits = (logits.topk(2).indices == labels[:, None]).to(torch.int64)
            one = torch.ones_like(labels)
            for row, weight in enumerate((one, hits[:, 0], hits.sum(1))):
                counts[row].scatter_add_(0, labels, weight)
    counts = counts.cpu()
    return Score(float(loss) / max(int(counts[0].sum()), 1), *counts)


def flatten(parameters: list[nn.Parameter]) -> Tensor:
    """Concatenate parameters of one dtype and device and make each a view of the result."""
    whole = torch.cat([parameter.detach().flatten() for parameter in parameters])
    parts = torch.split(whole, [parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.data = part.view_as(parameter)
    return whole
