"""Weights of runs and checkpoints, written as exported models."""

from collections.abc import Sequence
from pathlib import Path

from resdepth.errors import DepthTwice
from resdepth.runs.checkpoint import Checkpoint, read_checkpoint
from resdepth.runs.export import write_model
from resdepth.runs.run import open_run


def export(
    sources: Sequence[Path], out: Path, format: str = "pth", *, by_run: bool = False
) -> list[Path]:
    """Write `resnet_<L>.<format>` for each run or checkpoint file; returns the paths.

    With `by_run` each goes to `out/<run name>/`. Everything is read and checked before anything is
    written.

    Raises
    ------
    DepthTwice
        Two sources would be written to one file.
    """
    found: dict[Path, tuple[Path, Checkpoint]] = {}
    for source in sources:
        checkpoint = _read(source)
        depth = checkpoint.blocks.shape[0]
        folder = out / _run_name(source) if by_run else out
        target = folder / f"resnet_{depth}"
        if target in found:
            raise DepthTwice(first=found[target][0], second=source, depth=depth)
        found[target] = (source, checkpoint)
    return [
        write_model(target.parent, checkpoint.blocks, format)
        for target, (_, checkpoint) in found.items()
    ]


def _read(source: Path) -> Checkpoint:
    return read_checkpoint(source) if source.is_file() else open_run(source).checkpoint()


def _run_name(source: Path) -> str:
    # A checkpoint lies in RUN/checkpoints/.
    inside = source.is_file() and source.absolute().parent.name == "checkpoints"
    folder = source.absolute().parent.parent if inside else source.absolute()
    return folder.stem if source.is_file() and not inside else folder.name
