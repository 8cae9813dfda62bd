"""Training as a function call: what `resdepth train` does, from Python."""

from pathlib import Path

from resdepth.experiment.observer import Observer
from resdepth.experiment.train import run_training
from resdepth.options.train import TrainOptions
from resdepth.runs.folder import create_run, default_run_folder, reopen_run
from resdepth.runs.run import Run


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
        Replace what is in the folder. Without it a folder that is not empty raises OutputExists.
    observer
        Told of each step; nothing is printed by default.
    command
        The command line to record.
    """
    options = options or TrainOptions()
    recorded = options.recorded()
    folder = Path(out) if out is not None else default_run_folder(options.stem)
    if resume:
        manifest = reopen_run(folder, "train", options.recorded(explicit=True))
    else:
        manifest = create_run(
            folder, "train", recorded, command or ["resdepth.train"], overwrite=overwrite
        )
    run_training(folder, manifest, observer)
    return Run(folder)
