"""A fully connected network in training, in step with the device or behind it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from resdepth.arrays import Hidden, Targets
from resdepth.data.dataset import fingerprint
from resdepth.data.load import load_data
from resdepth.engine import capture
from resdepth.engine.autograd import first_nonfinite_layer
from resdepth.engine.contract import Batch, Engine, Summary
from resdepth.engine.kernels.registry import choose, leave_threads_to, resolve_device
from resdepth.engine.loop import STALLED, DynamicRate, Rate, State, StepRecord, train, train_ahead
from resdepth.engine.loss import class_metrics
from resdepth.engine.network import Network
from resdepth.errors import Usage
from resdepth.mathematics.random import permutation
from resdepth.options.resolve import from_record
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import Checkpoint, newest, other_network
from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.export import write_model
from resdepth.runs.manifest import NAME, Detail, Manifest, Parent
from resdepth.training.networks import engine_request, first_network, rate_rule
from resdepth.training.path_norms import PathNorms, async_norms
from resdepth.training.stopping import Rises
from resdepth.training.trainee import Clock, Record, Say, Trainee

KEPT_EVERY = 16
"""If a device runs ahead, the weights of every n-th step are kept for an early end."""
Samples = tuple[Hidden, Targets]
"""Samples after the fixed read-in: h_0 (N, d) and targets (N,), on the device."""


def prepare(manifest: Manifest, folder: Path, say: Say) -> "Dense":
    """The run of `train` that a manifest describes."""
    options = from_record(TrainOptions, manifest.options, folder / NAME)
    # Only tf32 needs the device here: resolving it again would repeat the warning of `device=gpu`.
    if manifest.steps == 0 and options.precision == "tf32":
        device = resolve_device(options.device)
        if device.type != "cuda":
            raise Usage("precision", f"tf32 has no effect on {device.type}", "leave it out")
    # A run that started from another one no longer needs it.
    own = newest(folder) if manifest.parent else None
    return build(options, manifest.threads, say, manifest.parent, own)


def build(
    options: TrainOptions,
    threads: int,
    say: Say = lambda text: None,
    parent: Parent | None = None,
    own: Path | None = None,
) -> "Dense":
    """Load the data, draw the network and choose the engine.

    `parent` and `own` are those of `first_network`.
    """
    torch.set_num_threads(threads)
    compute, network_options = options.compute, options.network
    device = resolve_device(compute.device)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = compute.precision == "tf32"
    engine = choose(compute.engine, engine_request(compute, device, threads))
    data = load_data(options)
    network, parent = first_network(options, data[0], parent, own)
    if parent and own is None:
        what = "{depth} layers, seed {seed}, step {step}".format(**parent)
        say(f"starting from {parent['checkpoint']}: {what}")
    training, validation = (
        (network.embed(part.inputs).to(device), part.targets.to(device)) for part in data
    )
    seen = fingerprint(*data)
    network = network.to(device, network.blocks.dtype)
    leave_threads_to(engine)
    rule = rate_rule(options.learning_rate, network_options)
    built = (device, engine, network, rule, training, validation, seen)
    return Dense(options, threads, say, *built, parent)


def scalars(evaluation: Summary, *, omega: bool, prefix: str = "") -> dict[str, float]:
    """Loss, metrics and Omega of one evaluation by tag."""
    found = {f"{prefix}loss": float(evaluation.loss)}
    if evaluation.counts is not None:
        metrics = class_metrics(evaluation.counts)
        found.update({f"{prefix}{name}": value for name, value in metrics.items()})
    if omega:
        found[f"{prefix}avg_grad_norm"] = float(evaluation.omega)
    return found


@dataclass
class Dense(Trainee[State]):
    """The trainee of `resdepth train`; `reached` is the step that reached `stop_loss`.

    `orders` has the permutation of the current epoch, by its number, on the device.
    """

    options: TrainOptions
    threads: int
    say: Say
    device: torch.device
    engine: Engine
    network: Network
    rule: Rate
    training: Samples
    validation: Samples
    fingerprint: str
    parent: Parent | None = None
    stalled: bool = False
    reached: int | None = None
    orders: dict[int, Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        samples = len(self.training[1])
        self.batch_size = min(self.options.batch_size or samples, samples)
        self.steps_per_epoch = -(-samples // self.batch_size)
        self.steps = self.options.epochs * self.steps_per_epoch
        # A dynamic rate needs the norm of each step before the next one; `stop_loss` needs the
        # weights of the step that reaches it.
        waits = self.rule.needs_norm or self.options.stop_loss is not None
        self.overlapped = capture.runs_ahead(self.device) and not waits
        self.engine_name = self.engine.name
        self.title = f"{self.engine.name} engine on {self.device}, {self.threads} threads"
        recording = self.options.recording
        self.log_every, self.keep_every = recording.log_every, (recording.checkpoint_every,)
        self.validate_every = recording.val_every * self.steps_per_epoch

    def batch(self, step: int) -> Samples:
        """The batch of `step`: a slice of the epoch's permutation."""
        h0, targets = self.training
        if self.steps_per_epoch == 1:
            return h0, targets
        epoch, number = divmod(step, self.steps_per_epoch)
        if epoch not in self.orders:
            # One transfer per epoch: each waits until the device has caught up.
            order = permutation(self.options.seed, epoch, len(targets))
            self.orders = {epoch: torch.from_numpy(order).to(self.device)}
        index = self.orders[epoch][number * self.batch_size : (number + 1) * self.batch_size]
        return h0[index], targets[index]

    def keeps(self, step: int) -> bool:
        """As any run, and step 0 of one that cannot be drawn again if its parent is gone."""
        return super().keeps(step) or (step == 0 and self.parent is not None)

    def start(self) -> State:
        return State(0, self.network, self.options.rate)

    def restored(self, checkpoint: Checkpoint, path: Path) -> State:
        ours, blocks = self.network, checkpoint.blocks
        same = (blocks.shape, blocks.dtype) == (ours.blocks.shape, ours.blocks.dtype)
        fixed = ((ours.readin, checkpoint.readin), (ours.readout, checkpoint.readout))
        if not same or not all(torch.equal(own.cpu(), theirs) for own, theirs in fixed):
            raise other_network(path)
        network = ours.with_blocks(blocks.to(self.device, ours.blocks.dtype))
        return State(checkpoint.step, network, checkpoint.lr)

    def records(self, start: State, clock: Clock) -> Iterator[Record[State]]:
        """Train from `start` to the end; each record has the weights before its update."""
        rises, target = Rises(), self.options.stop_loss
        for record in self._steps(start):
            clock.lap()
            values = scalars(record.evaluation, omega=self.options.recording.store_grad)
            values["lr"] = record.rate
            self._say_if_stalled(record)
            finite = record.finite and math.isfinite(values["loss"])
            if finite and self.steps_per_epoch == 1:
                rises.see(values["loss"])
            if finite and target is not None:
                with clock.paused():
                    values |= self._reaching(target, record, values)
            ends = self.reached is not None
            yield Record(record.step, values | record.norms, finite, record.state, last=ends)
            if ends:
                break
        else:
            if target is not None:
                self.say(
                    f"the loss did not reach `stop_loss={target:g}` in {self.options.epochs} "
                    f"epochs: it is {values['loss']:.4g}"
                )
        if rises.many:
            self.say(
                f"the loss rose at {rises.rises} of {rises.steps} steps: the rate is at the edge "
                "of stability (rate times largest curvature is near 2), and exponents of the "
                "weights also describe the oscillation; a smaller `lr` avoids it"
            )

    def _steps(self, start: State) -> Iterator[StepRecord]:
        recording = self.options.recording
        norms = PathNorms(recording.p_var, recording.p_var_every, self.rule.needs_norm)
        given = self.engine, start, self.steps, self.batch, self.training
        if not self.overlapped:
            yield from train(*given, self.rule, norms)
            return

        def kept(step: int) -> bool:
            return self.validates(step) or self.keeps(step) or step % KEPT_EVERY == 0

        with async_norms(norms, self.threads) as watch:
            yield from train_ahead(*given, watch, kept)

    def _reaching(
        self, target: float, record: StepRecord, values: dict[str, float]
    ) -> dict[str, float]:
        """The scalars of the whole training set if its loss is at most `target`."""
        if record.state is None or record.step % self.steps_per_epoch:
            return {}
        # A full batch and the last record of all are of the whole set already.
        if self.steps_per_epoch > 1 and record.step < self.steps:
            values = self._evaluated(record.state, self.training)
        if values["loss"] > target:
            return {}
        self.reached = record.step
        return values

    def _say_if_stalled(self, record: StepRecord) -> None:
        rule, rate = self.rule, record.rate
        if isinstance(rule, DynamicRate) and rate < STALLED * rule.first and not self.stalled:
            self.stalled = True
            self.say(
                f"step {record.step}: the learning rate has stalled at {rate:.3g}; "
                f"`dynamic_lr_rule=anchored` or an `lr_constant` above {rule.constant:g} avoids it"
            )

    def validate(self, state: State) -> dict[str, float]:
        return self._evaluated(state, self.validation, "val/")

    def checkpoint(self, state: State) -> Checkpoint:
        epoch, batch = divmod(state.step, self.steps_per_epoch)
        generator = {"seed": self.options.seed, "epoch": epoch, "batch": batch}
        return Checkpoint(state.step, state.rate, state.network.tensors(), generator)

    def final(self, state: State) -> tuple[dict[str, float], Detail]:
        """Metrics over the whole training set and the validation set."""
        detail: Detail = {} if self.reached is None else {"reached": self.reached}
        return self._evaluated(state, self.training) | self.validate(state), detail

    def blame(self, record: Record[State]) -> Detail:
        """The first layer whose numbers are not finite."""
        if not record.state or record.step >= self.steps:
            return {}
        layer = first_nonfinite_layer(record.state.network, self.batch(record.step)[0])
        return {} if layer is None else {"layer": layer}

    def export(self, folder: Path, state: State) -> None:
        """exported_models/resnet_<L>.pth."""
        write_model(folder / EXPORTED, state.network.blocks)

    def _evaluated(self, state: State, samples: Samples, prefix: str = "") -> dict[str, float]:
        evaluation = self.engine.evaluate(Batch(state.network, *samples))
        return scalars(evaluation, omega=self.options.recording.store_grad, prefix=prefix)
