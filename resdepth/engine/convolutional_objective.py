"""The loss of an image classifier as a function of its parameters, norms and biases included."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from resdepth.arrays import ImageBatch, Images, Labels, Prediction
from resdepth.engine.autograd import products
from resdepth.engine.loss import CrossEntropy, in_float64
from resdepth.engine.objective import Losses, Objective, Scores
from resdepth.engine.resnet import ConvNorm
from resdepth.engine.vector import Layout, Vector, layout_of

Statistics = Literal["centre", "recalibrated"]
"""Means and variances of batch normalisation: the trained ones, or each vector's own.

`recalibrated`: averages over the batches of the statistics at that vector, as in
torch.optim.swa_utils.update_bn. Li et al. (arXiv 1712.09913) use the centre's.
"""

TOGETHER = {"cpu": 1, "cuda": 16, "mps": 1}
"""Vectors per call by device; 16 networks on 500 images of CIFAR need half a GiB."""


@dataclass(frozen=True)
class ConvolutionalObjective(Objective):
    """A classifier of images in evaluation.

    `batches` are images (N, C, H, W) and labels (N,); the mean is over all of them. `statistics`
    applies to `scores`; derivatives use the network's own statistics, held fixed.
    """

    network: nn.Module
    batches: Sequence[ImageBatch]
    statistics: Statistics = "centre"

    @property
    def layout(self) -> Layout:
        return layout_of(dict(self.network.named_parameters()))

    @property
    def centre(self) -> Vector:
        return self.layout.vector(dict(self.network.named_parameters())).detach()

    @property
    def samples(self) -> int:
        return sum(len(labels) for _, labels in self.batches)

    @property
    def together(self) -> int:
        # The network holds one set of batch statistics.
        if self.statistics == "recalibrated":
            return 1
        return TOGETHER[next(self.network.parameters()).device.type]

    def scores(self, vectors: Vector) -> Scores:
        with torch.no_grad():
            each = [self._score(part) for part in torch.split(vectors, self.together)]
        return torch.cat(each) / self.samples

    def gradients(self, vectors: Vector) -> tuple[Losses, Vector]:
        losses, gradients = zip(*map(self._gradient, vectors), strict=True)
        return torch.stack(losses), torch.stack(gradients)

    def products(self, directions: Vector, gauss_newton: bool = False) -> Vector:
        found, centre = torch.zeros_like(directions), self.centre
        # One graph per batch.
        for images, labels in self.batches:
            logits, loss = partial(self._logits, images=images), partial(_summed, labels=labels)
            found += products(logits, loss, centre, directions, gauss_newton)
        return found / self.samples

    def _score(self, vectors: Vector) -> Tensor:
        """Summed loss and hits over all batches, (R, 2)."""
        if self.statistics == "recalibrated":
            self._recalibrate(vectors[0])
        found = _zero(vectors).repeat(len(vectors), 2)
        for images, labels in self.batches:
            if len(vectors) == 1:
                answers = self._logits(vectors[0], images).unsqueeze(0)
            else:
                answers = torch.vmap(partial(self._logits, images=images))(vectors)
            for sums, logits in zip(found, answers, strict=True):
                losses, hits = CrossEntropy().of_samples(logits, labels), logits.argmax(1) == labels
                sums += torch.stack([in_float64(part).sum() for part in (losses, hits)])
        return found

    def _recalibrate(self, vector: Vector) -> None:
        """Give the network the batch statistics of these parameters."""
        norms = [part for part in self.network.modules() if isinstance(part, ConvNorm)]
        for norm in norms:
            # Reset: an infinity of the previous vector would remain.
            norm.mean.zero_()
            norm.variance.zero_()
        for number, (images, _) in enumerate(self.batches):
            for norm in norms:
                norm.momentum = 1.0 / (number + 1)
            self._logits(vector, images, training=True)

    def _gradient(self, vector: Vector) -> tuple[Tensor, Tensor]:
        leaf = vector.detach().clone().requires_grad_()
        loss, gradient = _zero(vector), torch.zeros_like(vector)
        for images, labels in self.batches:
            losses = CrossEntropy().of_samples(self._logits(leaf, images), labels)
            part = in_float64(losses).sum()
            (of_batch,) = torch.autograd.grad(part, leaf)
            loss, gradient = loss + part.detach(), gradient + of_batch
        return loss / self.samples, gradient / self.samples

    def _logits(self, vector: Vector, images: Images, training: bool = False) -> Prediction:
        self.network.train(training)
        parameters = self.layout.named(vector)
        found: Prediction = functional_call(self.network, parameters, (images.to(vector.dtype),))
        return found


def _summed(logits: Prediction, labels: Labels) -> Tensor:
    return CrossEntropy().of_samples(logits, labels).sum()


def _zero(vector: Vector) -> Tensor:
    return in_float64(torch.zeros((), device=vector.device))
