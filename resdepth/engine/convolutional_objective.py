"""The loss of an image classifier as a function of its parameters, norms and biases included."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from resdepth.arrays import ImageBatch, Images, Labels, Prediction
from resdepth.engine.autograd import products
from resdepth.engine.loss import CrossEntropy, in_float64
from resdepth.engine.objective import Each, Scores
from resdepth.engine.resnet import ConvNorm
from resdepth.engine.vector import Layout, Vector, layout_of

Statistics = Literal["centre", "recalibrated"]
"""Whose means and variances batch normalisation uses: the trained ones, or each vector's own.

`recalibrated` are the averages over the batches of the statistics that each batch has at that
vector, as torch.optim.swa_utils.update_bn has them. Li et al. (arXiv 1712.09913) use the centre's.
"""

TOGETHER = {"cpu": 1, "cuda": 16, "mps": 1}
"""Vectors in one call, by device: 16 networks on 500 images of CIFAR keep half a GiB alive."""


@dataclass(frozen=True)
class ConvolutionalObjective:
    """A classifier of images in evaluation.

    `batches` are images (N, C, H, W) and labels (N,); the mean is over all of them. `statistics`
    holds for `scores`; derivatives are those with the network's own statistics held fixed.
    """

    network: nn.Module
    batches: Sequence[ImageBatch]
    statistics: Statistics = "centre"

    @property
    def layout(self) -> Layout:
        """Every parameter, in the module's own order."""
        named = dict(self.network.named_parameters())
        return layout_of(named, list(named))

    @property
    def centre(self) -> Vector:
        """The network's own parameters."""
        return self.layout.vector(dict(self.network.named_parameters())).detach()

    @property
    def samples(self) -> int:
        """Samples that the mean is over."""
        return sum(len(labels) for _, labels in self.batches)

    @property
    def together(self) -> int:
        """On a CPU one: a convolution of many images fills it by itself.

        One too where each vector has batch statistics of its own, which the network holds.
        """
        if self.statistics == "recalibrated":
            return 1
        return TOGETHER[next(self.network.parameters()).device.type]

    def scores(self, vectors: Vector) -> Scores:
        """Mean loss and accuracy of each vector, in calls of at most `together`."""
        with torch.no_grad():
            each = [self._score(part) for part in torch.split(vectors, self.together)]
        found = torch.cat(each) / self.samples
        return Scores(found[:, 0], found[:, 1])

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
        """Give the network the batch statistics that it has with these parameters."""
        norms = [part for part in self.network.modules() if isinstance(part, ConvNorm)]
        for norm in norms:
            # Nothing stays of another vector's: infinity times 0 would.
            norm.mean.zero_()
            norm.variance.zero_()
        for number, (images, _) in enumerate(self.batches):
            for norm in norms:
                norm.momentum = 1.0 / (number + 1)
            self._logits(vector, images, training=True)

    def gradients(self, vectors: Vector) -> tuple[Each, Vector]:
        """Mean loss and its gradient, each vector's own."""
        found = [self._gradient(vector) for vector in vectors]
        losses, gradients = zip(*found, strict=True)
        return torch.stack(losses), torch.stack(gradients)

    def products(self, directions: Vector, gauss_newton: bool = False) -> Vector:
        """The Hessian at the centre, or the Gauss-Newton matrix, times each direction."""
        found = torch.zeros_like(directions)
        for images, labels in self.batches:
            # One batch's graph at a time.
            found += self._products(images, labels, directions, gauss_newton)
        return found / self.samples

    def _products(
        self, images: Images, labels: Labels, directions: Vector, gauss_newton: bool
    ) -> Vector:
        """Those of one batch's summed loss."""
        return products(
            lambda vector: self._logits(vector, images),
            lambda logits: CrossEntropy().of_samples(logits, labels).sum(),
            self.centre,
            directions,
            gauss_newton,
        )

    def _gradient(self, vector: Vector) -> tuple[Tensor, Tensor]:
        leaf = vector.detach().clone().requires_grad_()
        loss, gradient = _nothing(vector), torch.zeros_like(vector)
        for part in self._sums(leaf):
            # One batch's graph at a time.
            (of_batch,) = torch.autograd.grad(part, leaf)
            loss, gradient = loss + part.detach(), gradient + of_batch
        return loss / self.samples, gradient / self.samples

    def _sums(self, vector: Vector) -> Iterator[Tensor]:
        """Summed loss of each batch."""
        for images, labels in self.batches:
            logits = self._logits(vector, images)
            yield in_float64(CrossEntropy().of_samples(logits, labels)).sum()

    def _logits(self, vector: Vector, images: Images, training: bool = False) -> Prediction:
        self.network.train(training)
        parameters = self.layout.named(vector)
        found: Prediction = functional_call(self.network, parameters, (images.to(vector.dtype),))
        return found


def _nothing(vector: Vector) -> Tensor:
    return in_float64(torch.zeros((), device=vector.device))
