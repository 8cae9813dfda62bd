"""What a step of `resnet-cifar` needs, built from its options: images, network, descent."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from resdepth.data.dataset import Epoch, Pixels, fingerprint, normalise
from resdepth.data.load import load_images
from resdepth.engine import capture
from resdepth.engine.classifier import Descent, Graphed, Step
from resdepth.engine.device import resolve_device
from resdepth.engine.formats import Format, candidates, fastest, on_one_thread, step_times
from resdepth.engine.optimiser import scheduled
from resdepth.engine.resnet import ResNet, initialise
from resdepth.mathematics.random import stream
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.training.trainee import Say

EVALUATION_BATCH = 500
"""Test images evaluated at once."""
LONG = 500
"""Least number of steps of a run for which the fastest format is measured."""
SPIN = 1.3
"""How many times longer than with one thread a step may take without a message."""


@dataclass
class Classification:
    """One run, ready to step; `fingerprint` is the checksum of the images."""

    options: ResnetCifarOptions
    device: torch.device
    train: Pixels
    test: Pixels
    descent: Descent
    step: Step
    fingerprint: str
    format: Format
    epoch: Epoch | None = field(default=None, repr=False)

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch; the last batch may be smaller."""
        return -(-len(self.train.labels) // self.options.batch_size)

    @property
    def steps(self) -> int:
        """Total number of updates."""
        return self.options.epochs * self.steps_per_epoch

    @property
    def engine(self) -> str:
        """What runs, for the manifest."""
        return f"torch {self.format}{' graph' * isinstance(self.step, Graphed)}"

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
        whole = (self.test.images, self.test.labels)
        pairs = zip(*(torch.split(part, EVALUATION_BATCH) for part in whole), strict=True)
        return [(self._laid_out(images), labels) for images, labels in pairs]

    def rate(self, step: int) -> float:
        """The learning rate of update `step`."""
        options = self.options
        warmup = options.warmup * self.steps_per_epoch
        return scheduled(options.schedule, options.rate, step, self.steps, warmup)

    def _laid_out(self, images: Tensor) -> Tensor:
        return normalise(images.contiguous(memory_format=self.format.memory))


def build_classification(
    options: ResnetCifarOptions, threads: int, say: Say, recorded: str = ""
) -> Classification:
    """Load the images, draw the network, and prepare its descent on the device.

    A resumed run keeps the format of its `recorded` engine; another long run on a CPU takes the
    fastest format that the options allow.
    """
    torch.set_num_threads(threads)
    device = resolve_device(options.device)
    # Other algorithms may add in a different order each time; a seed should give the same bits.
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    train, test = load_images(options, device)
    classes, channels = len(train.classes), train.images.shape[1]
    network = ResNet(options.depth, options.alpha, classes, channels, skip=options.skip)
    initialise(network, stream(options.seed, "kernels"))
    formats = candidates(device, options.amp, options.layout)
    first = Format.named_in(recorded) or formats[0]
    descent = Descent(network.to(device), options.momentum, options.weight_decay, bf16=first.bf16)
    step: Step = Graphed(descent, options.batch_size) if capture.runs_ahead(device) else descent
    seen = fingerprint(train, test)
    run = Classification(options, device, train, test, descent, step, seen, first)
    if device.type == "cpu" and not recorded and run.steps >= LONG:
        run.format = _chosen(run, formats, threads, say)
        descent.bf16 = run.format.bf16
    return run


def _chosen(run: Classification, formats: list[Format], threads: int, say: Say) -> Format:
    """The format that is fastest on the first batch; reports the time of each."""
    if len(formats) == threads == 1:
        return formats[0]
    batch = run.batch(0)
    times = step_times(run.descent, formats, *batch)
    best = fastest(times)
    listed = ", ".join(f"{format} {1e3 * seconds:.0f} ms" for format, seconds in times.items())
    say(f"a gradient takes {listed}: using {best}")
    if threads > 1:
        alone = on_one_thread(lambda: step_times(run.descent, [best], *batch)[best])
        if times[best] > SPIN * alone:
            say(
                f"with one thread it takes {1e3 * alone:.0f} ms: other processes use these cores, "
                "and the threads wait for one another; `threads=1` is faster here"
            )
    return best
