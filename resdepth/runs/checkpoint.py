"""Checkpoints of every network: named tensors with step, rate and random streams."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from resdepth.atomic import write_bytes
from resdepth.contents import identify
from resdepth.errors import Corrupt, System, no_such, unreadable
from resdepth.runs.checksum import KEY
from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.manifest import Manifest, read_manifest, run_of
from resdepth.runs.sealed import read_metadata, read_sealed, sealed

FORMAT, STATE = "resdepth-checkpoint-2", "resdepth-state-1"
FORMATS = (FORMAT, "resdepth-checkpoint-1", STATE)
"""Today's format, and the early ones of fully connected and of convolutional networks."""
DENSE = ("blocks", "readin", "readout")
"""The tensors of a fully connected network."""
FOLDER = "checkpoints"
EARLIER = "remove the file; then an earlier checkpoint is used"
UNREADABLE = (SafetensorError, OSError, KeyError, ValueError, AttributeError)
"""What reading a file that is not a whole checkpoint raises."""
_NUMBERED = re.compile(r"(step|iter|iterations?|epoch|checkpoint|ckpt)(s?[-_=]?)(\d+)", re.I)


@dataclass(frozen=True)
class Checkpoint:
    """The state before update `step`: tensors on the CPU, and the rate of that update.

    `generator` is the position of the random streams: seed, epoch, and batch in the epoch.
    `evaluation` has the validation scalars of step `evaluated_at` if the tensors do not give them
    again (-1: none).
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
    """The path of the checkpoint of `step`."""
    return run / FOLDER / f"step_{step:08d}.safetensors"


def last_path(run: Path) -> Path:
    """The path of the checkpoint at the end of a run."""
    return run / FOLDER / "last.safetensors"


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint."""
    metadata = {
        "format": FORMAT,
        "step": str(checkpoint.step),
        "lr": float(checkpoint.lr).hex(),
        "generator": json.dumps(checkpoint.generator),
        "evaluated_at": str(checkpoint.evaluated_at),
        "evaluation": json.dumps(checkpoint.evaluation),
    }
    write_bytes(path, sealed(checkpoint.tensors, metadata))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and check its checksum, format, shapes, dtypes, numbers and place.

    Raises Missing, System if it cannot be read, or Corrupt if any check fails.
    """
    if not path.is_file():
        raise no_such(path, "checkpoint")
    with _reading(path):
        checkpoint = _parsed(path, *read_sealed(path))
    if reason := _flaw(checkpoint) or _misplaced(path, checkpoint.step, checkpoint.generator):
        raise _refused(path, reason)
    return checkpoint


def check_place(path: Path) -> None:
    """Raise Corrupt if the metadata of a checkpoint belong in another place; ignore other files."""
    with _reading(path):
        metadata = read_metadata(path)
        if metadata.get("format") not in FORMATS:
            return
        step, generator = int(metadata["step"]), json.loads(metadata.get("generator", "{}"))
    if reason := _misplaced(path, step, generator):
        raise _refused(path, reason)


def check_like(checkpoint: Checkpoint, like: Mapping[str, Tensor], path: Path) -> None:
    """Raise Corrupt if the tensors differ from `like` in names, shapes or dtypes."""
    if set(checkpoint.tensors) != set(like):
        raise _refused(path, "it belongs to another network")
    for name, tensor in checkpoint.tensors.items():
        if tensor.shape != like[name].shape or tensor.dtype != like[name].dtype:
            raise _refused(path, f"{name} is {tensor.dtype} {tuple(tensor.shape)}")


def other_network(path: Path) -> Corrupt:
    """The error for a checkpoint that does not fit the manifest of its run."""
    reason = "the checkpoint is not of this run: its network is not the manifest's"
    return Corrupt(path, reason, EARLIER)


def checkpoints(run: Path) -> dict[int, Path]:
    """The checkpoints of a run by step, ascending; `last` counts by its own step.

    A run that was resumed and then killed has newer ones than `last`.
    """
    files = (run / FOLDER).glob("step_*.safetensors")
    found = {number: path for path in files if (number := _number(path)) is not None}
    if (last := last_path(run)).is_file():
        with _reading(last):
            metadata = read_metadata(last)
            if metadata.get("format") not in FORMATS:
                raise _refused(last)
            found[int(metadata["step"])] = last
    return dict(sorted(found.items()))


def newest(run: Path) -> Path | None:
    """The newest checkpoint of a run, if it has one."""
    return next(reversed(checkpoints(run).values()), None)


def step_of(path: Path, manifest: Manifest | None = None) -> int | None:
    """The step in the metadata of a checkpoint, or the last step of the run that exported it."""
    if path.suffix == ".safetensors":
        with suppress(*UNREADABLE):
            return int(read_metadata(path)["step"])
    exported = path.absolute().parent.name == EXPORTED
    return manifest.steps if manifest is not None and exported else None


def step_in_name(path: Path) -> tuple[str, str]:
    """The path without the numbers of steps or epochs, and these: a/step_10.pt, epoch=3/b.ckpt.

    Files that differ only in these numbers are checkpoints of one training.
    """
    words = path.absolute().as_posix()
    numbers = [match[3] for match in _NUMBERED.finditer(words)]
    return _NUMBERED.sub(r"\1\2", words), ", ".join(numbers)


def _number(path: Path) -> int | None:
    named = re.fullmatch("step_([0-9]+)", path.stem)
    return int(named[1]) if named else None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what reading raises into Corrupt or System."""
    try:
        yield
    except OSError as error:
        raise unreadable(path, error) from None
    except SafetensorError:
        raise _refused(path, f"not a whole checkpoint: it is {identify(path).what}") from None
    except UNREADABLE as error:
        raise _refused(path, f"not a whole checkpoint ({error})") from None


def _misplaced(path: Path, step: int, generator: Mapping[str, int]) -> str:
    """Why a checkpoint is not the one that belongs in its place; "" if it is."""
    if _number(path) not in (None, step):
        return f"it holds the weights of step {step}, but its name is that of another step"
    run, seed = run_of(path), generator.get("seed")
    with suppress(Corrupt, System):
        if run is not None and seed not in (None, own := read_manifest(run).seed):
            return f"not of this run: it is of seed {seed}, not {own}"
    return ""


def _parsed(path: Path, metadata: Mapping[str, str], tensors: dict[str, Tensor]) -> Checkpoint:
    form = metadata.get("format")
    torn = "blocks" in tensors and set(tensors) != set(DENSE)
    if form not in FORMATS or torn or (form == FORMAT and KEY not in metadata):
        raise _refused(path)
    known = {"evaluated_at": "-1", "evaluation": "{}"} | dict(metadata)
    if form == STATE:
        # The rate of a convolutional run is a function of the step; this format does not hold it.
        known = {"generator": "{}"} | known | {"lr": "0"}
    generator = {key: int(value) for key, value in json.loads(known["generator"]).items()}
    evaluation = {key: float(value) for key, value in json.loads(known["evaluation"]).items()}
    step, lr = int(known["step"]), float.fromhex(known["lr"])
    return Checkpoint(step, lr, tensors, generator, int(known["evaluated_at"]), evaluation)


def _refused(path: Path, reason: str = "") -> Corrupt:
    """The error for a damaged checkpoint, or, without a reason, for a file that is none."""
    ours = path.absolute().parent.name == FOLDER
    foreign = "a checkpoint is what 'resdepth train' writes into RUN/checkpoints/"
    reason = reason or f"not a resdepth checkpoint: it is {identify(path).what}"
    return Corrupt(path, reason, EARLIER if ours else foreign)


def _flaw(checkpoint: Checkpoint) -> str:
    """What is wrong with the content of a checkpoint; "" if nothing."""
    if checkpoint.step < 0 or not 0 <= checkpoint.lr < math.inf:
        return f"step {checkpoint.step} with rate {checkpoint.lr}"
    if checkpoint.dense:
        blocks, readin, readout = (tuple(checkpoint.tensors[name].shape) for name in DENSE)
        if len(blocks) != 3 or blocks[1] != blocks[2] or 0 in blocks:
            return f"blocks of shape {blocks}, not (depth, width, width)"
        if (len(readin), len(readout), *readin[:1], *readout[1:2]) != (2, 2, blocks[1], blocks[1]):
            return f"read-in {readin} or read-out {readout} does not fit width {blocks[1]}"
        for name, tensor in checkpoint.tensors.items():
            if not tensor.is_floating_point() or tensor.dtype != checkpoint.blocks.dtype:
                return f"{name} has dtype {tensor.dtype}"
    for name, tensor in checkpoint.tensors.items():
        if not torch.isfinite(tensor).all():
            return f"{name} holds numbers that are not finite"
    return ""
