"""What a command is to look around: a run, or how it was trained and where its weights are."""

from collections.abc import Sequence
from pathlib import Path

from resdepth.errors import Usage, no_such
from resdepth.options.base import Options
from resdepth.options.resolve import resolve
from resdepth.options.train import TrainOptions
from resdepth.runs.manifest import NAME as MANIFEST

CONFIGURATIONS = (".yaml", ".yml", ".json")


def drawn_around(sources: Sequence[Path]) -> tuple[Path | None, Options, Path]:
    """The run (None: unknown), the options it was trained with, and the checkpoint.

    `sources` are a run folder, its manifest or a file of options, and a checkpoint where it is not
    the run's newest.

    Raises
    ------
    Usage
        They do not say which weights and which options.
    Missing
        One of them is not there.
    """
    for path in sources:
        if not path.exists():
            raise no_such(path, "file" if path.suffix else "run folder")
    configuration = [path for path in sources if _configures(path)]
    weights = [path for path in sources if path not in configuration]
    if len(configuration) > 1 or len(weights) > 1 or not sources:
        reason = "give one run, and one checkpoint at most" if sources else "none was given"
        raise Usage("SOURCES", reason, "resdepth landscape render RUN")
    if not configuration:
        return _with_run(weights[0].absolute().parent.parent, weights)
    (config,) = configuration
    if config.is_dir() or config.name == MANIFEST or not config.suffix:
        return _with_run(config.parent if config.name == MANIFEST else config, weights)
    training = resolve(TrainOptions, {}, config, command="landscape render")
    if not weights:
        reason = f"{config} does not say where the weights are; a checkpoint is missing"
        raise Usage("SOURCES", reason, "give a run folder")
    return None, training, weights[0]


def _with_run(folder: Path, weights: Sequence[Path]) -> tuple[Path, Options, Path]:
    from resdepth.runs.run import open_run

    run = open_run(folder)
    return folder, run.recorded_options, weights[0] if weights else run.newest


def _configures(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in CONFIGURATIONS or not path.suffix


def each_around(sources: Sequence[Path], command: str) -> list[tuple[Path, Options, Path]]:
    """For each of several run folders or checkpoints inside them what `drawn_around` says of one.

    Raises
    ------
    Usage
        There is none, or one is a file of options, which has no weights.
    Missing
        One of them is not there.
    """
    if not sources:
        raise Usage("SOURCES", "none was given", f"resdepth {command} RUN")
    found = []
    for path in sources:
        if path.suffix.lower() in CONFIGURATIONS and path.name != MANIFEST and not path.is_dir():
            reason = f"{path} is no run and no checkpoint"
            remedy = "give a run folder, or a checkpoint inside one"
            raise Usage("SOURCES", reason, remedy)
        run, training, checkpoint = drawn_around((path,))
        found.append((run or path.parent, training, checkpoint))
    return found
