"""The path that training took, on the plane that holds most of it.

Everything but the losses of the plane is exact: each checkpoint has the loss of its own weights,
recorded next to the loss at its projection onto the plane.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resdepth.atomic import check_writable
from resdepth.engine.surface import Plane, along
from resdepth.isolation import isolated
from resdepth.mathematics.plane import PathPlane
from resdepth.options.landscape import TrajectoryOptions
from resdepth.probing.objectives import Centre, Source, centre_of
from resdepth.probing.rendering import Rendering, Report, Values, produce, request_of, unfinished
from resdepth.probing.surface_directions import RECIPES, plane_of
from resdepth.runs.checkpoint import check_like, checkpoints, read_checkpoint
from resdepth.runs.run import Run
from resdepth.runs.surface import places_of

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
    AnalysisImpossible
        The checkpoints span no plane.
    FileCorrupt
        One of them is damaged, or of another network.
    SurfaceChanged
        The unfinished surface was made with other options.
    WriteFailed
        `out` cannot be written; this is checked before anything is evaluated.
    """
    check_writable(*places_of(out))
    source, found = Source.of(run), checkpoints(run.path)
    recorded = unfinished(out, options.resume)
    centre = centre_of(source, options, "recalibrated", recorded.get("threads"))
    request = request_of(centre, options, recorded)
    known = _losses(list(found.values()), centre, request["batch"])
    plane = plane_of(source, centre.objective.layout, options.centred)

    def describe(values: Values) -> dict[str, Any]:
        path = {
            "steps": list(found),
            "coordinates": plane.coordinates,
            "loss": known.loss,
            "plane_loss": values.further[:, 0],
            "distance": plane.distance,
            "accuracy": known.accuracy,
        }
        return {"cells": CELLS, "path": path}

    rendering = _rendering(centre, plane, options, request | {"path_sha256": known.sha256})
    files = [*source.files, *found.values()]
    return produce(rendering, out, source, options, files, command, report, describe)


def _rendering(
    centre: Centre, plane: PathPlane, options: TrajectoryOptions, request: dict[str, Any]
) -> Rendering:
    """The plane around the last checkpoint, as wide as the path and a margin."""
    low, high = plane.coordinates.min(axis=0), plane.coordinates.max(axis=0)
    margin = options.margin * (high - low)
    ends = zip(low - margin, high + margin, options.counts, strict=True)
    grid = {
        "steps": options.steps,
        "steps_b": options.counts[1],
        "margin": options.margin,
        "centred": options.centred,
    }
    weights = centre.weights
    return Rendering(
        centre.objective,
        Plane(weights, torch.from_numpy(plane.directions).to(weights.device)),
        tuple(np.linspace(first, last, count) for first, last, count in ends),
        grid | request,
        further=plane.coordinates,
        record={
            "kind": "trajectory",
            "recipe": RECIPES["pca" if options.centred else "pca from the last"],
            "explained": plane.explained,
        },
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
