"""A run of `resnet-cifar`: steps become events, epochs checkpoints and test accuracies."""

import math
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from resdepth.engine import capture
from resdepth.engine.classifier import Score, evaluate
from resdepth.experiment.classify_setup import build_classification
from resdepth.experiment.ending import recorded
from resdepth.experiment.observer import Observer, Silent, Start
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.resolve import from_record
from resdepth.runs.checkpoint import checkpoints, last_path, step_path
from resdepth.runs.events import EventLog, cut_after
from resdepth.runs.manifest import NAME, Manifest, Outcome, write_manifest
from resdepth.runs.state import State, read_state, state_step, write_state

EVENTS = "resnet_events"
"""The folder of the event log inside the run."""
FLAT = 0.98
"""Share of the loss of guessing above which the end of a first epoch counts as flat."""


def run_classification(
    folder: Path, manifest: Manifest, observer: Observer | None = None
) -> Manifest:
    """Train the run that `manifest` describes, from its newest checkpoint if it has one.

    Returns the manifest as it stands at the end; its `outcome` says how training ended. An error
    leaves the outcome `failed` and is raised again.
    """
    run = _Run(folder, manifest, observer or Silent())
    with recorded(folder, lambda: run.manifest):
        return run.go()


def window(device: torch.device) -> int:
    """Steps between two looks at what was measured: more where the device runs ahead."""
    return 50 if capture.runs_ahead(device) else 1


def score_scalars(score: Score, classes: tuple[str, ...]) -> dict[str, float]:
    """Loss, top-1 and top-2 accuracy of the test set by tag, then of each class that has images."""
    images = score.images.double()
    found = {"val/loss": score.loss}
    for tag, hits in (("val/accuracy", score.top1), ("val/top2", score.top2)):
        found[tag] = float(hits.sum() / images.sum())
        shares = (hits / images).tolist()
        named = zip(classes, shares, strict=True)
        found.update({f"{tag}/{name}": share for name, share in named if not math.isnan(share)})
    return found


@dataclass(frozen=True)
class _Pending:
    step: int
    rate: float
    measured: Tensor


@dataclass
class _Run:
    folder: Path
    manifest: Manifest
    observer: Observer
    durations: list[float] = field(default_factory=list)
    pending: list[_Pending] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    good: tuple[int, dict[str, Tensor]] | None = None
    evaluated_at: int = -1
    evaluation: dict[str, float] = field(default_factory=dict)

    def go(self) -> Manifest:
        options = from_record(ResnetCifarOptions, self.manifest.options, self.folder / NAME)
        self.problem = problem = build_classification(options, self.manifest.threads)
        start = self._start()
        if start >= problem.steps and self.manifest.outcome == "finished":
            self.observer.say(f"nothing to do: {start} of {problem.steps} steps are done")
            return self.manifest
        ran = {"device": str(problem.device), "engine": problem.engine}
        update = {**ran, "outcome": "running", "detail": {}}
        self.manifest = self.manifest.model_copy(update=update)
        write_manifest(self.folder, self.manifest)
        # Everything from this step on is computed again, but for the evaluation it starts with.
        events = self.folder / EVENTS
        cut_after(events, start - 1)
        self.log = EventLog(events)
        if start and self.evaluated_at == start:
            self.log.write(start, self.evaluation)
        try:
            return self._loop(start)
        finally:
            self.log.close()
            self.observer.end()

    def _start(self) -> int:
        found = checkpoints(self.folder, state_step)
        if not found:
            return 0
        descent = self.problem.descent
        state = read_state(found[max(found)], descent.state())
        descent.restore(state.tensors)
        self.evaluated_at, self.evaluation = state.evaluated_at, state.evaluation
        self.observer.say(f"resuming at step {state.step} of {self.problem.steps}")
        return state.step

    def _loop(self, start: int) -> Manifest:
        problem, threads = self.problem, self.manifest.threads
        title = f"{problem.engine} on {problem.device}, {threads} threads"
        self.observer.start(Start(title, start, problem.steps, problem.steps_per_epoch))
        self.window = window(problem.device)
        self.clock = time.perf_counter()
        for step in range(start, problem.steps):
            rate = problem.rate(step)
            measured = problem.step(*problem.batch(step), rate)
            self.pending.append(_Pending(step, rate, measured))
            done = step + 1
            due, signal = self._due(done), self.observer.stop()
            if len(self.pending) >= self.window or due or signal is not None:
                bad = self._flush()
                if bad is not None:
                    return self._diverged(*bad)
                self._keep(done)
            if due:
                self._pause(done)
            if signal is not None and done < problem.steps:
                return self._end("interrupted", done, {"signal": signal})
        if self.evaluated_at != problem.steps:
            self._evaluate(problem.steps)
        return self._end("finished", problem.steps, {})

    def _keep(self, done: int) -> None:
        """Remember a state whose losses were all finite, where updates outrun the looking."""
        if self.window > 1:
            tensors = self.problem.descent.state()
            self.good = done, {name: tensor.clone() for name, tensor in tensors.items()}

    def _diverged(self, step: int, loss: float) -> Manifest:
        detail: dict[str, object] = {"step": step, "loss": str(loss)}
        steps = step
        if self.good is not None:
            steps, tensors = self.good
            self.problem.descent.restore(tensors)
        return self._end("diverged", steps, detail)

    def _due(self, done: int) -> bool:
        every = self.problem.options.checkpoint_every
        return done % self.problem.steps_per_epoch == 0 or bool(every and done % every == 0)

    def _flush(self) -> tuple[int, float] | None:
        """Write what is pending; the first step whose loss is not finite, with that loss."""
        rows = torch.stack([entry.measured for entry in self.pending]).tolist()
        now = time.perf_counter()
        self.durations += [(now - self.clock) / len(rows)] * len(rows)
        self.clock = now
        for entry, (loss, omega, accuracy) in zip(self.pending, rows, strict=True):
            scalars = {"loss": loss, "avg_grad_norm": omega, "accuracy": accuracy, "lr": entry.rate}
            self.log.write(entry.step, scalars)
            if not math.isfinite(loss):
                return entry.step, loss
            self.losses.append(loss)
        self.observer.step(self.pending[-1].step + 1, scalars)
        self.pending.clear()
        return None

    def _pause(self, done: int) -> None:
        """What an epoch's end or a checkpoint asks for; none of it counts as time of a step."""
        epoch, rest = divmod(done, self.problem.steps_per_epoch)
        if rest == 0:
            self._say_if_flat(epoch)
            every = self.problem.options.eval_every
            if every and epoch % every == 0:
                self._evaluate(done)
        self._write(step_path(self.folder, done), done)
        self.clock = time.perf_counter()

    def _evaluate(self, step: int) -> None:
        problem = self.problem
        classes = problem.test.classes
        score = evaluate(problem.descent, problem.test_batches(), len(classes))
        self.evaluated_at, self.evaluation = step, score_scalars(score, classes)
        self.log.write(step, self.evaluation)
        top1, top2 = (self.evaluation[tag] for tag in ("val/accuracy", "val/top2"))
        epoch = step / problem.steps_per_epoch
        self.observer.say(f"epoch {epoch:g}: test accuracy {top1:.2%}, top 2 {top2:.2%}")

    def _say_if_flat(self, epoch: int) -> None:
        tail = self.losses[-max(1, self.problem.steps_per_epoch // 10) :]
        self.losses.clear()
        guessing = math.log(len(self.problem.test.classes))
        if epoch == 1 and statistics.fmean(tail) > FLAT * guessing:
            self.observer.say(
                f"after an epoch the loss is no better than by guessing "
                f"({statistics.fmean(tail):.3g} against {guessing:.3g}): "
                "--warmup 1 or a smaller --lr may help"
            )

    def _write(self, path: Path, step: int) -> None:
        self.log.synchronise()
        tensors = self.problem.descent.state()
        # After a divergence the weights may be gone; the last good checkpoint is kept then.
        if all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            write_state(path, State(step, tensors, self.evaluated_at, self.evaluation))

    def _end(self, outcome: Outcome, steps: int, detail: dict[str, object]) -> Manifest:
        self._write(last_path(self.folder), steps)
        if outcome != "finished" and self.evaluation:
            detail["evaluated_at"] = self.evaluated_at
        durations = self.durations[1:] or self.durations
        update = {
            "outcome": outcome,
            "detail": detail,
            "steps": steps,
            "seconds_per_step": statistics.median(durations) if durations else None,
            "final": self.evaluation,
        }
        self.manifest = self.manifest.model_copy(update=update)
        write_manifest(self.folder, self.manifest)
        return self.manifest
