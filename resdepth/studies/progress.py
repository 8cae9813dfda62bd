"""The progress of a cell in training."""

import time

from resdepth.errors import ResdepthError
from resdepth.runs.events import event_files, read_scalars
from resdepth.studies.plan import Cell


def progress_of(cell: Cell) -> tuple[int | None, float | None, float | None]:
    """Its newest step and loss on disk, and the seconds that it needs at most; None if unknown."""
    files = event_files(cell.run)
    try:
        steps, losses = read_scalars(files[-1])["loss"]
    except (IndexError, KeyError, ResdepthError):
        return None, None, None
    done, first, left = int(steps[-1]), int(steps[0]), None
    if cell.options.batch_size is None and done > first:
        # The time of the first record is in the file's name, that of the last is its last change.
        written = files[-1].stat().st_mtime
        pace = (written - int(files[-1].name.split(".")[3])) / (done - first)
        left = max(0.0, (cell.options.epochs - done) * pace - (time.time() - written))
    return done, float(losses[-1]), left
