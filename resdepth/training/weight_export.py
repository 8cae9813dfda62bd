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
    `by_run` each goes to `out/<run name>/`. Before anything is written, raises Missing if a source
    does not exist, Usage if two would be written to one file.
    """
    check_writable(out / f"resnet.{format}")
    found: dict[Path, tuple[Path, Checkpoint]] = {}
    for source in sources:
        if not source.exists():
            raise no_such(source, "run folder or checkpoint file")
        checkpoint = read_checkpoint(sources_of(source)[0])
        # A checkpoint lies in RUN/checkpoints/.
        place, inside = source.absolute(), source.is_file()
        run = place.parent.parent if inside else place
        if checkpoint.dense:
            depth = len(checkpoint.blocks)
        else:
            depth = int(open_run(run).manifest.options["depth"])
        known = place.parent.name == CHECKPOINTS or not inside
        folder = out / (run.name if known else place.stem) if by_run else out
        target = folder / f"resnet_{depth}"
        if target in found:
            what = f"both have depth {depth} and would share one file"
            alone = "export them one by one, each with its own `out`"
            remedy = alone if by_run else "`out=DIR/{run}` writes a folder for each run"
            raise Usage(f"{found[target][0]} and {source}", what, remedy)
        found[target] = (source, checkpoint)
    return [
        write_model(target.parent, checkpoint.blocks, format)
        if checkpoint.dense
        else write_tensors(target.with_name(f"{target.name}.{format}"), checkpoint.tensors)
        for target, (_, checkpoint) in found.items()
    ]


def sources_of(source: Path) -> list[Path]:
    """The files that are read for a run or a checkpoint file."""
    return [source] if source.is_file() else [open_run(source).newest, source / MANIFEST]
