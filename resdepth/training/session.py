"""The life of a run, whatever is trained: resume, events, checkpoints, signals, outcome."""

import contextlib
import signal
from collections.abc import Callable
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
from resdepth.runs.events import EventLog, cut_after
from resdepth.runs.folder import Opening
from resdepth.runs.manifest import Detail, Manifest, Outcome, write_manifest
from resdepth.runs.run import Run
from resdepth.training.lost import complete_at
from resdepth.training.observer import Observer, Silent, Start
from resdepth.training.trainee import Clock, Record, S, Say, Trainee

Prepare = Callable[[Manifest, Path, Say], Trainee[Any]]
"""Loads data and draws the network of the run that a manifest in a folder describes."""


def conduct(opening: Opening, prepare: Prepare, observer: Observer | None = None) -> Manifest:
    """Train the run that is open, from its newest checkpoint if it has one.

    Returns the manifest as it stands at the end; its `outcome` says how training ended. An error
    leaves the outcome `failed`, an interruption before training `interrupted`; both are raised
    again. A run that this one replaces stays whole until everything is prepared.
    """
    observer = observer or Silent()
    session: Session[Any] = Session(opening, observer)
    try:
        with isolated():
            session.prepare(prepare(opening.manifest, opening.folder, observer.say))
            return session.go()
    except KeyboardInterrupt:
        # A run that could still end in order has said so itself.
        if session.manifest.outcome != "interrupted":
            number = observer.stop()
            session.note("interrupted", {} if number is None else {"signal": number})
        raise
    except Exception as error:
        # A disk that refused the run refuses its manifest too; the first error counts.
        with contextlib.suppress(ResdepthError):
            session.note("failed", {"error": str(error)})
        raise
    finally:
        opening.release()


class Session(Generic[S]):
    """One run folder in training."""

    def __init__(self, opening: Opening, observer: Observer) -> None:
        self.opening, self.observer = opening, observer
        self.folder, self.manifest = opening.folder, opening.manifest
        self.begun = False
        self.repeats = False
        self.validated_at = -1
        self.clock = Clock()

    def prepare(self, trainee: Trainee[S]) -> None:
        """Take a trainee whose data is that of the run.

        Raises
        ------
        Usage
            The data is not what the run was trained on.
        """
        self.trainee, self.what = trainee, trainee.described
        recorded = self.manifest.data
        if recorded and recorded != self.what.data:
            raise resume_changed(
                "the data", self.folder, f"checksum {recorded[:12]}", f"{self.what.data[:12]}"
            )

    def note(self, outcome: Outcome, detail: Detail) -> None:
        """Say in the manifest how the run ended, unless it has not replaced another yet."""
        if self.begun or not self.opening.replaces:
            self._write(outcome=outcome, detail=detail)

    def go(self) -> Manifest:
        """Train to the end, or to the first reason to stop."""
        what = self.what
        start, evaluated = self._start()
        reached = "reached" in self.manifest.detail
        done = (reached or start.step >= what.steps) and not self.repeats
        if done and self.manifest.outcome == "finished":
            enough = ", and the loss is what was asked for" * reached
            self.observer.say(f"nothing to do: {start.step} of {what.steps} steps are done{enough}")
            return self.manifest
        update = {"device": what.device, "engine": what.engine, "overlapped": what.overlapped}
        update |= {"outcome": "running", "detail": {}, "data": what.data}
        self.manifest = self.manifest.model_copy(update=update)
        self.opening.begin(self.manifest)
        self.begun = True
        events = Run(self.folder).events
        # The checkpoint's own step is recorded again: as the last of a run that ends there it was
        # evaluated over the whole training set, as one of a longer run it is not.
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
        """The state to start from, and what was found out about it before."""
        found = checkpoints(self.folder) if self.opening.resumed else {}
        if not found:
            return self.trainee.start(), {}
        first = complete_at(self.folder, self.manifest, self.what, found)
        self.repeats, path = first < max(found), found[first]
        newest = read_checkpoint(path)
        state = self.trainee.restored(newest, path)
        self.observer.say(f"resuming at step {state.step} of {self.what.steps}")
        return state, newest.evaluation if newest.evaluated_at == state.step else {}

    def _loop(self, start: S) -> Manifest:
        what, good = self.what, start
        self.observer.start(Start(what.title, start.step, what.steps, what.steps_per_epoch))
        self.clock = Clock()
        try:
            for record in self.trainee.records(start, self.clock):
                if not record.finite:
                    return self._diverged(good, record)
                good = record.state or good
                self._record(record)
                number = self.observer.stop()
                if number is not None and record.state and good.step < what.steps:
                    return self._end("interrupted", good, {"signal": number})
        except KeyboardInterrupt:
            # Ctrl-C where no observer makes a polite request of it, as in a notebook.
            self._end("interrupted", good, {"signal": self.observer.stop() or int(signal.SIGINT)})
            raise
        if self.validated_at != good.step:
            self._log_validation(good.step, self.trainee.validate(good))
        return self._end("finished", good, {})

    def _record(self, record: Record[S]) -> None:
        trainee, state = self.trainee, record.state
        self.observer.step(state.step if state else record.step, record.scalars)
        if trainee.logs(record.step):
            self.log.write(record.step, record.scalars)
        if not state:
            return
        if trainee.validates(state.step):
            with self.clock.paused():
                self._log_validation(state.step, trainee.validate(state))
        if trainee.keeps(state.step):
            with self.clock.paused():
                self.log.synchronise()
                write_checkpoint(step_path(self.folder, state.step), trainee.checkpoint(state))

    def _log_validation(self, step: int, values: dict[str, float]) -> None:
        self.validated_at = step
        self.log.write(step, values)

    def _diverged(self, good: S, record: Record[S]) -> Manifest:
        detail: Detail = {"step": record.step, "loss": str(record.scalars["loss"])}
        return self._end("diverged", good, detail | self.trainee.blame(record))

    def _end(self, outcome: Outcome, state: S, detail: Detail) -> Manifest:
        self.log.end(well=outcome == "finished")
        self.log.synchronise()
        write_checkpoint(last_path(self.folder), self.trainee.checkpoint(state))
        self.trainee.export(self.folder, state)
        final, more = self.trainee.final(state)
        pace = self.clock.seconds_per_step(overlapped=self.what.overlapped)
        self._write(
            outcome=outcome,
            detail=detail | more,
            steps=state.step,
            seconds_per_step=pace,
            final=final,
        )
        return self.manifest

    def _write(self, **update: object) -> None:
        self.manifest = self.manifest.model_copy(update=update)
        write_manifest(self.folder, self.manifest)
