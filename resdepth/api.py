"""The commands as Python functions."""

from pathlib import Path

from resdepth.options.landscape import SURFACE, RenderOptions, TrajectoryOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.options.train import TrainOptions
from resdepth.probing.hessian import Spectrum
from resdepth.probing.hessian import spectrum as spectrum_around
from resdepth.probing.loss_surface import render
from resdepth.probing.objectives import Source
from resdepth.runs.folder import create_run, default_run_folder, reopen_run
from resdepth.runs.run import Run
from resdepth.runs.surface import Surface, read_surface
from resdepth.training import dense
from resdepth.training.observer import Observer
from resdepth.training.session import conduct

OURS, DRAWN = ("sources", "out"), ("columns", "show")
"""Options of the commands alone: what to read and write, and how to draw it."""
AS_ARGUMENTS = "run and file are arguments of the function, which draws nothing"


def train(
    options: TrainOptions | None = None,
    out: Path | str | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    observer: Observer | None = None,
    command: list[str] | None = None,
) -> Run:
    """Train a network and return its run; with `resume` resume the run in `out`.

    `options` determine the run; with `resume` those that were set must agree with the record, but
    `epochs` may grow. `out` is the run folder, by default `runs/<data>-L<depth>-seed<seed>`;
    `overwrite` replaces its contents. `observer` receives each step; by default nothing is printed.
    `command` is the command line to record.

    Raises Exists or Busy if the folder is not empty, or a process trains in it; Usage if options
    contradict each other, the data, or the run to resume; Missing or Corrupt for unusable data.
    """
    options = options or TrainOptions()
    folder = Path(out) if out is not None else default_run_folder(options.stem)
    if resume:
        opening = reopen_run(folder, "train", options.recorded(options.model_fields_set))
    else:
        words = command or ["resdepth.train"]
        opening = create_run(folder, "train", options.recorded(), words, overwrite=overwrite)
    conduct(opening, dense.prepare, observer)
    return Run(folder)


def render_landscape(
    run: Run | Path | str, out: Path | str | None = None, options: RenderOptions | None = None
) -> Surface:
    """Evaluate the loss on a grid around the newest weights of `run`.

    Writes `out`, by default `<run>/landscape.npy`, and a .json; Missing if there is no checkpoint.
    """
    run, options = _opened(run), options or RenderOptions()
    path = Path(out) if out is not None else run.path / SURFACE
    options.refuse_given(OURS, AS_ARGUMENTS)
    render(Source.of(run), options, path, ["resdepth.render_landscape"])
    return read_surface(path)


def render_trajectory(
    run: Run | Path | str, out: Path | str | None = None, options: TrajectoryOptions | None = None
) -> Surface:
    """Evaluate the loss on the plane of the checkpoints of `run`.

    Writes `out`, by default `<run>/trajectory.npy`, and a .json next to it, whose `path` describes
    each checkpoint. Raises Impossible if the checkpoints do not span a plane.
    """
    run, options = _opened(run), options or TrajectoryOptions()
    path = Path(out) if out is not None else run.path / "trajectory.npy"
    options.refuse_given((*OURS, *DRAWN, "log"), AS_ARGUMENTS)
    render(Source.of(run), options, path, ["resdepth.render_trajectory"])
    return read_surface(path)


def spectrum(
    run: Run | Path | str,
    options: SpectrumOptions | None = None,
    *,
    checkpoint: Path | str | None = None,
) -> Spectrum:
    """Compute eigenvalues, traces and counts of the curvature at the newest weights of `run`.

    Or at those in the file `checkpoint`. Raises Missing if there are none, Usage or Impossible.
    """
    run, options = _opened(run), options or SpectrumOptions()
    options.refuse_given((*OURS, *DRAWN), AS_ARGUMENTS)
    around = run.newest if checkpoint is None else Path(checkpoint)
    return spectrum_around(Source(run.recorded_options, around), options)


def _opened(run: Run | Path | str) -> Run:
    return run if isinstance(run, Run) else Run(Path(run))
