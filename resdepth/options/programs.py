"""The programs that write run folders, and their options as manifests record them."""

from collections.abc import Mapping
from typing import Any

from resdepth.errors import Usage
from resdepth.options.base import Options
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.resolve import resolve
from resdepth.options.train import TrainOptions

PROGRAMS: dict[str, type[Options]] = {"train": TrainOptions, "resnet-cifar": ResnetCifarOptions}
PLACE = ("data_dir", "device", "engine", "threads", "num_workers")
"""Options that say where a run was made; its data is compared by its checksum."""
RECORDING = ("log_every", "val_every", "checkpoint_every", "p_var_every", "store_grad")
"""Options that say what a run wrote down."""


def flat_record(program: str, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a manifest by their flat names, with defaults for those without effect.

    Earlier formats recorded flat options, and those without effect as they were given; runs that
    differ in these alone are the same experiment.
    """
    model = PROGRAMS.get(program)
    if model is None:
        return dict(recorded)
    flat = model.flattened(recorded)
    try:
        options = resolve(model, flat, command=program, lenient=flat)
    except Usage:
        return flat  # Whoever needs these options says what is wrong with them.
    nested = any(isinstance(value, Mapping) for value in recorded.values())
    kept = {*flat, *(options.split(options.flat())[1] if nested else ())}
    return {name: value for name, value in options.recorded().items() if name in kept}


def nested_record(program: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Flat options in groups, as a manifest records them."""
    model = PROGRAMS.get(program)
    return dict(options) if model is None else model.split(options)[0]
