"""The device that computes, and torch's threads on it."""

import warnings

import torch

from resdepth.engine.contract import Engine
from resdepth.errors import Usage


def resolve_device(name: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda`, `mps` or `gpu` (cuda, else mps, else the CPU).

    Raises Usage: `cuda` or `mps` was requested by name and is not available.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name in there:
        if not there[name]:
            raise Usage(
                f"device={name}",
                f"this machine has no usable {name} device",
                "`device=auto` uses the best device of this machine",
            )
        return torch.device(name)
    if name == "cpu":
        return torch.device("cpu")
    for candidate, available in there.items():
        if available:
            return torch.device(candidate)
    if name == "gpu":
        text = "`device=gpu`: there is neither cuda nor mps here; computing on the CPU"
        warnings.warn(text, stacklevel=2)
    return torch.device("cpu")


def leave_threads_to(engine: Engine) -> None:
    """Keep torch to one thread if the engine has threads of its own.

    Torch's pool would keep spinning after each of its small operations and slow them down.
    """
    if engine.name == "cpu":
        torch.set_num_threads(1)
