"""The life of a run of any program: resume, events, checkpoints, signals, outcome."""

import contextlib
import signal
import warnings
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Generic

from resdepth.errors import ResdepthError, resume_changed
from resdepth.isolation import isolated
from resdepth.runs.checkpoint import (
    checkpoints,
    last_path,
    read_checkpoint,
    step_path,
    write_checkpoint,
)
from resdepth.runs.events import EventLog, cut_after, recorded_steps
from resdepth.runs.folder import Opening
from resdepth.runs.gaps import described, gaps
from resdepth.runs.manifest import Detail, Manifest, Outcome, machine, versions, write_manifest
from resdepth.runs.run import Run
from resdepth.training.observer import Observer, Start
from resdepth.training.trainee import Clock, Record, S, Say, Trainee

Prepare = Callable[[Manifest, Path, Say], Trainee[Any]]
"""Loads the data and draws the network of the run that a manifest in a folder describes."""


def conduct(opening: Opening, prepare: Prepare, observer: Observer | None = None) -> Manifest:
    """Train the run that is open, from its newest checkpoint if it has one.

    Returns the final manifest. An error sets its outcome to `failed`, an interruption before
    training to `interrupted`; both are raised again. A run that this one replaces stays whole until
    everything is prepared.
    """
    observer = observer or Observer()
    session: Session[Any] | None = None

    def note(outcome: Outcome, detail: Detail) -> None:
        """Record how the run ended, unless it has not yet replaced another one."""
        if not opening.replaces or (session and session.begun):
            manifest = session.manifest if session else opening.manifest
            update = {"outcome": outcome, "detail": detail}
            write_manifest(opening.folder, manifest.model_copy(update=update))

    try:
        with isolated():
            trainee = prepare(opening.manifest, opening.folder, observer.say)
            session = Session(opening, trainee, observer)
            return session.go()
    except KeyboardInterrupt:
        # A run that could still end in order has already recorded it.
        if session is None or session.manifest.outcome != "interrupted":
            number = observer.stop()
            note("interrupted", {} if number is None else {"signal": number})
        raise
    except Exception as error:
        # A disk that refused the run refuses its manifest too; the first error counts.
        with contextlib.suppress(ResdepthError):
            note("failed", {"error": str(error)})
        raise
    finally:
        opening.release()


class Session(Generic[S]):
    """One run folder in training; raises Usage if it was trained on other data before."""

    def __init__(self, opening: Opening, trainee: Trainee[S], observer: Observer) -> None:
        self.opening, self.trainee, self.observer = opening, trainee, observer
        self.folder, self.manifest = opening.folder, opening.manifest
        self.begun = self.repeats = False
        self.validated_at = -1
        self.clock = Clock()
        recorded, found = self.manifest.data, trainee.fingerprint
        if recorded and recorded != found:
            raise resume_changed("the data", self.folder, f"checksum {recorded[:12]}", found[:12])

    def go(self) -> Manifest:
        """Train to the end, or to the first reason to stop."""
        what = self.trainee
        start, evaluated = self._start()
        reached = "reached" in self.manifest.detail
        done = (reached or start.step >= what.steps) and not self.repeats
        if done and self.manifest.outcome == "finished":
            enough = ", and the loss is small enough" * reached
            self.observer.say(f"nothing to do: {start.step} of {what.steps} steps are done{enough}")
            return self.manifest
        engine = {"engine": what.engine_name, "overlapped": what.overlapped}
        where = {"device": str(what.device), "data": what.fingerprint, "parent": what.parent}
        begun = {"outcome": "running", "detail": {}}
        self.manifest = self.manifest.model_copy(update=engine | where | begun)
        self.opening.begin(self.manifest)
        self.begun = True
        events = Run(self.folder).events
        # The step of the checkpoint is recorded again: the last step of a run is evaluated over
        # the whole training set, the same step of a longer run is not.
        cut_after(events, start.step - 1)
        self.log = EventLog(events)
        self.log.begin(self.manifest.program, self.manifest.options)
        try:
            if evaluated:
                self._log_validation(start.step, evaluated)
            return self._loop(start)
        finally:
            self.log.close()
            self.observer.end()

    def _start(self) -> tuple[S, dict[str, float]]:
        """The state to start from, and its evaluation if there is one."""
        found = checkpoints(self.folder) if self.opening.resumed else {}
        if not found:
            return self.trainee.start(), {}
        first = self._complete_at(found)
        self.repeats, path = first < max(found), found[first]
        checkpoint = read_checkpoint(path)
        state = self.trainee.restored(checkpoint, path)
        self.observer.say(f"resuming at step {state.step} of {self.trainee.steps}")
        return state, checkpoint.evaluation if checkpoint.evaluated_at == state.step else {}

    def _complete_at(self, steps: Collection[int]) -> int:
        """The newest of the `steps` with a checkpoint, before which no record is missing.

        Or the newest of all, if no checkpoint precedes the missing records, or if this machine or
        version would train to other weights. Warns if records are missing.
        """
        newest, ran, what = max(steps), self.manifest, self.trainee
        recorded = recorded_steps(Run(self.folder).events)
        missing = gaps(ran, recorded, newest, what.steps_per_epoch)
        if not missing:
            return newest
        first = min(ranges[0][0] for ranges in missing.values())
        start = max((step for step in steps if step <= first), default=None)
        here = (str(what.device), what.engine_name, machine(), versions())
        if start is None:
            remedy = "there is no checkpoint before them to record them again from"
        elif here != (ran.device, ran.engine, ran.platform, ran.versions):
            remedy = "this machine or version would not give the same weights again"
            start = None
        else:
            remedy = f"they are recorded again from the checkpoint of step {start} on"
        for line in described(self.folder, missing):
            warnings.warn(f"{line}; {remedy}", stacklevel=2)
        return newest if start is None else start

    def _loop(self, start: S) -> Manifest:
        what, good = self.trainee, start
        self.observer.start(Start(what.title, start.step, what.steps, what.steps_per_epoch))
        self.clock = Clock()
        try:
            for record in self.trainee.records(start, self.clock):
                if not record.finite:
                    detail: Detail = {"step": record.step, "loss": str(record.scalars["loss"])}
                    return self._end("diverged", good, detail | self.trainee.blame(record))
                good = record.state or good
                self._record(record)
                number = self.observer.stop()
                if number is not None and record.state and good.step < what.steps:
                    return self._end("interrupted", good, {"signal": number})
        except KeyboardInterrupt:
            # Ctrl-C without an observer that turns it into a request, as in a notebook.
            self._end("interrupted", good, {"signal": self.observer.stop() or int(signal.SIGINT)})
            raise
        if self.validated_at != good.step:
            self._log_validation(good.step, self.trainee.validate(good))
        return self._end("finished", good, {})

    def _record(self, record: Record[S]) -> None:
        what, state = self.trainee, record.state
        self.observer.step(state.step if state else record.step, record.scalars)
        if what.logs(record.step) or record.last:
            self.log.write(record.step, record.scalars)
        if not state:
            return
        with self.clock.paused():
            if what.validates(state.step):
                self._log_validation(state.step, self.trainee.validate(state))
            if what.keeps(state.step):
                self.log.synchronise()
                checkpoint = self.trainee.checkpoint(state)
                write_checkpoint(step_path(self.folder, state.step), checkpoint)

    def _log_validation(self, step: int, values: dict[str, float]) -> None:
        self.validated_at = step
        self.log.write(step, values)

    def _end(self, outcome: Outcome, state: S, detail: Detail) -> Manifest:
        self.log.end(well=outcome == "finished")
        self.log.synchronise()
        write_checkpoint(last_path(self.folder), self.trainee.checkpoint(state))
        self.trainee.export(self.folder, state)
        final, more = self.trainee.final(state)
        pace = self.clock.seconds_per_step(overlapped=self.trainee.overlapped)
        update = {
            "outcome": outcome,
            "detail": detail | more,
            "steps": state.step,
            "seconds_per_step": pace,
            "final": final,
        }
        self.manifest = self.manifest.model_copy(update=update)
        write_manifest(self.folder, self.manifest)
        return self.manifest
