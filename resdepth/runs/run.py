"""A run folder as an object: manifest, options, scalars, checkpoints, weights."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth import html
from resdepth.errors import no_such, not_a_run
from resdepth.mathematics import pvariation
from resdepth.options.base import Options
from resdepth.options.programs import PROGRAMS
from resdepth.options.resolve import from_record
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import Checkpoint, checkpoints, newest, read_checkpoint
from resdepth.runs.events import read_recording
from resdepth.runs.folder import EVENTS_OF_OLD
from resdepth.runs.manifest import NAME, Manifest, read_manifest


@dataclass(frozen=True)
class Run:
    """A run folder of any program, read from disk on each access (Missing, Corrupt)."""

    path: Path

    @property
    def manifest(self) -> Manifest:
        """The record of the run."""
        return read_manifest(self.path)

    @property
    def program(self) -> str:
        """The program that wrote the run: "train" or "resnet-cifar"."""
        return self.manifest.program

    @property
    def options(self) -> TrainOptions:
        """All resolved options of a run of `train`; Missing if another program wrote it."""
        options = self.recorded_options
        if not isinstance(options, TrainOptions):
            raise not_a_run(self.path, f"it was written by 'resdepth {self.program}'")
        return options

    @property
    def recorded_options(self) -> Options:
        """All resolved options of the program that wrote the run."""
        manifest = self.manifest
        if (model := PROGRAMS.get(manifest.program)) is None:
            raise not_a_run(self.path, f"it was written by '{manifest.program}'")
        return from_record(model, manifest.options, self.path / NAME)

    @property
    def events(self) -> Path:
        """The folder of its event files."""
        of_old = self.path / EVENTS_OF_OLD
        return of_old if of_old.is_dir() else self.path

    def scalars(self, tag: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps and values of one scalar, such as "avg_grad_norm".

        Raises Missing, which lists the recorded scalars, if the run has no such scalar.
        """
        return read_recording(self.events).scalar(tag)

    @property
    def newest(self) -> Path:
        """The path of its newest checkpoint; Missing if there is none."""
        if (path := newest(self.path)) is None:
            raise no_such(self.path, "checkpoint")
        return path

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """The checkpoint of `step`, by default the newest; Missing if there is none.

        It has step, lr and tensors, and of a fully connected network blocks, readin and readout.
        """
        path = self.newest if step is None else checkpoints(self.path).get(step)
        if path is None:
            raise no_such(self.path, f"checkpoint of step {step}")
        return read_checkpoint(path)

    def _repr_html_(self) -> str:
        manifest = self.manifest
        known = ("depth", "width", "data", "activation", "alpha", "lr", "seed")
        facts = {name: getattr(manifest, name) for name in ("program", "outcome", "steps")}
        facts |= {name: manifest.options.get(name) for name in known}
        facts |= {"engine": manifest.engine, **manifest.final}
        return html.facts(facts, str(self.path))


def open_run(path: Path | str) -> Run:
    """The run in folder `path`; Missing if there is none."""
    run = Run(Path(path))
    read_manifest(run.path)
    return run


def weight_path(run: Run | Path | str, step: int | None = None) -> NDArray[np.float64]:
    """The path k -> L^β A_k of a run's newest checkpoint (or of `step`), flattened: (L, d*d).

    `run` is a run of `train` or its folder, β = 1 - α is its own, the numbers are float64.
    Raises Missing if there is no such run or checkpoint.
    """
    run = run if isinstance(run, Run) else open_run(run)
    beta = run.options.beta
    return pvariation.weight_path(run.checkpoint(step).blocks.double().numpy(), beta)
