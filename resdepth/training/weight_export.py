"""Export the weights of runs and checkpoints."""

from collections.abc import Sequence
from pathlib import Path

from resdepth.atomic import check_writable
from resdepth.errors import Usage, no_such
from resdepth.runs.checkpoint import FOLDER as CHECKPOINTS
from resdepth.runs.checkpoint import Checkpoint, read_checkpoint
from resdepth.runs.export import write_model, write_tensors
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.run import open_run


def export(
    sources: Sequence[Path], out: Path, format: str = "pth", *, by_run: bool = False
) -> list[Path]:
    """Write `resnet_<L>.<format>` for each run or checkpoint file; returns the paths.

    A fully connected network is its blocks, a convolutional one all its tensors by name. With
    `by_run` each goes to `out/<run name>/`. All sources are checked before anything is written:
    raises Missing if one does not exist, Usage if two would be written to one file.
    """
    check_writable(out / f"resnet.{format}")
    found: dict[Path, tuple[Path, Checkpoint]] = {}
    for source in sources:
        checkpoint = _read(source)
        depth = _depth(source, checkpoint)
        folder = out / _run_name(source) if by_run else out
        target = folder / f"resnet_{depth}"
        if target in found:
            alone = "export them one by one, each with its own `out`"
            remedy = alone if by_run else "`out=DIR/{run}` writes a folder for each run"
            first = found[target][0]
            raise Usage(
                f"{first} and {source}", f"both have depth {depth} and would share one file", remedy
            )
        found[target] = (source, checkpoint)
    return [_write(target, checkpoint, format) for target, (_, checkpoint) in found.items()]


def sources_of(source: Path) -> list[Path]:
    """The files that are read for a run or a checkpoint file."""
    return [source] if source.is_file() else [open_run(source).newest, source / MANIFEST]


def _write(target: Path, checkpoint: Checkpoint, format: str) -> Path:
    if checkpoint.dense:
        return write_model(target.parent, checkpoint.blocks, format)
    return write_tensors(target.with_name(f"{target.name}.{format}"), checkpoint.tensors)


def _depth(source: Path, checkpoint: Checkpoint) -> int:
    if checkpoint.dense:
        return checkpoint.blocks.shape[0]
    run = source.absolute().parent.parent if source.is_file() else source
    return int(open_run(run).manifest.options["depth"])


def _read(source: Path) -> Checkpoint:
    if not source.exists():
        raise no_such(source, "run folder or checkpoint file")
    return read_checkpoint(source) if source.is_file() else open_run(source).checkpoint()


def _run_name(source: Path) -> str:
    # A checkpoint lies in RUN/checkpoints/.
    inside = source.is_file() and source.absolute().parent.name == CHECKPOINTS
    folder = source.absolute().parent.parent if inside else source.absolute()
    return folder.stem if source.is_file() and not inside else folder.name
