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
from resdepth.engine.objective import Each, Objective, VectorScores
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

    def scores(self, vectors: Vector) -> VectorScores:
        with torch.no_grad():
            each = [self._score(part) for part in torch.split(vectors, self.together)]
        found = torch.cat(each) / self.samples
        return VectorScores(found[:, 0], found[:, 1])

    def _score(self, vectors: Vector) -> Tensor:
        """Summed loss and hits over all batches, (R, 2)."""
        if self.statistics == "recalibrated":
            self._recalibrate(vectors[0])
        found = _nothing(vectors).repeat(len(vectors), 2)
        for images, labels in self.batches:
            for sums, logits in zip(found, self._answers(vectors, images), strict=True):
                losses, hits = CrossEntropy().of_samples(logits, labels), logits.argmax(1) == labels
                sums += torch.stack([in_float64(part).sum() for part in (losses, hits)])
        return found

    def _answers(self, vectors: Vector, images: Images) -> Tensor:
        """The logits of every vector, (R, N, classes)."""
        if len(vectors) == 1:
            return self._logits(vectors[0], images).unsqueeze(0)
        return torch.vmap(lambda vector: self._logits(vector, images))(vectors)

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

    def gradients(self, vectors: Vector) -> tuple[Each, Vector]:
        found = [self._gradient(vector) for vector in vectors]
        losses, gradients = zip(*found, strict=True)
        return torch.stack(losses), torch.stack(gradients)

    def products(self, directions: Vector, gauss_newton: bool = False) -> Vector:
        found = torch.zeros_like(directions)
        # One graph per batch.
        for images, labels in self.batches:
            found += products(
                partial(self._logits, images=images),
                partial(_summed, labels=labels),
                self.centre,
                directions,
                gauss_newton,
            )
        return found / self.samples

    def _gradient(self, vector: Vector) -> tuple[Tensor, Tensor]:
        leaf = vector.detach().clone().requires_grad_()
        loss, gradient = _nothing(vector), torch.zeros_like(vector)
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


def _nothing(vector: Vector) -> Tensor:
    return in_float64(torch.zeros((), device=vector.device))
