"""He's network in training: updates in place, measured one by one or a window at a time."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from resdepth.data.dataset import Epoch, Pixels, fingerprint, normalise
from resdepth.data.load import load_images
from resdepth.engine import capture
from resdepth.engine.classifier import Descent, Graphed, Score, Step, evaluate
from resdepth.engine.formats import Format, candidates, fastest, step_times
from resdepth.engine.kernels.registry import resolve_device
from resdepth.engine.loop import scheduled
from resdepth.engine.resnet import ResNet, initialise
from resdepth.mathematics.random import stream
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.resolve import from_record
from resdepth.runs.checkpoint import Checkpoint, check_like
from resdepth.runs.manifest import NAME, Detail, Manifest
from resdepth.training.trainee import Clock, Record, Say, Trainee

FLAT = 0.98
"""Share of the loss of guessing above which the first epoch made no progress."""
EVALUATION_BATCH = 500
"""Test images evaluated at once."""
LONG = 500
"""Least number of steps of a run for which the fastest format is measured."""
SPIN = 1.3
"""How many times longer than with one thread a step may take without a message."""


def prepare(manifest: Manifest, folder: Path, say: Say) -> "Convolutional":
    """The run of `resnet-cifar` that a manifest describes: images, network, descent.

    A run resumed on the same device keeps its format; another long run on a CPU takes the fastest
    format that the options allow.
    """
    options = from_record(ResnetCifarOptions, manifest.options, folder / NAME)
    torch.set_num_threads(manifest.threads)
    device = resolve_device(options.device)
    recorded = manifest.engine if manifest.device == str(device) else ""
    # Other algorithms may add in a different order each time; a seed should give the same bits.
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    train, test = load_images(options, device)
    classes, channels = len(train.classes), train.images.shape[1]
    network = ResNet(options.depth, options.alpha, classes, channels, skip=options.skip)
    initialise(network, stream(options.seed, "kernels"))
    formats = candidates(device, options.amp, options.layout)
    first = Format.named_in(recorded) or formats[0]
    descent = Descent(network.to(device), options.momentum, options.weight_decay, bf16=first.bf16)
    seen = fingerprint(train, test)
    run = Convolutional(options, manifest.threads, say, device, train, test, descent, first, seen)
    if device.type == "cpu" and not recorded and run.steps >= LONG:
        run.choose_format(formats)
    return run


def window(device: torch.device) -> int:
    """Steps between two readings of measured values: more if the device runs ahead."""
    return 50 if capture.runs_ahead(device) else 1


def score_scalars(score: Score, classes: tuple[str, ...]) -> dict[str, float]:
    """Loss, top-1 and top-2 accuracy of the test set, and of each class that has images, by tag."""
    images = score.images.double()
    found = {"val/loss": score.loss}
    for tag, hits in (("val/accuracy", score.top1), ("val/top2", score.top2)):
        found[tag] = float(hits.sum() / images.sum())
        shares = zip(classes, (hits / images).tolist(), strict=True)
        found |= {f"{tag}/{name}": share for name, share in shares if not math.isnan(share)}
    return found


@dataclass
class Convolutional(Trainee[Checkpoint]):
    """The trainee of `resdepth resnet-cifar`; `fingerprint` is the checksum of the images."""

    options: ResnetCifarOptions
    threads: int
    say: Say
    device: torch.device
    train: Pixels
    test: Pixels
    descent: Descent
    format: Format
    fingerprint: str
    losses: list[float] = field(default_factory=list)
    evaluated_at: int = -1
    evaluation: dict[str, float] = field(default_factory=dict)
    epoch: Epoch | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        ahead, batch = capture.runs_ahead(self.device), self.options.batch_size
        self.step: Step = Graphed(self.descent, batch) if ahead else self.descent
        self.steps_per_epoch = -(-len(self.train.labels) // batch)
        self.steps = self.options.epochs * self.steps_per_epoch
        self.overlapped = window(self.device) > 1
        self.log_every, self.validate_every = 1, self.options.val_every * self.steps_per_epoch
        self.keep_every = (self.steps_per_epoch, self.options.checkpoint_every)
        self.use(self.format)

    def use(self, format: Format) -> None:
        """Train in this format from now on."""
        self.format, self.descent.bf16 = format, format.bf16
        self.engine_name = f"torch {format}{' graph' * isinstance(self.step, Graphed)}"
        self.title = f"{self.engine_name} on {self.device}, {self.threads} threads"

    def choose_format(self, formats: list[Format]) -> None:
        """Use the format that is fastest on the first batch; report the time of each."""
        if len(formats) == self.threads == 1:
            return
        batch = self.batch(0)
        times = step_times(self.descent, formats, *batch, self.threads)
        best = fastest(times)
        listed = ", ".join(f"{format} {1e3 * seconds:.0f} ms" for format, seconds in times.items())
        self.say(f"a gradient takes {listed}: using {best}")
        if self.threads > 1:
            alone = step_times(self.descent, [best], *batch, 1)[best]
            if times[best] > SPIN * alone:
                self.say(
                    f"with one thread it takes {1e3 * alone:.0f} ms: other processes use these "
                    "cores, and the threads wait for one another; `threads=1` is faster here"
                )
        self.use(best)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Normalised crops (N, C, H, W) and labels (N,) of `step`."""
        number, position = divmod(step, self.steps_per_epoch)
        samples, size, options = len(self.train.labels), self.options.batch_size, self.options
        if self.epoch is None or self.epoch.number != number:
            drawn = Epoch.draw(options.seed, number, samples, flip=options.flip, device=self.device)
            self.epoch = drawn
        start = position * size
        images, labels = self.epoch.batch(self.train, start, min(start + size, samples))
        return self._laid_out(images), labels

    def rate(self, step: int) -> float:
        """The learning rate of update `step`."""
        options, warmup = self.options, self.options.warmup * self.steps_per_epoch
        return scheduled(options.schedule, options.rate, step, self.steps, warmup)

    def start(self) -> Checkpoint:
        return self._state(0)

    def restored(self, checkpoint: Checkpoint, path: Path) -> Checkpoint:
        check_like(checkpoint, self.descent.state(), path)
        self.descent.restore(checkpoint.tensors)
        self.evaluated_at, self.evaluation = checkpoint.evaluated_at, checkpoint.evaluation
        return self._state(checkpoint.step)

    def records(self, start: Checkpoint, clock: Clock) -> Iterator[Record[Checkpoint]]:
        """Train to the end; the last record of each window has the weights after it."""
        size = window(self.device)
        pending = list[tuple[int, float, Tensor]]()
        for step in range(start.step, self.steps):
            rate = self.rate(step)
            pending.append((step, rate, self.step(*self.batch(step), rate)))
            done = step + 1
            if len(pending) >= size or self.validates(done) or self.keeps(done):
                rows = torch.stack([measured for _, _, measured in pending]).tolist()
                clock.lap(len(rows))
                for (at, used, _), (loss, omega, accuracy) in zip(pending, rows, strict=True):
                    values = {"loss": loss, "avg_grad_norm": omega}
                    values |= {"accuracy": accuracy, "lr": used}
                    self.losses.append(loss)
                    finite = math.isfinite(loss)
                    last = finite and at == step
                    if last and done % self.steps_per_epoch == 0:
                        self._say_if_flat(done // self.steps_per_epoch)
                    yield Record(at, values, finite, self._state(done) if last else None)
                pending.clear()

    def _say_if_flat(self, epoch: int) -> None:
        loss = statistics.fmean(self.losses[-max(1, self.steps_per_epoch // 10) :])
        self.losses.clear()
        guessing = math.log(len(self.test.classes))
        if epoch == 1 and loss > FLAT * guessing:
            self.say(
                f"after an epoch the loss is no better than guessing ({loss:.3g} against "
                f"{guessing:.3g}): `warmup=1` or a smaller `lr` may help"
            )

    def validate(self, state: Checkpoint) -> dict[str, float]:
        """Scores of the test set by the network as it stands, which is `state`."""
        whole = (self.test.images, self.test.labels)
        pairs = zip(*(torch.split(part, EVALUATION_BATCH) for part in whole), strict=True)
        batches = [(self._laid_out(images), labels) for images, labels in pairs]
        classes = self.test.classes
        score = evaluate(self.descent, batches, len(classes))
        self.evaluated_at, self.evaluation = state.step, score_scalars(score, classes)
        top1, top2 = (self.evaluation[tag] for tag in ("val/accuracy", "val/top2"))
        epoch = state.step / self.steps_per_epoch
        self.say(f"epoch {epoch:g}: test accuracy {top1:.2%}, top 2 {top2:.2%}")
        return self.evaluation

    def checkpoint(self, state: Checkpoint) -> Checkpoint:
        """With the last evaluation, which takes a pass over the test set."""
        return replace(state, evaluated_at=self.evaluated_at, evaluation=self.evaluation)

    def final(self, state: Checkpoint) -> tuple[dict[str, float], Detail]:
        older = bool(self.evaluation) and state.step < self.steps
        return self.evaluation, {"evaluated_at": self.evaluated_at} if older else {}

    def _state(self, step: int) -> Checkpoint:
        """Copies of all tensors of the network and its descent before update `step`."""
        # Copies, since Ctrl-C may come in the middle of a step; they take a thousandth of its time.
        tensors = {name: tensor.clone() for name, tensor in self.descent.state().items()}
        epoch, batch = divmod(step, self.steps_per_epoch)
        generator = {"seed": self.options.seed, "epoch": epoch, "batch": batch}
        return Checkpoint(step, self.rate(step), tensors, generator)

    def _laid_out(self, images: Tensor) -> Tensor:
        return normalise(images.contiguous(memory_format=self.format.memory))
