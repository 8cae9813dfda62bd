"""The run that another one starts from: which runs fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resdepth.errors import Busy, Missing, Usage, not_a_run
from resdepth.options.resolve import from_record
from resdepth.options.train import TrainOptions
from resdepth.runs.lock import busy
from resdepth.runs.manifest import NAME, read_manifest

EQUAL = ("data", "width", "alpha", "activation", "augmentation")
"""Options that determine the function of given weights."""


def check_parent(options: Mapping[str, Any], folder: Path) -> None:
    """Check that a new run in `folder` can start from the run in its `start_from`.

    `options` are flat, as manifests record them. Raises Usage: an option differs, the depth does
    not fit, the run diverged or would be replaced; Missing: no run of `train` or no checkpoint;
    Busy: it is still training; Corrupt: it is damaged.
    """
    run = Path(options["start_from"])
    manifest = read_manifest(run)
    if manifest.program != "train":
        raise not_a_run(run, f"it was written by 'resdepth {manifest.program}'")
    parent = from_record(TrainOptions, manifest.options, run / NAME).recorded()
    for name in EQUAL:
        if options[name] != parent[name]:
            raise unlike_parent(name, run, parent[name], options[name])
    layers, depth = parent["depth"], options["depth"]
    fitting = [layers << k for k in range(64) if k < 2 or layers << (k - 1) < depth]
    if depth not in fitting:
        reason = f"{depth} is not 2^k times the {layers} layers of {run}"
        raise Usage("depth", reason, f"depths that fit: {', '.join(map(str, fitting))}, …")
    if manifest.outcome == "diverged":
        reason = f"the run in {run} diverged after {manifest.steps} steps"
        raise Usage("start_from", reason, "train it again with a smaller `lr`")
    if run.resolve() == folder.resolve():
        raise Usage("start_from", f"{run} would be replaced", "choose another `out`")
    if busy(run):
        reason = "a process is training in this folder"
        raise Busy(run, reason, "wait until it has ended, then start from its last weights")
    if not any(run.glob("checkpoints/*.safetensors")):
        reason = "the run has no checkpoint to start from"
        raise Missing(run, reason, "`resume` it, or start from another run")


def unlike_parent(name: str, run: Path, theirs: object, ours: object) -> Usage:
    """The error for an option in which a run differs from the one it starts from."""
    remedy = f"give `{name}={theirs}`, or start from another run"
    return Usage(name, f"the run in {run} has {theirs}, not {ours}", remedy)
