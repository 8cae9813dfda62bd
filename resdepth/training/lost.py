"""Where to resume a run whose event files have lost records."""

import warnings
from collections.abc import Collection
from pathlib import Path

from resdepth.runs.events import recorded_steps
from resdepth.runs.gaps import described, gaps
from resdepth.runs.manifest import Manifest, machine, versions
from resdepth.runs.run import Run
from resdepth.training.trainee import Description


def complete_at(
    folder: Path, manifest: Manifest, what: Description, checkpoints: Collection[int]
) -> int:
    """The newest of the `checkpoints`, by step, before which no record is missing.

    Warns if records are missing before the newest. That is the answer too if no checkpoint precedes
    them, or on another machine or version, whose rounding would change the weights in between.
    """
    newest = max(checkpoints)
    recorded = recorded_steps(Run(folder).events)
    missing = gaps(manifest, recorded, newest, what.steps_per_epoch)
    if not missing:
        return newest
    first = min(ranges[0][0] for ranges in missing.values())
    start = max((step for step in checkpoints if step <= first), default=None)
    if start is None:
        remedy = "there is no checkpoint before them to record them again from"
    elif not _as_before(manifest, what):
        remedy = "this machine or version would not give the same weights again"
        start = None
    else:
        remedy = f"they are recorded again from the checkpoint of step {start} on"
    for line in described(folder, missing):
        warnings.warn(f"{line}; {remedy}", stacklevel=2)
    return newest if start is None else start


def _as_before(manifest: Manifest, what: Description) -> bool:
    """Whether training gives the same bits again, as far as the manifest tells."""
    recorded = (manifest.device, manifest.engine, manifest.platform, manifest.versions)
    return recorded == (what.device, what.engine, machine(), versions())
