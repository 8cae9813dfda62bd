"""What a command evaluates around: a run, or its options and a checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from resdepth.errors import Usage, no_such
from resdepth.options.base import Options
from resdepth.options.resolve import resolve
from resdepth.options.train import TrainOptions
from resdepth.runs.manifest import NAME as MANIFEST

CONFIGURATIONS = (".yaml", ".yml", ".json")
Around = tuple[Path | None, Options, Path]
"""The run folder (None: unknown), the options it was trained with, and the checkpoint."""


def drawn_around(sources: Sequence[Path], command: str) -> Around:
    """The run, options and checkpoint that the `sources` of a command name.

    They are a run folder, its manifest or a file of options, and a checkpoint if it is not the
    run's newest. Raises Usage if they do not say which weights and which options, Missing if one
    of them does not exist.
    """
    for path in sources:
        if not path.exists():
            raise no_such(path, "file" if path.suffix else "run folder")
    configs = [
        path for path in sources if path.is_dir() or path.suffix.lower() in ("", *CONFIGURATIONS)
    ]
    weights = [path for path in sources if path not in configs]
    if len(configs) > 1 or len(weights) > 1 or not sources:
        what = "give one run, and one checkpoint at most" if sources else "none was given"
        raise Usage("SOURCES", what, f"resdepth {command} RUN")
    config = configs[0] if configs else weights[0].absolute().parent.parent
    if config.is_dir() or config.name == MANIFEST or not config.suffix:
        from resdepth.runs.run import open_run

        run = open_run(config.parent if config.name == MANIFEST else config)
        return run.path, run.recorded_options, weights[0] if weights else run.newest
    training = resolve(TrainOptions, {}, config, command=command)
    if not weights:
        what = f"{config} does not say where the weights are; a checkpoint is missing"
        raise Usage("SOURCES", what, "give a run folder")
    return None, training, weights[0]
