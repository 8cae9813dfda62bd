"""The programs that write run folders, with the options that their manifests record."""

from collections.abc import Mapping
from typing import Any

from resdepth.options.base import Options
from resdepth.options.effect import effective_record
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.train import TrainOptions

PROGRAMS: dict[str, type[Options]] = {"train": TrainOptions, "resnet-cifar": ResnetCifarOptions}


def effective_options(program: str, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded options with defaults in place of those that have no effect.

    Earlier versions recorded such options as they were given; runs that differ in them alone are
    the same experiment.
    """
    model = PROGRAMS.get(program)
    return dict(recorded) if model is None else effective_record(model, recorded)
