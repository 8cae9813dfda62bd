"""A training run: the loop's records become scalars, checkpoints and exported models."""

import math
import signal
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from resdepth.engine import capture
from resdepth.engine.ahead import train_ahead
from resdepth.engine.divergence import first_nonfinite_layer
from resdepth.engine.optimiser import STALLED
from resdepth.engine.train import State, StepRecord, train
from resdepth.errors import FileCorrupt
from resdepth.experiment.beside import NormsBeside
from resdepth.experiment.ending import recorded
from resdepth.experiment.measure import PathNorms, scalars
from resdepth.experiment.observer import Observer, Silent, Start
from resdepth.experiment.setup import Embedded, Problem, build, rate_rule
from resdepth.options.resolve import from_record
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import (
    Checkpoint,
    checkpoints,
    last_path,
    read_checkpoint,
    step_path,
    write_checkpoint,
)
from resdepth.runs.events import EventLog, cut_after
from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.export import write_model
from resdepth.runs.manifest import NAME, Manifest, Outcome, write_manifest


def run_training(folder: Path, manifest: Manifest, observer: Observer | None = None) -> Manifest:
    """Train the run that `manifest` describes, from its newest checkpoint if it has one.

    Returns the manifest as it stands at the end; its `outcome` says how training ended. An error
    leaves the outcome `failed` and is raised again.
    """
    run = _Run(folder, manifest, observer or Silent())
    with recorded(folder, lambda: run.manifest):
        return run.go()


KEPT_EVERY = 16
"""Where a device runs ahead, the weights of every so many-th step are kept for a rescue."""


def runs_ahead(problem: Problem) -> bool:
    """Whether the host lets the device run ahead.

    A dynamic rate needs the norm of each step before the next.
    """
    return capture.runs_ahead(problem.device) and not problem.options.dynamic_lr


@dataclass
class _Run:
    folder: Path
    manifest: Manifest
    observer: Observer
    durations: list[float] = field(default_factory=list)
    paused: float = 0.0
    stalled: bool = False

    def go(self) -> Manifest:
        options = from_record(TrainOptions, self.manifest.options, self.folder / NAME)
        self.problem = problem = build(options, self.manifest.threads)
        self.omega = options.store_grad
        start = self._start(problem)
        if start.step >= problem.steps and self.manifest.outcome == "finished":
            self.observer.say(f"nothing to do: {start.step} of {problem.steps} steps are done")
            return self.manifest
        self.manifest = self.manifest.model_copy(
            update={
                "device": str(problem.device),
                "engine": problem.engine.name,
                "outcome": "running",
                "detail": {},
            }
        )
        write_manifest(self.folder, self.manifest)
        # The checkpoint's own step is recorded again: as the last of a run that ends there it was
        # evaluated over the whole training set, as one of a longer run it is not.
        cut_after(self.folder, start.step - 1)
        self.log = EventLog(self.folder)
        try:
            return self._loop(problem, start)
        finally:
            self.log.close()
            self.observer.end()

    def _start(self, problem: Problem) -> State:
        found = checkpoints(self.folder)
        if not found:
            return State(0, problem.network, problem.options.lr)
        path = found[max(found)]
        newest = read_checkpoint(path)
        if not problem.fits(newest):
            raise FileCorrupt(
                path=path,
                reason="the checkpoint is not of this run: its network is not that of the manifest",
                remedy="remove the file; an earlier checkpoint is taken then",
            )
        self.observer.say(f"resuming at step {newest.step} of {problem.steps}")
        return State(newest.step, problem.with_blocks_of(newest), newest.lr)

    def _loop(self, problem: Problem, start: State) -> Manifest:
        overlapped = runs_ahead(problem)
        self.manifest = self.manifest.model_copy(update={"overlapped": overlapped})
        title = f"{problem.engine.name} engine on {problem.device}, {self.manifest.threads} threads"
        self.observer.start(Start(title, start.step, problem.steps, problem.steps_per_epoch))
        records = self._ahead(start) if overlapped else self._in_step(start)
        good, clock = start, time.perf_counter()
        try:
            for record in records:
                if not (record.finite and math.isfinite(float(record.evaluation.loss))):
                    return self._diverged(good, record)
                good = record.state or good
                self._record(record)
                now = time.perf_counter()
                self.durations.append(now - clock - self.paused)
                self.paused, clock = 0.0, now
                number = self.observer.stop()
                if number is not None and record.state and record.step < problem.steps:
                    return self._end("interrupted", good, {"signal": number})
        except KeyboardInterrupt:
            # Ctrl-C where no observer makes a polite request of it, as in a notebook.
            self._end("interrupted", good, {"signal": int(signal.SIGINT)})
            raise
        return self._end("finished", good, {})

    def _in_step(self, start: State) -> Iterator[StepRecord]:
        problem, rule = self.problem, rate_rule(self.problem.options)
        measure = PathNorms.of(problem.options, needed=rule.needs_norm)
        return train(
            problem.engine, start, problem.steps, problem.batch, problem.whole, rule, measure
        )

    def _ahead(self, start: State) -> Iterator[StepRecord]:
        problem = self.problem
        norms = PathNorms.of(problem.options, needed=False)
        with NormsBeside(norms, self.manifest.threads) as watch:
            yield from train_ahead(
                problem.engine,
                start,
                problem.steps,
                problem.batch,
                problem.whole,
                watch,
                self._keeps,
            )

    def _record(self, record: StepRecord) -> None:
        step, options, state = record.step, self.problem.options, record.state
        values = scalars(record.evaluation, omega=self.omega)
        values["lr"] = record.rate
        values.update(record.norms)
        self.observer.step(step, values)
        last = step == self.problem.steps
        written = values if step % options.log_every == 0 or last else {}
        if state and self._validates(step):
            began = time.perf_counter()
            written = written | self._validate(state)
            self.paused += time.perf_counter() - began
        if written:
            self.log.write(step, written)
        if state and self._checkpoints(step):
            began = time.perf_counter()
            self.log.synchronise()
            write_checkpoint(step_path(self.folder, step), self._checkpoint(state))
            self.paused += time.perf_counter() - began
        if record.rate < STALLED * options.lr and not self.stalled:
            self.stalled = True
            self.observer.say(f"step {step}: the learning rate has stalled at {record.rate:.3g}")

    def _validates(self, step: int) -> bool:
        epochs = self.problem.options.val_every
        due = bool(epochs) and step % (epochs * self.problem.steps_per_epoch) == 0
        return due or step == self.problem.steps

    def _checkpoints(self, step: int) -> bool:
        every = self.problem.options.checkpoint_every
        return bool(every) and step > 0 and step % every == 0

    def _keeps(self, step: int) -> bool:
        return self._validates(step) or self._checkpoints(step) or step % KEPT_EVERY == 0

    def _validate(self, state: State) -> dict[str, float]:
        data = self.problem.validation
        evaluation = self.problem.engine.evaluate(state.network, data.h0, data.targets)
        return scalars(evaluation, omega=self.omega, prefix="val/")

    def _checkpoint(self, state: State) -> Checkpoint:
        epoch, batch = divmod(state.step, self.problem.steps_per_epoch)
        generator = {"seed": self.problem.options.seed, "epoch": epoch, "batch": batch}
        network = state.network
        return Checkpoint(
            state.step, state.rate, network.blocks, network.readin, network.readout, generator
        )

    def _diverged(self, good: State, record: StepRecord) -> Manifest:
        layer = None
        if record.state and record.step < self.problem.steps:
            h0, _ = self.problem.batch(record.step)
            layer = first_nonfinite_layer(record.state.network, h0)
        detail = {"step": record.step, "loss": str(float(record.evaluation.loss))}
        return self._end("diverged", good, detail | ({} if layer is None else {"layer": layer}))

    def _end(self, outcome: Outcome, state: State, detail: dict[str, object]) -> Manifest:
        self.log.synchronise()
        write_checkpoint(last_path(self.folder), self._checkpoint(state))
        write_model(self.folder / EXPORTED, state.network.blocks)
        self.manifest = self.manifest.model_copy(
            update={
                "outcome": outcome,
                "detail": detail,
                "steps": state.step,
                "seconds_per_step": self._seconds_per_step(),
                "final": self._final(state, self.problem.train) | self._validate(state),
            }
        )
        write_manifest(self.folder, self.manifest)
        return self.manifest

    def _seconds_per_step(self) -> float | None:
        durations = self.durations[1:] or self.durations
        if not durations:
            return None
        # Records of a device that runs ahead arrive in bursts: only their mean says something.
        overlapped = self.manifest.overlapped
        return statistics.fmean(durations) if overlapped else statistics.median(durations)

    def _final(self, state: State, data: Embedded) -> dict[str, float]:
        evaluation = self.problem.engine.evaluate(state.network, data.h0, data.targets)
        return scalars(evaluation, omega=self.omega)
