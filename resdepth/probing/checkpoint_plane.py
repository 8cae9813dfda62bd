"""The path that training took, on the plane that holds most of it.

Everything but the losses of the plane is exact: each checkpoint has the loss of its own weights,
recorded next to the loss at its projection onto the plane.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resdepth.engine.surface import Plane, along
from resdepth.isolation import isolated
from resdepth.options.landscape import TrajectoryOptions
from resdepth.probing.objectives import Centre, Source, centre_of
from resdepth.probing.rendering import Rendering, Report, produce, request_of
from resdepth.probing.surface_directions import RECIPES, plane_of
from resdepth.runs.checkpoint import check_like, checkpoints, read_checkpoint
from resdepth.runs.run import Run

Array = NDArray[np.float64]

CELLS = "losses[i, j] is the mean loss at theta + axes[0][i] D_0 + axes[1][j] D_1, theta the last"


@dataclass(frozen=True)
class CheckpointLosses:
    """Losses and accuracies of the checkpoints themselves, and a checksum of their weights."""

    loss: Array
    accuracy: Array
    sha256: str


@isolated()
def trajectory(
    run: Run,
    options: TrajectoryOptions,
    out: Path,
    command: list[str],
    report: Report = lambda done, cells: None,
) -> tuple[Path, ...]:
    """Evaluate the plane of a run's checkpoints and write `out` (.npy) and its .json.

    The record holds `path`: `steps`, `coordinates`, `loss`, `plane_loss` and `distance` of each
    checkpoint. Batch statistics of a convolutional network are recalibrated at every point.

    Raises
    ------
    Impossible
        The checkpoints span no plane.
    Corrupt
        One of them is damaged, or of another network.
    Usage
        The unfinished surface was made with other options.
    System
        `out` cannot be written; this is checked before anything is evaluated.
    """
    return produce(_prepare, Source.of(run), options, out, command, report)


def _prepare(source: Source, options: TrajectoryOptions, recorded: Mapping[str, Any]) -> Rendering:
    """The plane around the last checkpoint, as wide as the path and a margin."""
    centre = centre_of(source, options, "recalibrated", recorded.get("threads"))
    request = request_of(centre, options, recorded)
    found = checkpoints(source.checkpoint.parent.parent)
    known = _losses(list(found.values()), centre, request["batch"])
    plane, files = plane_of(source, centre.objective.layout, options.centred)
    low, high = plane.coordinates.min(axis=0), plane.coordinates.max(axis=0)
    margin = options.margin * (high - low)
    ends = zip(low - margin, high + margin, options.counts, strict=True)
    grid = {
        "steps": options.steps,
        "steps_b": options.counts[1],
        "margin": options.margin,
        "centred": options.centred,
        "path_sha256": known.sha256,
    }
    path = {
        "steps": list(found),
        "coordinates": plane.coordinates,
        "loss": known.loss,
        "distance": plane.distance,
        "accuracy": known.accuracy,
    }
    weights = centre.weights
    return Rendering(
        centre.objective,
        Plane(weights, torch.from_numpy(plane.directions).to(weights.device)),
        tuple(np.linspace(first, last, count) for first, last, count in ends),
        grid | request,
        further=plane.coordinates,
        record={
            "cells": CELLS,
            "kind": "trajectory",
            "recipe": RECIPES["pca" if options.centred else "pca from the last"],
            "explained": plane.explained,
        },
        files=files,
        describe=lambda losses: {"path": path | {"plane_loss": losses}},
    )


def _losses(paths: list[Path], centre: Centre, batch: int) -> CheckpointLosses:
    """Read every checkpoint once and evaluate it."""
    digest = hashlib.sha256()

    def vectors() -> Iterator[Tensor]:
        for path in paths:
            checkpoint = read_checkpoint(path)
            check_like(checkpoint, centre.checkpoint.tensors, path)
            vector = centre.objective.layout.vector(checkpoint.tensors)
            digest.update(vector.numpy().tobytes())
            yield vector

    values = along(centre.objective, vectors(), batch)
    return CheckpointLosses(values[:, 0], values[:, 1], digest.hexdigest())
