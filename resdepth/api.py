"""What the commands do, from Python."""

from pathlib import Path

from resdepth.options.effect import refuse_given
from resdepth.options.landscape import SURFACE, RenderOptions, TrajectoryOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.options.train import TrainOptions
from resdepth.probing import landscape
from resdepth.probing.objectives import Source
from resdepth.probing.spectrum import Spectrum
from resdepth.probing.spectrum import spectrum as spectrum_around
from resdepth.probing.trajectory import trajectory
from resdepth.runs.folder import create_run, default_run_folder, reopen_run
from resdepth.runs.run import Run
from resdepth.runs.surface import Surface, read_surface
from resdepth.training import dense
from resdepth.training.observer import Observer
from resdepth.training.session import conduct

OURS, DRAWN = ("sources", "out"), ("columns", "show")
"""Options that only commands use: what to read and write, and how to draw it."""
BESIDE = "run and file are arguments of the function, which draws nothing"


def train(
    options: TrainOptions | None = None,
    out: Path | str | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    observer: Observer | None = None,
    command: list[str] | None = None,
) -> Run:
    """Train a network and return its run; with `resume` continue the run in `out`.

    Parameters
    ----------
    options
        Everything that determines the run; the defaults where left out. With `resume` the options
        that were set must agree with the record (`epochs` may grow).
    out
        The run folder; `runs/<data>-L<depth>-seed<seed>` where left out.
    overwrite
        Replace what is in the folder. Without it a folder that is not empty raises Exists.
    observer
        Told of each step; nothing is printed by default.
    command
        The command line to record.

    Raises
    ------
    Exists, Busy
        The folder is taken, by files or by a process.
    Usage
        The run to continue has another value of an option.
    Usage, System, Corrupt
        Options do not fit together, or the data cannot be used.
    """
    options = options or TrainOptions()
    folder = Path(out) if out is not None else default_run_folder(options.stem)
    if resume:
        opening = reopen_run(folder, "train", options.recorded(explicit=True))
    else:
        words = command or ["resdepth.train"]
        opening = create_run(folder, "train", options.recorded(), words, overwrite=overwrite)
    conduct(opening, dense.prepare, observer)
    return Run(folder)


def render_landscape(
    run: Run | Path | str, out: Path | str | None = None, options: RenderOptions | None = None
) -> Surface:
    """Evaluate the loss on a grid around the newest weights of `run`, and read it back.

    Parameters
    ----------
    out
        The .npy to write; a .json lies beside it. `<run>/landscape.npy` where left out.
    options
        Steps, span, dimensions, normalisation, subset, seed; the defaults where left out.

    Raises
    ------
    Missing
        The run has no checkpoint yet.
    """
    run = run if isinstance(run, Run) else Run(Path(run))
    source = Source.of(run)
    path = Path(out) if out is not None else run.path / SURFACE
    options = options or RenderOptions()
    refuse_given(options, OURS, BESIDE)
    landscape.render(source, options, path, ["resdepth.render_landscape"])
    return read_surface(path)


def render_trajectory(
    run: Run | Path | str, out: Path | str | None = None, options: TrajectoryOptions | None = None
) -> Surface:
    """Evaluate the loss on the plane of the checkpoints of `run`, and read it back.

    The surface's record holds `path`: steps, coordinates, the loss of each checkpoint, that of the
    plane below it, its distance off the plane.

    Parameters
    ----------
    out
        The .npy to write; a .json lies beside it. `<run>/trajectory.npy` where left out.
    options
        Steps, margin, subset, seed; the defaults where left out.

    Raises
    ------
    Impossible
        The checkpoints span no plane.
    """
    run = run if isinstance(run, Run) else Run(Path(run))
    path = Path(out) if out is not None else run.path / "trajectory.npy"
    options = options or TrajectoryOptions()
    refuse_given(options, (*OURS, *DRAWN, "log"), BESIDE)
    trajectory(run, options, path, ["resdepth.render_trajectory"])
    return read_surface(path)


def spectrum(
    run: Run | Path | str,
    options: SpectrumOptions | None = None,
    *,
    checkpoint: Path | str | None = None,
) -> Spectrum:
    """Eigenvalues, traces and counts of the curvature around weights of `run`.

    Parameters
    ----------
    options
        Which matrix, how many eigenvalues, what by layer; the defaults where left out.
    checkpoint
        The file of the weights; the run's newest where left out.

    Raises
    ------
    Missing
        The run has no checkpoint yet.
    Impossible, Impossible, Usage
        There is no answer, or not to these options.
    """
    run = run if isinstance(run, Run) else Run(Path(run))
    around = run.newest if checkpoint is None else Path(checkpoint)
    options = options or SpectrumOptions()
    refuse_given(options, (*OURS, *DRAWN), BESIDE)
    return spectrum_around(Source(run.recorded_options, around), options)
