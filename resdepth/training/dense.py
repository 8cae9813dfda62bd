"""A fully connected network in training: the loop's records, in step with the device or behind."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from resdepth.engine import capture
from resdepth.engine.autograd import first_nonfinite_layer
from resdepth.engine.contract import Batch
from resdepth.engine.device import resolve_device
from resdepth.engine.loop import State, StepRecord, train, train_ahead
from resdepth.engine.optimiser import STALLED, DynamicRate
from resdepth.errors import Corrupt, Usage
from resdepth.options.resolve import from_record
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import EARLIER, Checkpoint
from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.export import write_model
from resdepth.runs.manifest import NAME, Detail, Manifest
from resdepth.training.async_norms import NormsBeside
from resdepth.training.measure import PathNorms, scalars
from resdepth.training.problem import Embedded, Problem, build, rate_rule
from resdepth.training.stopping import Rises
from resdepth.training.trainee import Clock, Description, Record, Say

KEPT_EVERY = 16
"""Where a device runs ahead, the weights of every so many-th step are kept for a rescue."""


def prepare(manifest: Manifest, folder: Path, say: Say) -> "Dense":
    """The run of `train` that a manifest describes."""
    options = from_record(TrainOptions, manifest.options, folder / NAME)
    if manifest.steps == 0 and options.precision == "tf32":
        _check_precision(resolve_device(options.device))
    return Dense(build(options, manifest.threads), manifest.threads, say)


def _check_precision(device: torch.device) -> None:
    if device.type != "cuda":
        reason = f"tf32 has no effect on {device.type}"
        raise Usage("precision", reason, "leave it out")


def runs_ahead(problem: Problem) -> bool:
    """Whether the host lets the device run ahead.

    A dynamic rate needs the norm of each step before the next; a loss to stop at needs the weights
    of the step that reaches it.
    """
    waits = problem.options.dynamic_lr or problem.options.stop_loss is not None
    return capture.runs_ahead(problem.device) and not waits


@dataclass
class Dense:
    """The trainee of `resdepth train`."""

    problem: Problem
    threads: int
    say: Say
    stalled: bool = False
    reached: int | None = None
    """The step at which the loss of `--stop-loss` was there."""

    @property
    def described(self) -> Description:
        """What it is."""
        problem = self.problem
        return Description(
            title=f"{problem.engine.name} engine on {problem.device}, {self.threads} threads",
            device=str(problem.device),
            engine=problem.engine.name,
            steps=problem.steps,
            steps_per_epoch=problem.steps_per_epoch,
            data=problem.fingerprint,
            overlapped=runs_ahead(problem),
        )

    def start(self) -> State:
        """The network as it was drawn."""
        return State(0, self.problem.network, self.problem.options.rate)

    def restored(self, checkpoint: Checkpoint, path: Path) -> State:
        """The state of a checkpoint; Corrupt where it is another network's."""
        if not self.problem.fits(checkpoint):
            reason = "the checkpoint is not of this run: its network is not that of the manifest"
            raise Corrupt(path, reason, EARLIER)
        return State(checkpoint.step, self.problem.with_blocks_of(checkpoint), checkpoint.lr)

    def records(self, start: State, clock: Clock) -> Iterator[Record[State]]:
        """Train from `start` to the end; each record has the weights before its update."""
        rises, whole = Rises(), self.problem.steps_per_epoch == 1
        for record in self._ahead(start) if runs_ahead(self.problem) else self._in_step(start):
            clock.lap()
            values = scalars(record.evaluation, omega=self.problem.options.store_grad)
            values["lr"] = record.rate
            self._watch(record.step, record.rate)
            finite = record.finite and math.isfinite(values["loss"])
            if finite and whole:
                rises.see(values["loss"])
            if finite and self.problem.options.stop_loss is not None:
                with clock.paused():
                    values |= self._goal(record, values)
            yield Record(record.step, values | record.norms, finite, record.state)
            if self.reached is not None:
                break
        else:
            self._say_if_missed(values["loss"])
        if rises.many:
            self.say(rises.told)

    def _goal(self, record: StepRecord, values: dict[str, float]) -> dict[str, float]:
        """The scalars of the whole training set, if its loss is the one to stop at."""
        problem = self.problem
        if record.state is None or record.step % problem.steps_per_epoch:
            return {}
        # A full batch and the last record of all are of the whole set already.
        if problem.steps_per_epoch > 1 and record.step < problem.steps:
            values = self._evaluated(record.state, problem.train)
        if values["loss"] > (problem.options.stop_loss or 0.0):
            return {}
        self.reached = record.step
        return values

    def _say_if_missed(self, loss: float) -> None:
        options = self.problem.options
        if options.stop_loss is not None:
            self.say(
                f"the loss did not reach --stop-loss={options.stop_loss:g} "
                f"in {options.epochs} epochs: it is {loss:.4g}"
            )

    def _in_step(self, start: State) -> Iterator[StepRecord]:
        problem, rule = self.problem, rate_rule(self.problem.options)
        measure = PathNorms.of(problem.options, needed=rule.needs_norm)
        return train(
            problem.engine, start, problem.steps, problem.batch, problem.whole, rule, measure
        )

    def _ahead(self, start: State) -> Iterator[StepRecord]:
        problem = self.problem
        norms = PathNorms.of(problem.options, needed=False)
        with NormsBeside(norms, self.threads) as watch:
            yield from train_ahead(
                problem.engine,
                start,
                problem.steps,
                problem.batch,
                problem.whole,
                watch,
                lambda s: self.validates(s) or self.keeps(s) or s % KEPT_EVERY == 0,
            )

    def _watch(self, step: int, rate: float) -> None:
        rule = rate_rule(self.problem.options)
        if isinstance(rule, DynamicRate) and rate < STALLED * rule.first and not self.stalled:
            self.stalled = True
            self.say(
                f"step {step}: the learning rate has stalled at {rate:.3g}: --dynamic-lr-rule "
                f"anchored, or an --lr-constant above {rule.constant:g}, keeps it up"
            )

    def logs(self, step: int) -> bool:
        """As `--log-every` has it; the last step always."""
        last = step in (self.problem.steps, self.reached)
        return last or step % self.problem.options.log_every == 0

    def validates(self, step: int) -> bool:
        """As `--val-every` has it; the last step always."""
        epochs = self.problem.options.val_every
        due = bool(epochs) and step % (epochs * self.problem.steps_per_epoch) == 0
        return due or step == self.problem.steps

    def keeps(self, step: int) -> bool:
        """As `--checkpoint-every` has it."""
        every = self.problem.options.checkpoint_every
        return bool(every) and step > 0 and step % every == 0

    def validate(self, state: State) -> dict[str, float]:
        """Scalars of the validation set, tagged val/."""
        return self._evaluated(state, self.problem.validation, "val/")

    def checkpoint(self, state: State) -> Checkpoint:
        """The network and where its batches go on."""
        epoch, batch = divmod(state.step, self.problem.steps_per_epoch)
        generator = {"seed": self.problem.options.seed, "epoch": epoch, "batch": batch}
        return Checkpoint(state.step, state.rate, state.network.tensors(), generator)

    def final(self, state: State) -> tuple[dict[str, float], Detail]:
        """Metrics over the whole training set and the validation set."""
        detail: Detail = {} if self.reached is None else {"reached": self.reached}
        return self._evaluated(state, self.problem.train) | self.validate(state), detail

    def blame(self, record: Record[State]) -> Detail:
        """The layer in which the numbers stop being finite."""
        if not record.state or record.step >= self.problem.steps:
            return {}
        layer = first_nonfinite_layer(record.state.network, self.problem.batch(record.step)[0])
        return {} if layer is None else {"layer": layer}

    def export(self, folder: Path, state: State) -> None:
        """exported_models/resnet_<L>.pth."""
        write_model(folder / EXPORTED, state.network.blocks)

    def _evaluated(self, state: State, data: Embedded, prefix: str = "") -> dict[str, float]:
        evaluation = self.problem.engine.evaluate(Batch(state.network, data.h0, data.targets))
        return scalars(evaluation, omega=self.problem.options.store_grad, prefix=prefix)
