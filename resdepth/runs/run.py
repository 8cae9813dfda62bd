"""A run folder as an object: manifest, options, scalars, checkpoints, and its weight path."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth.errors import FileCorrupt, PathMissing
from resdepth.mathematics import pvariation
from resdepth.options.resolve import from_record
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import Checkpoint, checkpoints, read_checkpoint
from resdepth.runs.events import read_scalars
from resdepth.runs.manifest import NAME, Manifest, read_manifest


@dataclass(frozen=True)
class Run:
    """A run folder that `train` wrote."""

    path: Path

    @property
    def manifest(self) -> Manifest:
        """The record of the run, read afresh."""
        return read_manifest(self.path)

    @property
    def options(self) -> TrainOptions:
        """All resolved options of the run."""
        return from_record(TrainOptions, self.manifest.options, self.path / NAME)

    def scalars(self, tag: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps and values of one recorded scalar, such as "avg_grad_norm".

        Raises
        ------
        FileCorrupt
            The run has no such scalar; the message lists those it has.
        """
        series = read_scalars(self.path)
        if tag not in series:
            reason = f"no scalar '{tag}' was recorded"
            raise FileCorrupt(
                path=self.path, reason=reason, remedy=f"there are: {', '.join(series)}"
            )
        return series[tag]

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """The checkpoint of `step`, or the newest: blocks, readin, readout, step, lr.

        Raises
        ------
        PathMissing
            There is none.
        """
        found = checkpoints(self.path)
        if not found or (step is not None and step not in found):
            kind = "checkpoint" if step is None else f"checkpoint of step {step}"
            raise PathMissing(path=self.path, kind=kind)
        return read_checkpoint(found[max(found) if step is None else step])


def open_run(path: Path | str) -> Run:
    """The run in folder `path`; NotARun where there is none."""
    run = Run(Path(path))
    read_manifest(run.path)
    return run


def weight_path(run: Run, step: int | None = None) -> NDArray[np.float64]:
    """The path k -> L^beta A_k of a run's newest checkpoint (or of `step`), flattened: (L, d*d)."""
    blocks = run.checkpoint(step).blocks.double().numpy()
    return pvariation.weight_path(blocks, run.options.beta)
