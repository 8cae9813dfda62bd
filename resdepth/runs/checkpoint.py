"""Checkpoints of every program: named tensors with the step, the rate and the generator.

One format for all networks; the two formats of earlier versions are read too.
"""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from resdepth.atomic import write_whole
from resdepth.contents import seen
from resdepth.errors import Corrupt, System, no_such, unreadable
from resdepth.runs.checksum import KEY
from resdepth.runs.manifest import read_manifest, run_of
from resdepth.runs.sealed import read_metadata, read_sealed, sealed

FORMAT = "resdepth-checkpoint-2"
FORMATS = (FORMAT, "resdepth-checkpoint-1", "resdepth-state-1")
"""What is written, and all that is read: the others are the dense and convolutional ones of old."""
DENSE = ("blocks", "readin", "readout")
"""The tensors of a fully connected network."""
FOLDER, LAST = "checkpoints", "last.safetensors"
EARLIER = "remove the file; an earlier checkpoint is taken then"
FOREIGN = "a checkpoint is what 'resdepth train' writes into RUN/checkpoints/"


@dataclass(frozen=True)
class Checkpoint:
    """The state before update `step`: tensors on the CPU, the rate that the update uses.

    `generator` says how the random streams go on: seed, epoch, and batch inside the epoch.
    `evaluation` holds the validation scalars of step `evaluated_at`, where they cannot be had again
    from the tensors alone (-1: there are none).
    """

    step: int
    lr: float
    tensors: dict[str, Tensor]
    generator: dict[str, int] = field(default_factory=dict)
    evaluated_at: int = -1
    evaluation: dict[str, float] = field(default_factory=dict)

    @property
    def dense(self) -> bool:
        """Whether this is a fully connected network."""
        return set(self.tensors) == set(DENSE)

    @property
    def blocks(self) -> Tensor:
        """Trained weights (L, d, d) of a fully connected network."""
        return self.tensors["blocks"]

    @property
    def readin(self) -> Tensor:
        """Its fixed read-in (d, inputs)."""
        return self.tensors["readin"]

    @property
    def readout(self) -> Tensor:
        """Its fixed read-out (outputs, d)."""
        return self.tensors["readout"]


def step_path(run: Path, step: int) -> Path:
    """Where the checkpoint of `step` lies."""
    return run / FOLDER / f"step_{step:08d}.safetensors"


def last_path(run: Path) -> Path:
    """Where the checkpoint at the end of a run lies."""
    return run / FOLDER / LAST


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint whole."""
    metadata = {
        "format": FORMAT,
        "step": str(checkpoint.step),
        "lr": float(checkpoint.lr).hex(),
        "generator": json.dumps(checkpoint.generator),
        "evaluated_at": str(checkpoint.evaluated_at),
        "evaluation": json.dumps(checkpoint.evaluation),
    }
    content = sealed(checkpoint.tensors, metadata)
    write_whole(path, lambda stream: stream.write(content))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and check its checksum, format, shapes, dtypes and finiteness, its place.

    Raises
    ------
    Missing
        No such file.
    System
        The system does not let it be read.
    Corrupt
        Not a whole checkpoint, or not the one that was written (Corrupt).
    """
    if not path.is_file():
        raise no_such(path, "checkpoint")
    try:
        metadata, tensors = read_sealed(path)
        _check_format(path, metadata, tensors)
        checkpoint = _parsed(metadata, tensors)
    except UNREADABLE as error:
        raise _unread(path, error) from None
    if checkpoint.step < 0 or not 0 <= checkpoint.lr < math.inf:
        raise _refused(path, f"step {checkpoint.step} with rate {checkpoint.lr}")
    reason = _flaw(checkpoint) or _misplaced(path, checkpoint.step, checkpoint.generator)
    if reason:
        raise _refused(path, reason)
    return checkpoint


def check_place(path: Path) -> None:
    """Raise Corrupt where a checkpoint lies in another's place; other files lie anywhere.

    Only what the file says of itself is read.
    """
    try:
        metadata = read_metadata(path)
        if metadata.get("format") not in FORMATS:
            return
        step, generator = int(metadata["step"]), json.loads(metadata.get("generator", "{}"))
    except UNREADABLE as error:
        raise _unread(path, error) from None
    if reason := _misplaced(path, step, generator):
        raise _refused(path, reason)


def check_like(checkpoint: Checkpoint, like: Mapping[str, Tensor], path: Path) -> None:
    """Raise Corrupt where the tensors differ from `like` in names, shapes or dtypes."""
    if set(checkpoint.tensors) != set(like):
        raise _refused(path, "it belongs to another network")
    for name, tensor in checkpoint.tensors.items():
        if tensor.shape != like[name].shape or tensor.dtype != like[name].dtype:
            raise _refused(path, f"{name} is {tensor.dtype} {tuple(tensor.shape)}")


def checkpoints(run: Path) -> dict[int, Path]:
    """The checkpoints of a run by step, ascending; `last` stands under its own step.

    The last of them is the newest, for every command: a run that was continued and then killed has
    later ones than its `last`.
    """
    found = {}
    for path in sorted((run / FOLDER).glob("step_*.safetensors")):
        if (number := _number(path)) is not None:
            found[number] = path
    last = last_path(run)
    if last.is_file():
        found[_step_of(last)] = last
    return dict(sorted(found.items()))


def newest(run: Path) -> Path | None:
    """The newest checkpoint of a run, None where there is none."""
    return next(reversed(checkpoints(run).values()), None)


def _number(path: Path) -> int | None:
    """The step that the name of a checkpoint says, None where it says none."""
    number = path.stem.removeprefix("step_")
    named = path.stem.startswith("step_") and number.isascii() and number.isdigit()
    return int(number) if named else None


def _misplaced(path: Path, step: int, generator: Mapping[str, int]) -> str:
    """What tells that a checkpoint is not the one that belongs where it lies; "" for nothing."""
    if _number(path) not in (None, step):
        return f"the weights of step {step} under the name of another"
    run, seed = run_of(path), generator.get("seed")
    with suppress(Corrupt, System):
        if run is not None and seed not in (None, own := read_manifest(run).seed):
            return f"not of this run: it is of seed {seed}, not {own}"
    return ""


def _step_of(path: Path) -> int:
    try:
        metadata = read_metadata(path)
        if metadata.get("format") not in FORMATS:
            raise _foreign(path)
        return int(metadata["step"])
    except UNREADABLE as error:
        raise _unread(path, error) from None


def _check_format(path: Path, metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
    form = metadata.get("format")
    torn = "blocks" in tensors and set(tensors) != set(DENSE)
    if form not in FORMATS or torn or (form == FORMAT and KEY not in metadata):
        raise _foreign(path)


def _parsed(metadata: Mapping[str, str], tensors: dict[str, Tensor]) -> Checkpoint:
    old_state = metadata["format"] == FORMATS[2]
    generator = json.loads(metadata.get("generator", "{}") if old_state else metadata["generator"])
    evaluation = json.loads(metadata.get("evaluation", "{}"))
    return Checkpoint(
        int(metadata["step"]),
        # The rate of a convolutional run is a function of the step; old files do not say it.
        0.0 if old_state else float.fromhex(metadata["lr"]),
        tensors,
        {str(key): int(value) for key, value in generator.items()},
        int(metadata.get("evaluated_at", -1)),
        {str(key): float(value) for key, value in evaluation.items()},
    )


UNREADABLE = (SafetensorError, OSError, KeyError, ValueError, AttributeError)
"""What reading a file raises that is no whole checkpoint."""


def _unread(path: Path, error: Exception) -> Corrupt | System:
    if isinstance(error, OSError):
        return unreadable(path, error)
    if isinstance(error, SafetensorError):
        return _refused(path, f"not a whole checkpoint: it is {seen(path).what}")
    return _refused(path, f"not a whole checkpoint ({error})")


def _foreign(path: Path) -> Corrupt:
    return _refused(path, f"not a resdepth checkpoint: it is {seen(path).what}")


def _refused(path: Path, reason: str) -> Corrupt:
    ours = path.absolute().parent.name == FOLDER
    return Corrupt(path, reason, EARLIER if ours else FOREIGN)


def _flaw(checkpoint: Checkpoint) -> str:
    if checkpoint.dense:
        reason = _dense_flaw(checkpoint)
        if reason:
            return reason
    for name, tensor in checkpoint.tensors.items():
        if not torch.isfinite(tensor).all():
            return f"{name} holds numbers that are not finite"
    return ""


def _dense_flaw(checkpoint: Checkpoint) -> str:
    blocks, readin, readout = (checkpoint.tensors[name] for name in DENSE)
    if blocks.ndim != 3 or blocks.shape[1] != blocks.shape[2] or 0 in blocks.shape:
        return f"blocks of shape {tuple(blocks.shape)}, not (depth, width, width)"
    width = blocks.shape[-1]
    shapes = (readin.ndim, readout.ndim, *readin.shape[:1], *readout.shape[1:2])
    if shapes != (2, 2, width, width):
        found = f"read-in {tuple(readin.shape)} or read-out {tuple(readout.shape)}"
        return f"{found} does not fit width {width}"
    for name in DENSE:
        tensor = checkpoint.tensors[name]
        if not tensor.is_floating_point() or tensor.dtype != blocks.dtype:
            return f"{name} has dtype {tensor.dtype}"
    return ""
