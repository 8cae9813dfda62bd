"""The path that training took, on the plane that holds most of it.

Everything but the losses of the plane is exact: each checkpoint has the loss of its own weights,
recorded next to the loss at its projection onto the plane.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from torch import Tensor

from resdepth.engine.grid import along
from resdepth.engine.vector import Layout
from resdepth.errors import Impossible
from resdepth.mathematics import Array
from resdepth.mathematics.plane import PathPlane, path_plane
from resdepth.options.landscape import TrajectoryOptions
from resdepth.probing.objectives import Centre, Source
from resdepth.probing.rendering import Rendering
from resdepth.runs.checkpoint import check_like, checkpoints, read_checkpoint
from resdepth.weights.header import read_header
from resdepth.weights.tensor import Stored

SLAB = 2**26
"""Bytes of coordinates of all checkpoints that are in memory at once."""
CELLS = "losses[i, j] is the mean loss at theta + axes[0][i] D_0 + axes[1][j] D_1, theta the last"
RECIPE = (
    "principal components of the run's checkpoints seen from their mean, of norm 1; signs "
    "such that the first checkpoint lies on the positive side"
)
RECIPE_FROM_LAST = "the same seen from the last checkpoint"


def path_surface(centre: Centre, options: TrajectoryOptions, batch: int) -> Rendering:
    """The plane of all checkpoints around the last one, as wide as the path and a margin."""
    source, digest = centre.source, hashlib.sha256()
    found = checkpoints(source.checkpoint.parent.parent)
    layout = centre.objective.layout

    def vectors() -> Iterator[Tensor]:
        for path in found.values():
            checkpoint = read_checkpoint(path)
            check_like(checkpoint, centre.checkpoint.tensors, path)
            vector = layout.vector(checkpoint.tensors)
            digest.update(vector.numpy().tobytes())
            yield vector

    losses, accuracies = along(centre.objective, vectors(), batch).T
    plane, files = plane_of(source, layout, options.centred)
    low, high = plane.coordinates.min(axis=0), plane.coordinates.max(axis=0)
    margin = options.margin * (high - low)
    ends = zip(low - margin, high + margin, options.counts, strict=True)
    path = {
        "steps": list(found),
        "coordinates": plane.coordinates,
        "loss": losses,
        "distance": plane.distance,
        "accuracy": accuracies,
    }
    return Rendering(
        centre.objective,
        centre.plane(plane.directions),
        tuple(np.linspace(first, last, count) for first, last, count in ends),
        request={
            "steps": options.steps,
            "steps_b": options.counts[1],
            "margin": options.margin,
            "centred": options.centred,
            "path_sha256": digest.hexdigest(),
        },
        further=plane.coordinates,
        record={
            "cells": CELLS,
            "kind": "trajectory",
            "recipe": RECIPE if options.centred else RECIPE_FROM_LAST,
            "explained": plane.explained,
        },
        files=files,
        describe=lambda found: {"path": path | {"plane_loss": found}},
    )


def plane_of(source: Source, layout: Layout, centred: bool = True) -> tuple[PathPlane, list[Path]]:
    """The plane of all checkpoints of a run, and their files.

    Raises Impossible if fewer than three of them differ, or all lie on one line.
    """
    run, remedy = source.run, "train with `checkpoint_every`"
    if run is None:
        what = "it is not in a run folder, so there is no path"
        raise Impossible(source.checkpoint, what, "give a run folder")
    found = list(checkpoints(run.path).values())
    if len(found) < 3:
        several = "checkpoint" if len(found) == 1 else "checkpoints"
        what = f"it has {len(found)} {several}, but a plane needs three"
        raise Impossible(run.path, what, remedy)
    headers = map(read_header, found)
    rows = [[header[part.name] for part in layout.parts] for header in headers]
    try:
        plane = path_plane(lambda: slabs(rows), centred)
    except ValueError:
        what = f"its {len(found)} checkpoints are equal"
        remedy = "training did not change the weights: check the learning rate"
        raise Impossible(run.path, what, remedy) from None
    if plane.collinear:
        raise Impossible(run.path, f"its {len(found)} checkpoints lie on one line", remedy)
    return plane, found


def slabs(rows: Sequence[Sequence[Stored]]) -> Iterator[Array]:
    """The tensors of each checkpoint laid end to end, (checkpoints, numbers), some columns at once.

    A slab has at most `SLAB` bytes, or those of a single checkpoint.
    """
    sizes = [tensor.size for tensor in rows[0]]
    *firsts, whole = accumulate(sizes, initial=0)
    width = max(1, max(SLAB // 8, whole) // len(rows))
    for start in range(0, whole, width):
        places = zip(firsts, sizes, strict=True)
        cuts = [(max(start - at, 0), min(start + width - at, size)) for at, size in places]
        inside = [number for number, (low, high) in enumerate(cuts) if low < high]
        yield np.stack([np.concatenate([row[i].read(*cuts[i]) for i in inside]) for row in rows])
