"""Which device really computes."""

import warnings

import torch

from resdepth.errors import Usage


def resolve_device(name: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda`, `mps` or `gpu` (cuda, else mps, else the CPU).

    Raises
    ------
    Usage
        `cuda` or `mps` was asked for by name and is not there.
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
        warnings.warn(
            "--device=gpu: there is neither cuda nor mps here; computing on the CPU", stacklevel=2
        )
    return torch.device("cpu")
