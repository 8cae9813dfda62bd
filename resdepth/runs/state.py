"""The whole state of a training: any named tensors with the step and the last evaluation."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from resdepth.errors import FileCorrupt
from resdepth.runs.atomic import write_whole

FORMAT = "resdepth-state-1"


@dataclass(frozen=True)
class State:
    """The tensors before update `step`; `evaluation` holds scalars of step `evaluated_at`.

    `evaluated_at` is -1 where nothing has been evaluated yet.
    """

    step: int
    tensors: dict[str, Tensor]
    evaluated_at: int = -1
    evaluation: dict[str, float] = field(default_factory=dict)


def write_state(path: Path, state: State) -> None:
    """Write a state whole."""
    # Clones: parameters may be views of one vector, which the format cannot hold.
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in state.tensors.items()}
    metadata = {
        "format": FORMAT,
        "step": str(state.step),
        "evaluated_at": str(state.evaluated_at),
        "evaluation": json.dumps(state.evaluation),
    }
    write_whole(path, lambda stream: stream.write(safetensors.torch.save(tensors, metadata)))


def state_step(path: Path) -> int:
    """The step of a state, from its metadata alone; FileCorrupt where it is none."""
    return _read(path, {})[0].step


def read_state(path: Path, like: dict[str, Tensor]) -> State:
    """Read a state and check its names, shapes, dtypes and finiteness against `like`.

    Raises
    ------
    FileCorrupt
        Not a whole state, or that of another network; the message says what is wrong.
    """
    state, names = _read(path, like)
    reason = "it belongs to another network" if names != set(like) else _flaw(state, like)
    if reason:
        raise FileCorrupt(path=path, reason=reason, remedy=_REMEDY)
    return state


_REMEDY = "remove the file; an earlier checkpoint is taken then"


def _read(path: Path, wanted: dict[str, Tensor]) -> tuple[State, set[str]]:
    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            if metadata.get("format") != FORMAT:
                reason = "not a checkpoint of resnet-cifar"
                raise FileCorrupt(path=path, reason=reason, remedy=_REMEDY)
            names = set(archive.keys())
            tensors = {name: archive.get_tensor(name) for name in wanted if name in names}
        evaluation = {str(k): float(v) for k, v in json.loads(metadata["evaluation"]).items()}
        step, evaluated_at = int(metadata["step"]), int(metadata["evaluated_at"])
    except (SafetensorError, OSError, KeyError, ValueError, AttributeError) as error:
        raise FileCorrupt(
            path=path, reason=f"not a whole checkpoint ({error})", remedy=_REMEDY
        ) from None
    return State(step, tensors, evaluated_at, evaluation), names


def _flaw(state: State, like: dict[str, Tensor]) -> str:
    if state.step < 0:
        return f"step {state.step}"
    for name, tensor in state.tensors.items():
        expected = like[name]
        if tensor.shape != expected.shape or tensor.dtype != expected.dtype:
            return f"{name} is {tensor.dtype} {tuple(tensor.shape)}"
        if not torch.isfinite(tensor).all():
            return f"{name} holds numbers that are not finite"
    return ""
