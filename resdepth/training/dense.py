"""A fully connected network in training, in step with the device or behind it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resdepth.engine import capture
from resdepth.engine.autograd import first_nonfinite_layer
from resdepth.engine.contract import Batch, Summary
from resdepth.engine.kernels.registry import resolve_device
from resdepth.engine.loop import State, StepRecord, train, train_ahead
from resdepth.engine.loss import class_metrics
from resdepth.engine.optimiser import STALLED, DynamicRate
from resdepth.errors import Corrupt, Usage
from resdepth.options.resolve import from_record
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import EARLIER, Checkpoint
from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.export import write_model
from resdepth.runs.manifest import NAME, Detail, Manifest
from resdepth.training.path_norms import AsyncNorms, PathNorms
from resdepth.training.problem import Embedded, Problem, build, rate_rule
from resdepth.training.stopping import Rises
from resdepth.training.trainee import Cadence, Clock, Description, Record, Say

KEPT_EVERY = 16
"""If a device runs ahead, the weights of every n-th step are kept for an early end."""


def prepare(manifest: Manifest, folder: Path, say: Say) -> "Dense":
    """The run of `train` that a manifest describes."""
    options = from_record(TrainOptions, manifest.options, folder / NAME)
    # Only tf32 needs the device here: resolving it again would repeat the warning of `device=gpu`.
    if manifest.steps == 0 and options.precision == "tf32":
        device = resolve_device(options.device)
        if device.type != "cuda":
            raise Usage("precision", f"tf32 has no effect on {device.type}", "leave it out")
    return Dense(build(options, manifest.threads), manifest.threads, say)


def scalars(evaluation: Summary, *, omega: bool, prefix: str = "") -> dict[str, float]:
    """Loss, metrics and Omega of one evaluation by tag."""
    found = {f"{prefix}loss": float(evaluation.loss)}
    if evaluation.counts is not None:
        metrics = class_metrics(evaluation.counts)
        found.update({f"{prefix}{name}": value for name, value in metrics.items()})
    if omega:
        found[f"{prefix}avg_grad_norm"] = float(evaluation.omega)
    return found


def runs_ahead(problem: Problem) -> bool:
    """Whether the host lets the device run ahead.

    A dynamic rate needs the norm of each step before the next one; `stop_loss` needs the weights of
    the step that reaches it.
    """
    waits = problem.options.dynamic_lr or problem.options.stop_loss is not None
    return capture.runs_ahead(problem.device) and not waits


@dataclass
class Dense:
    """The trainee of `resdepth train`; `reached` is the step that reached `stop_loss`."""

    problem: Problem
    threads: int
    say: Say
    stalled: bool = False
    reached: int | None = None

    @property
    def described(self) -> Description:
        problem, options, epoch = self.problem, self.problem.options, self.problem.steps_per_epoch
        keep, validate = (options.checkpoint_every,), options.val_every * epoch
        return Description(
            title=f"{problem.engine.name} engine on {problem.device}, {self.threads} threads",
            device=str(problem.device),
            engine=problem.engine.name,
            steps=problem.steps,
            steps_per_epoch=epoch,
            data=problem.fingerprint,
            overlapped=runs_ahead(problem),
            cadence=Cadence(problem.steps, options.log_every, validate, keep),
        )

    def start(self) -> State:
        return State(0, self.problem.network, self.problem.options.rate)

    def restored(self, checkpoint: Checkpoint, path: Path) -> State:
        if not self.problem.fits(checkpoint):
            reason = "the checkpoint is not of this run: its network is not the manifest's"
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
                    values |= self._reaching(record, values)
            ends = self.reached is not None
            yield Record(record.step, values | record.norms, finite, record.state, last=ends)
            if ends:
                break
        else:
            self._say_if_missed(values["loss"])
        if rises.many:
            self.say(
                f"the loss rose at {rises.rises} of {rises.steps} steps: the rate is at the edge "
                "of stability (rate times largest curvature is near 2), and exponents of the "
                "weights also describe the oscillation; a smaller `lr` avoids it"
            )

    def _reaching(self, record: StepRecord, values: dict[str, float]) -> dict[str, float]:
        """The scalars of the whole training set if its loss is at most `stop_loss`."""
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
                f"the loss did not reach `stop_loss={options.stop_loss:g}` "
                f"in {options.epochs} epochs: it is {loss:.4g}"
            )

    def _in_step(self, start: State) -> Iterator[StepRecord]:
        problem, rule = self.problem, rate_rule(self.problem.options)
        measure = PathNorms.of(problem.options.recording, needed=rule.needs_norm)
        return train(
            problem.engine, start, problem.steps, problem.batch, problem.whole, rule, measure
        )

    def _ahead(self, start: State) -> Iterator[StepRecord]:
        problem, cadence = self.problem, self.described.cadence
        norms = PathNorms.of(problem.options.recording, needed=False)
        with AsyncNorms(norms, self.threads) as watch:
            yield from train_ahead(
                problem.engine,
                start,
                problem.steps,
                problem.batch,
                problem.whole,
                watch,
                lambda s: cadence.validates(s) or cadence.keeps(s) or s % KEPT_EVERY == 0,
            )

    def _watch(self, step: int, rate: float) -> None:
        rule = rate_rule(self.problem.options)
        if isinstance(rule, DynamicRate) and rate < STALLED * rule.first and not self.stalled:
            self.stalled = True
            self.say(
                f"step {step}: the learning rate has stalled at {rate:.3g}; "
                f"`dynamic_lr_rule=anchored` or an `lr_constant` above {rule.constant:g} avoids it"
            )

    def validate(self, state: State) -> dict[str, float]:
        return self._evaluated(state, self.problem.validation, "val/")

    def checkpoint(self, state: State) -> Checkpoint:
        epoch, batch = divmod(state.step, self.problem.steps_per_epoch)
        generator = {"seed": self.problem.options.seed, "epoch": epoch, "batch": batch}
        return Checkpoint(state.step, state.rate, state.network.tensors(), generator)

    def final(self, state: State) -> tuple[dict[str, float], Detail]:
        """Metrics over the whole training set and the validation set."""
        detail: Detail = {} if self.reached is None else {"reached": self.reached}
        return self._evaluated(state, self.problem.train) | self.validate(state), detail

    def blame(self, record: Record[State]) -> Detail:
        """The first layer whose numbers are not finite."""
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
