"""Checkpoints: weights in safetensors with the step, the rate and the generator in the metadata."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from resdepth.errors import FileCorrupt, PathMissing
from resdepth.runs.atomic import write_whole

FORMAT = "resdepth-checkpoint-1"
TENSORS = ("blocks", "readin", "readout")
FOLDER, LAST = "checkpoints", "last.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """The state before update `step`: tensors on the CPU, the rate that the update uses.

    `generator` says how the random streams go on: seed, epoch, and batch inside the epoch.
    """

    step: int
    lr: float
    blocks: Tensor
    readin: Tensor
    readout: Tensor
    generator: dict[str, int]


def step_path(run: Path, step: int) -> Path:
    """Where the checkpoint of `step` lies."""
    return run / FOLDER / f"step_{step:08d}.safetensors"


def last_path(run: Path) -> Path:
    """Where the checkpoint at the end of a run lies."""
    return run / FOLDER / LAST


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint whole."""
    tensors = {name: getattr(checkpoint, name).detach().cpu().contiguous() for name in TENSORS}
    metadata = {
        "format": FORMAT,
        "step": str(checkpoint.step),
        "lr": float(checkpoint.lr).hex(),
        "generator": json.dumps(checkpoint.generator),
    }
    write_whole(path, lambda stream: stream.write(safetensors.torch.save(tensors, metadata)))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and check its format, shapes, dtypes and finiteness.

    Raises
    ------
    PathMissing
        No such file.
    FileCorrupt
        Not a whole checkpoint; the message says what is wrong.
    """
    if not path.is_file():
        raise PathMissing(path=path, kind="checkpoint")
    remedy = "remove the file; an earlier checkpoint is taken then"
    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            names = set(archive.keys())
            if metadata.get("format") != FORMAT or names != set(TENSORS):
                raise FileCorrupt(path=path, reason="not a resdepth checkpoint", remedy=remedy)
            tensors = {name: archive.get_tensor(name) for name in TENSORS}
        step, lr = int(metadata["step"]), float.fromhex(metadata["lr"])
        generator = {
            str(key): int(value) for key, value in json.loads(metadata["generator"]).items()
        }
    except (SafetensorError, OSError, KeyError, ValueError, AttributeError) as error:
        raise FileCorrupt(
            path=path, reason=f"not a whole checkpoint ({error})", remedy=remedy
        ) from None
    if step < 0 or not 0 <= lr < math.inf:
        raise FileCorrupt(path=path, reason=f"step {step} with rate {lr}", remedy=remedy)
    reason = _flaw(tensors)
    if reason:
        raise FileCorrupt(path=path, reason=reason, remedy=remedy)
    return Checkpoint(step, lr, **tensors, generator=generator)


def checkpoints(run: Path, step_of: Callable[[Path], int] | None = None) -> dict[int, Path]:
    """The checkpoints of a run by step, ascending; `last` stands under its own step.

    `step_of` reads the step of a file in another format than this module's.
    """
    found = {}
    for path in sorted((run / FOLDER).glob("step_*.safetensors")):
        number = path.stem.removeprefix("step_")
        if number.isdigit():
            found[int(number)] = path
    last = last_path(run)
    if last.is_file():
        found[step_of(last) if step_of else read_checkpoint(last).step] = last
    return dict(sorted(found.items()))


def _flaw(tensors: dict[str, Tensor]) -> str:
    blocks, readin, readout = (tensors[name] for name in TENSORS)
    if blocks.ndim != 3 or blocks.shape[1] != blocks.shape[2] or 0 in blocks.shape:
        return f"blocks of shape {tuple(blocks.shape)}, not (depth, width, width)"
    width = blocks.shape[-1]
    if (
        readin.ndim != 2
        or readout.ndim != 2
        or readin.shape[0] != width
        or readout.shape[1] != width
    ):
        found = f"read-in {tuple(readin.shape)} or read-out {tuple(readout.shape)}"
        return f"{found} does not fit width {width}"
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or tensor.dtype != blocks.dtype:
            return f"{name} has dtype {tensor.dtype}"
        if not torch.isfinite(tensor).all():
            return f"{name} holds numbers that are not finite"
    return ""
