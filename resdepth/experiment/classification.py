"""From the options of `resnet-cifar` to what a step needs: images, network, descent."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from resdepth.data.augment import Epoch, normalise
from resdepth.data.dataset import Pixels
from resdepth.data.fingerprint import fingerprint
from resdepth.data.images import load_images
from resdepth.engine import capture
from resdepth.engine.classifier import Descent, Graphed, Step, bf16_is_fast, image_format
from resdepth.engine.convolutional import ResNet, initialise
from resdepth.engine.device import resolve_device
from resdepth.mathematics.random import stream
from resdepth.mathematics.schedule import scheduled
from resdepth.options.resnet_cifar import ResnetCifarOptions

EVALUATION_BATCH = 500
"""Test images evaluated at once."""


@dataclass
class Classification:
    """One run, ready to step."""

    options: ResnetCifarOptions
    device: torch.device
    train: Pixels
    test: Pixels
    descent: Descent
    step: Step
    fingerprint: str
    """Checksum of the images as they were loaded."""
    format: torch.memory_format = torch.contiguous_format
    epoch: Epoch | None = field(default=None, repr=False)

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch; the last batch may be smaller."""
        return -(-len(self.train.labels) // self.options.batch_size)

    @property
    def steps(self) -> int:
        """Updates in all."""
        return self.options.epochs * self.steps_per_epoch

    @property
    def engine(self) -> str:
        """What runs, for the manifest."""
        kind = "bfloat16" if self.descent.bf16 else "float32"
        layout = " channels last" * (self.format == torch.channels_last)
        return f"torch {kind}{layout}{' graph' * isinstance(self.step, Graphed)}"

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Normalised crops (N, C, H, W) and labels (N,) of `step`."""
        number, position = divmod(step, self.steps_per_epoch)
        samples, size = len(self.train.labels), self.options.batch_size
        if self.epoch is None or self.epoch.number != number:
            self.epoch = Epoch.draw(
                self.options.seed, number, samples, flip=self.options.flip, device=self.device
            )
        start = position * size
        images, labels = self.epoch.batch(self.train, start, min(start + size, samples))
        return self._laid_out(images), labels

    def test_batches(self) -> list[tuple[Tensor, Tensor]]:
        """The test set in its own order, normalised and not cropped."""
        images, labels = self.test.images, self.test.labels
        pairs = zip(
            torch.split(images, EVALUATION_BATCH),
            torch.split(labels, EVALUATION_BATCH),
            strict=True,
        )
        return [(self._laid_out(images), labels) for images, labels in pairs]

    def rate(self, step: int) -> float:
        """The learning rate of update `step`."""
        options = self.options
        warmup = options.warmup * self.steps_per_epoch
        return scheduled(options.schedule, options.rate, step, self.steps, warmup)

    def _laid_out(self, images: Tensor) -> Tensor:
        return normalise(images.contiguous(memory_format=self.format))


def build_classification(options: ResnetCifarOptions, threads: int) -> Classification:
    """Load the images, draw the network, and prepare its descent on the device."""
    torch.set_num_threads(threads)
    device = resolve_device(options.device)
    # Other algorithms may add in another order each time; the same seed should give the same bits.
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    train, test = load_images(options, device)
    classes, channels = len(train.classes), train.images.shape[1]
    network = ResNet(options.depth, options.alpha, classes, channels, skip=options.skip)
    initialise(network, stream(options.seed, "kernels"))
    bf16 = options.amp == "bf16" or (options.amp == "auto" and bf16_is_fast(device))
    descent = Descent(network.to(device), options.momentum, options.weight_decay, bf16=bf16)
    step: Step = Graphed(descent, options.batch_size) if capture.runs_ahead(device) else descent
    seen = fingerprint(train, test)
    return Classification(options, device, train, test, descent, step, seen, image_format(device))
