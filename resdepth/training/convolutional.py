"""He's network in training: updates in place, measured one by one or a window at a time."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from resdepth.engine import capture
from resdepth.engine.classifier import Score, evaluate
from resdepth.engine.kernels.registry import resolve_device
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.resolve import from_record
from resdepth.runs.checkpoint import Checkpoint, check_like
from resdepth.runs.manifest import NAME, Detail, Manifest
from resdepth.training.classification import Classification, build_classification
from resdepth.training.trainee import Cadence, Clock, Description, Record, Say

FLAT = 0.98
"""Share of the loss of guessing above which the first epoch made no progress."""


def prepare(manifest: Manifest, folder: Path, say: Say) -> "Convolutional":
    """The run of `resnet-cifar` that a manifest describes."""
    options = from_record(ResnetCifarOptions, manifest.options, folder / NAME)
    # The fastest format of another device need not be the fastest here.
    here = manifest.device == str(resolve_device(options.device))
    recorded = manifest.engine if here else ""
    problem = build_classification(options, manifest.threads, say, recorded)
    return Convolutional(problem, manifest.threads, say)


def window(device: torch.device) -> int:
    """Steps between two readings of measured values: more if the device runs ahead."""
    return 50 if capture.runs_ahead(device) else 1


def score_scalars(score: Score, classes: tuple[str, ...]) -> dict[str, float]:
    """Loss, top-1 and top-2 accuracy of the test set, and of each class that has images, by tag."""
    images = score.images.double()
    found = {"val/loss": score.loss}
    for tag, hits in (("val/accuracy", score.top1), ("val/top2", score.top2)):
        found[tag] = float(hits.sum() / images.sum())
        shares = (hits / images).tolist()
        named = zip(classes, shares, strict=True)
        found.update({f"{tag}/{name}": share for name, share in named if not math.isnan(share)})
    return found


@dataclass(frozen=True)
class Weights:
    """Copies of all tensors of the network and its descent before update `step`."""

    step: int
    tensors: dict[str, Tensor]


@dataclass
class Convolutional:
    """The trainee of `resdepth resnet-cifar`."""

    problem: Classification
    threads: int
    say: Say
    losses: list[float] = field(default_factory=list)
    evaluated_at: int = -1
    evaluation: dict[str, float] = field(default_factory=dict)

    @property
    def described(self) -> Description:
        problem, options, epoch = self.problem, self.problem.options, self.problem.steps_per_epoch
        keep, validate = (epoch, options.checkpoint_every), options.val_every * epoch
        return Description(
            title=f"{problem.engine} on {problem.device}, {self.threads} threads",
            device=str(problem.device),
            engine=problem.engine,
            steps=problem.steps,
            steps_per_epoch=epoch,
            data=problem.fingerprint,
            overlapped=window(problem.device) > 1,
            cadence=Cadence(problem.steps, 1, validate, keep),
        )

    def start(self) -> Weights:
        return self._state(0)

    def restored(self, checkpoint: Checkpoint, path: Path) -> Weights:
        check_like(checkpoint, self.problem.descent.state(), path)
        self.problem.descent.restore(checkpoint.tensors)
        self.evaluated_at, self.evaluation = checkpoint.evaluated_at, checkpoint.evaluation
        return self._state(checkpoint.step)

    def records(self, start: Weights, clock: Clock) -> Iterator[Record[Weights]]:
        """Train to the end; the last record of each window has the weights after it."""
        problem, cadence = self.problem, self.described.cadence
        pending = list[tuple[int, float, Tensor]]()
        size = window(problem.device)
        for step in range(start.step, problem.steps):
            rate = problem.rate(step)
            pending.append((step, rate, problem.step(*problem.batch(step), rate)))
            done = step + 1
            if len(pending) >= size or cadence.validates(done) or cadence.keeps(done):
                rows = torch.stack([measured for _, _, measured in pending]).tolist()
                clock.lap(len(rows))
                yield from self._records([entry[:2] for entry in pending], rows, done)
                pending.clear()

    def _records(
        self, updates: list[tuple[int, float]], rows: list[list[float]], done: int
    ) -> Iterator[Record[Weights]]:
        for (step, rate), (loss, omega, accuracy) in zip(updates, rows, strict=True):
            values = {"loss": loss, "avg_grad_norm": omega, "accuracy": accuracy, "lr": rate}
            self.losses.append(loss)
            finite = math.isfinite(loss)
            last = finite and step + 1 == done
            if last and done % self.problem.steps_per_epoch == 0:
                self._say_if_flat(done // self.problem.steps_per_epoch)
            yield Record(step, values, finite, self._state(done) if last else None)

    def _say_if_flat(self, epoch: int) -> None:
        tail = self.losses[-max(1, self.problem.steps_per_epoch // 10) :]
        self.losses.clear()
        guessing = math.log(len(self.problem.test.classes))
        if epoch == 1 and statistics.fmean(tail) > FLAT * guessing:
            self.say(
                f"after an epoch the loss is no better than guessing "
                f"({statistics.fmean(tail):.3g} against {guessing:.3g}): "
                "`warmup=1` or a smaller `lr` may help"
            )

    def validate(self, state: Weights) -> dict[str, float]:
        """Scores of the test set by the network as it stands, which is `state`."""
        problem = self.problem
        classes = problem.test.classes
        score = evaluate(problem.descent, problem.test_batches(), len(classes))
        self.evaluated_at, self.evaluation = state.step, score_scalars(score, classes)
        top1, top2 = (self.evaluation[tag] for tag in ("val/accuracy", "val/top2"))
        epoch = state.step / problem.steps_per_epoch
        self.say(f"epoch {epoch:g}: test accuracy {top1:.2%}, top 2 {top2:.2%}")
        return self.evaluation

    def checkpoint(self, state: Weights) -> Checkpoint:
        """All tensors, and the last evaluation, which takes a pass over the test set."""
        epoch, batch = divmod(state.step, self.problem.steps_per_epoch)
        generator = {"seed": self.problem.options.seed, "epoch": epoch, "batch": batch}
        rate = self.problem.rate(state.step)
        return Checkpoint(
            state.step, rate, state.tensors, generator, self.evaluated_at, self.evaluation
        )

    def final(self, state: Weights) -> tuple[dict[str, float], Detail]:
        older = bool(self.evaluation) and state.step < self.problem.steps
        return self.evaluation, {"evaluated_at": self.evaluated_at} if older else {}

    def blame(self, record: Record[Weights]) -> Detail:
        return {}

    def export(self, folder: Path, state: Weights) -> None:
        """Write nothing: the last checkpoint holds the weights by name."""

    def _state(self, step: int) -> Weights:
        # Copies, since Ctrl-C may come in the middle of a step; they take a thousandth of its time.
        tensors = self.problem.descent.state()
        return Weights(step, {name: tensor.clone() for name, tensor in tensors.items()})
