"""The loss on a line or a grid around trained weights.

`losses[i, j]` is the loss at A + axes[0][i] D_0 + axes[1][j] D_1 (`losses[i]` for one direction);
several pairs of directions make a first axis of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.engine.grid import Plane, surface
from resdepth.engine.objective import Objective
from resdepth.engine.vector import Layout
from resdepth.errors import Usage
from resdepth.isolation import isolated
from resdepth.mathematics import random_directions
from resdepth.mathematics.lanczos import extreme_eigenpairs
from resdepth.options.landscape import RenderOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.checkpoint_plane import RECIPE, plane_of
from resdepth.probing.objectives import Centre, Source, centre_of, without_velocity
from resdepth.probing.products import HessianProducts
from resdepth.probing.rendering import Rendering, Report, produce, request_of
from resdepth.runs.checkpoint import Checkpoint, check_like, read_checkpoint
from resdepth.runs.checksum import file_checksum
from resdepth.runs.run import open_run

Array = NDArray[np.float64]

CELLS = "losses[i, j] is the mean loss at A + axes[0][i] D_0 + axes[1][j] D_1"
RECIPES = {
    "random": random_directions.RECIPE,
    "pca": RECIPE,
    "hessian": "eigenvectors of the largest eigenvalues of the Hessian at the centre, of norm 1, "
    "their largest entry positive",
    "runs": "from the centre to the other weights, which lie at 1",
}
"""How directions of each kind are made, as a result records it."""
FIRST_DOUBLING, LAST_DOUBLING = -10, 12
"""Powers of 2 between which an automatic span is searched, in lengths of the direction."""


@isolated()
def render(
    source: Source,
    options: RenderOptions,
    out: Path,
    command: list[str],
    report: Report = lambda done, cells: None,
) -> tuple[Path, ...]:
    """Evaluate the surface, write `out` (.npy) and its .json, and return the written files.

    With `options.resume` an unfinished surface at `out` is resumed and ends in the same bits.

    Raises Usage if the unfinished surface has other options or the options do not fit the run,
    Impossible if it has no such directions, System if `out` cannot be written.
    """
    return produce(_prepare, source, options, out, command, report)


def _prepare(source: Source, options: RenderOptions, recorded: Mapping[str, Any]) -> Rendering:
    """Load weights and data, make the directions, and find the spans of the axes."""
    for name, used in {"norms": options.norms, "statistics": options.statistics}.items():
        if used and not source.convolutional:
            what = "a fully connected network has no norms, biases or batch statistics"
            raise Usage(name, what, "leave it out")
    towards = options.kind == "runs"
    statistics = options.statistics or ("recalibrated" if towards else "centre")
    centre = centre_of(source, options, statistics, recorded.get("threads"))
    found = _directions(centre, options)
    plane = centre.plane(found.vectors)
    spans = [
        span or _automatic_span(centre.objective, plane, axis, options)
        for axis, span in enumerate(options.spans)
    ]
    # Towards another run the way itself is in the middle: Li et al. take [-1/2, 3/2].
    middle = 0.5 if towards else 0.0
    moved = np.where(np.any(found.vectors != 0.0, axis=0), centre.weights, 0.0)
    ratios, cosines = random_directions.ratios_and_cosines(found.vectors, moved)
    record = {
        "cells": CELLS,
        "kind": options.kind,
        "recipe": RECIPES[options.kind],
        "spans": spans,
        "marks": found.marks,
        "norm_ratios": ratios,
        "cosines": cosines,
        **found.record,
    }
    axes = zip(spans, options.counts, strict=True)
    request = {
        "steps": options.steps,
        "steps_b": options.counts[-1],
        "span": options.spans[0] or "auto",
        "span_b": options.spans[-1] or "auto",
        "rise": options.rise,
        "dimensions": options.axes,
        "directions": [file_checksum(path) for path in found.files] if towards else [options.kind],
        "pairs": options.pairs,
        "normalise": options.normalisation,
        "norms": options.norms,
    }
    return Rendering(
        centre.objective,
        plane,
        tuple(random_directions.axis(span, steps, middle) for span, steps in axes),
        request | request_of(centre, options, recorded),
        options.pairs,
        found.marks,
        record,
        found.files,
        lambda losses: {"mark_losses": losses},
    )


def _automatic_span(objective: Objective, plane: Plane, axis: int, options: RenderOptions) -> float:
    """The first of doubling spans at which the mean loss of all ends is `rise` times the centre's.

    If no span reaches it, as with saturating activations, the first halfway to the highest mean.
    """
    ends = np.arange(axis, len(plane.directions), options.axes)
    centre = _losses(objective, plane, np.zeros((1, len(plane.directions))))[0]
    spans, losses = 2.0 ** np.arange(FIRST_DOUBLING, LAST_DOUBLING + 1), list[float]()
    for span in spans:
        coordinates = np.zeros((2 * len(ends), len(plane.directions)))
        for row, end in enumerate(ends):
            coordinates[2 * row : 2 * row + 2, end] = (span, -span)
        losses.append(float(np.mean(_losses(objective, plane, coordinates))))
        # A loss that is not finite is high enough too.
        if not losses[-1] < options.rise * centre:
            return float(span)
    return float(spans[int(np.argmax(np.array(losses) >= (centre + max(losses)) / 2))])


def _losses(objective: Objective, plane: Plane, coordinates: Array) -> Array:
    """Mean losses at a few points, one at a time."""
    none_done = np.zeros(len(coordinates), dtype=bool)
    found = surface(objective, plane, coordinates, none_done, 1)
    return np.concatenate([values[:, 0] for _, values in found])


@dataclass(frozen=True)
class Directions:
    """Directions (k, n), entries for the record of the surface, and points to mark (m, k).

    `files` are those that the directions were read from.
    """

    vectors: Array
    record: dict[str, Any] = field(default_factory=dict)
    marks: Array = field(default_factory=lambda: np.empty((0, 0)))
    files: Sequence[Path] = ()


def _directions(centre: Centre, options: RenderOptions) -> Directions:
    """The requested directions, scaled to the weights part by part.

    Raises Impossible if the run's checkpoints span no plane, Corrupt or Usage if the other weights
    are those of another network.
    """
    layout = centre.objective.layout
    weights = centre.weights
    if options.kind == "random":
        count = options.pairs * options.axes
        found = Directions(random_directions.draw(options.seed, count, (len(weights),)))
    elif options.kind == "pca":
        plane, files = plane_of(centre.source, layout)
        record = {"explained": plane.explained}
        found = Directions(plane.directions[: options.axes], record, files=files)
    elif options.kind == "hessian":
        found = _sharpest(centre, options)
    else:
        found = _towards(layout, weights, centre.checkpoint, options)
    _scale(found.vectors, weights, layout, options)
    return found


def _sharpest(centre: Centre, options: RenderOptions) -> Directions:
    """Eigenvectors of the Hessian on the data of the surface, in float64."""
    engine = options.engine if options.engine in ("cpu", "eager", "reference") else "auto"
    asked = SpectrumOptions(subset=options.subset, seed=options.seed, engine=engine)
    objective = centre.in_float64(asked)
    product = HessianProducts(objective, centre.source.checkpoint).of(False)
    pairs = extreme_eigenpairs(product, objective.layout.size, options.axes, seed=options.seed)
    vectors = pairs.vectors[: options.axes]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], axis=1)
    values = pairs.values[: options.axes]
    record = {"eigenvalues": values, "residuals": pairs.residuals, "search": pairs.search}
    return Directions(vectors * np.sign(largest), record)


def _towards(
    layout: Layout, centre: Array, checkpoint: Checkpoint, options: RenderOptions
) -> Directions:
    """Differences to the weights of other runs (their newest) or checkpoints, which are marked."""
    paths = [open_run(path).newest if path.is_dir() else path for path in options.towards]
    vectors = []
    for path in paths:
        other = read_checkpoint(path)
        _check_same(other, checkpoint, path)
        vectors.append(layout.vector(other.tensors).double().numpy() - centre)
    record = {"towards": [str(path) for path in paths]}
    return Directions(np.stack(vectors), record, np.eye(len(paths)), paths)


def _check_same(other: Checkpoint, checkpoint: Checkpoint, path: Path) -> None:
    """Raise unless the weights are of the same network with the same fixed matrices."""
    own, theirs = without_velocity(checkpoint), without_velocity(other)
    check_like(theirs, own.tensors, path)
    fixed = ("readin", "readout") if checkpoint.dense else ()
    if not all(torch.equal(own.tensors[name], theirs.tensors[name]) for name in fixed):
        what = "its fixed read-in differs, so the loss at its weights would not be its own loss"
        raise Usage(f"directions={path}", what, "train both with the same `seed`")


def _scale(drawn: Array, centre: Array, layout: Layout, options: RenderOptions) -> None:
    """Scale directions in place; random ones do not move norms and biases by default."""
    for part, place in layout.places():
        weights = centre[place].reshape(part.shape)
        of_part = drawn[:, place].reshape(len(drawn), *part.shape)
        kind = options.normalisation
        if part.role != "weights":
            if options.kind == "random" and not options.norms:
                drawn[:, place] = 0.0
                continue
            # A vector is one filter: its entries have no norms of their own to keep.
            kind = "layer" if kind == "filter" else kind
        scaled = random_directions.normalise(of_part, weights, kind, part.stacked)
        drawn[:, place] = scaled.reshape(len(drawn), -1)
