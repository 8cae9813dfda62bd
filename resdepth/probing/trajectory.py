"""The path that training took, on the plane that holds most of it.

Everything but the plane's own losses is exact: the loss at each checkpoint is that of its own
weights, and stands beside the loss of the point of the plane below it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resdepth.atomic import check_writable
from resdepth.engine.grid import Plane, along
from resdepth.isolation import isolated
from resdepth.mathematics.plane import PathPlane
from resdepth.options.landscape import TrajectoryOptions
from resdepth.probing.config import Setting, run_loss, setting
from resdepth.probing.directions import RECIPES, plane_of
from resdepth.probing.objectives import SUBSET, Source
from resdepth.probing.rendering import Rendering, Report, begun, evaluate, write
from resdepth.runs.checkpoint import check_like, checkpoints, read_checkpoint
from resdepth.runs.manifest import versions
from resdepth.runs.provenance import provenance
from resdepth.runs.run import Run
from resdepth.runs.surface import files_of, places_of

Array = NDArray[np.float64]

CELLS = "losses[i, j] is the mean loss at theta + axes[0][i] D_0 + axes[1][j] D_1, theta the last"


@dataclass(frozen=True)
class Known:
    """The losses and accuracies of the checkpoints themselves, and a checksum of their weights."""

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
    checkpoint. The batch statistics of a convolutional network are taken anew at every point.

    Raises
    ------
    Impossible
        The checkpoints span no plane.
    Corrupt
        One of them is not whole, or of another network.
    Usage
        The unfinished surface was asked for with other options.
    System
        `out` cannot be written, which is found out before anything is evaluated.
    """
    check_writable(*places_of(out))
    source = Source.of(run)
    found = checkpoints(run.path)
    around = setting(source, options, "recalibrated", begun(out, options.resume))
    known = _known(list(found.values()), around)
    plane = plane_of(source, around.objective.layout, options.centred)
    rendering = _rendering(around, plane, known, options)
    values = evaluate(rendering, out, options.resume, report)
    if values is None:
        return files_of(out)
    path = {
        "steps": list(found),
        "coordinates": plane.coordinates,
        "loss": known.loss,
        "plane_loss": values.further[:, 0],
        "distance": plane.distance,
        "accuracy": known.accuracy,
    }
    record = {
        "cells": CELLS,
        "subset_recipe": SUBSET,
        "path": path,
        "run_loss": run_loss(source, around.checkpoint.step, options.subset),
        "command": command,
        "versions": versions(),
        "provenance": provenance(command, options, [*source.files, *found.values()]),
    }
    write(rendering, values, out, record)
    return files_of(out)


def _rendering(
    around: Setting, plane: PathPlane, known: Known, options: TrajectoryOptions
) -> Rendering:
    """The plane around the last checkpoint, as wide as the path and a margin."""
    low, high = plane.coordinates.min(axis=0), plane.coordinates.max(axis=0)
    room = options.margin * (high - low)
    ends = zip(low - room, high + room, options.counts, strict=True)
    request = {
        "steps": options.steps,
        "steps_b": options.counts[1],
        "margin": options.margin,
        "centred": options.centred,
        "path_sha256": known.sha256,
        **around.request,
    }
    record: dict[str, Any] = {
        "kind": "trajectory",
        "recipe": RECIPES["pca"] if options.centred else RECIPES["pca from the last"],
        "explained": plane.explained,
    }
    centre = around.centre
    return Rendering(
        around.objective,
        Plane(centre, torch.from_numpy(plane.directions).to(centre.device)),
        tuple(np.linspace(first, last, count) for first, last, count in ends),
        request,
        further=plane.coordinates,
        record=record,
    )


def _known(paths: Sequence[Path], around: Setting) -> Known:
    """Read every checkpoint whole, once, and evaluate it."""
    digest = hashlib.sha256()
    vectors = _vectors(paths, around, digest)
    values = along(around.objective, vectors, around.request["batch"])
    return Known(values[:, 0], values[:, 1], digest.hexdigest())


def _vectors(paths: Sequence[Path], around: Setting, digest: Any) -> Iterator[Tensor]:
    layout = around.objective.layout
    for path in paths:
        checkpoint = read_checkpoint(path)
        check_like(checkpoint, around.checkpoint.tensors, path)
        vector = layout.vector(checkpoint.tensors)
        digest.update(vector.numpy().tobytes())
        yield vector
