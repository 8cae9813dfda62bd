"""The loss on a line or a grid around trained weights.

`losses[i, j]` is the loss at A + axes[0][i] D_0 + axes[1][j] D_1 (`losses[i]` for one direction);
several pairs of directions make a first axis of their own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from resdepth.engine.convolutional_objective import Statistics
from resdepth.engine.grid import Plane, surface
from resdepth.engine.objective import Objective
from resdepth.errors import Usage
from resdepth.isolation import isolated
from resdepth.mathematics import Array, random_directions
from resdepth.mathematics.lanczos import extreme_eigenpairs
from resdepth.options.landscape import RenderOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.checkpoint_plane import RECIPE, plane_of
from resdepth.probing.objectives import Centre, Source, without_velocity
from resdepth.probing.products import HessianProducts
from resdepth.probing.rendering import Rendering, Report, produce
from resdepth.runs.checkpoint import check_like, read_checkpoint
from resdepth.runs.checksum import file_checksum
from resdepth.runs.run import open_run

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
    for name, used in {"norms": options.norms, "statistics": options.statistics}.items():
        if used and not source.convolutional:
            what = "a fully connected network has no norms, biases or batch statistics"
            raise Usage(name, what, "leave it out")
    default: Statistics = "recalibrated" if options.kind == "runs" else "centre"
    statistics = options.statistics or default
    return produce(_prepare, statistics, source, options, out, command, report)


def _prepare(centre: Centre, options: RenderOptions, batch: int) -> Rendering:
    """Make the directions, and find the spans of the axes."""
    directions, more, files = _directions(centre, options)
    plane = centre.plane(directions)
    spans = [
        span or _automatic_span(centre.objective, plane, axis, options)
        for axis, span in enumerate(options.spans)
    ]
    # Towards another run the way itself is in the middle: Li et al. take [-1/2, 3/2].
    towards = options.kind == "runs"
    middle = 0.5 if towards else 0.0
    marks = np.eye(len(files)) if towards else np.empty((0, 0))
    moved = np.where(np.any(directions != 0.0, axis=0), centre.weights, 0.0)
    ratios, cosines = random_directions.ratios_and_cosines(directions, moved)
    axes = zip(spans, options.counts, strict=True)
    return Rendering(
        centre.objective,
        plane,
        tuple(random_directions.axis(span, steps, middle) for span, steps in axes),
        request={
            "steps": options.steps,
            "steps_b": options.counts[-1],
            "span": options.spans[0] or "auto",
            "span_b": options.spans[-1] or "auto",
            "rise": options.rise,
            "dimensions": options.axes,
            "directions": [file_checksum(p) for p in files] if towards else [options.kind],
            "pairs": options.pairs,
            "normalise": options.normalisation,
            "norms": options.norms,
        },
        pairs=options.pairs,
        further=marks,
        record={
            "cells": CELLS,
            "kind": options.kind,
            "recipe": RECIPES[options.kind],
            "spans": spans,
            "marks": marks,
            "norm_ratios": ratios,
            "cosines": cosines,
            **more,
        },
        files=files,
        describe=lambda losses: {"mark_losses": losses},
    )


def _automatic_span(objective: Objective, plane: Plane, axis: int, options: RenderOptions) -> float:
    """The first of doubling spans at which the mean loss of all ends is `rise` times the centre's.

    If no span reaches it, as with saturating activations, the first halfway to the highest mean.
    """
    count = len(plane.directions)
    ends = np.repeat(np.eye(count)[axis :: options.axes], 2, axis=0)
    ends[1::2] *= -1.0

    def mean_loss(coordinates: Array) -> float:
        none_done = np.zeros(len(coordinates), dtype=bool)
        found = surface(objective, plane, coordinates, none_done, 1)
        return float(np.mean([values[0, 0] for _, values in found]))

    centre = mean_loss(np.zeros((1, count)))
    spans, losses = 2.0 ** np.arange(FIRST_DOUBLING, LAST_DOUBLING + 1), list[float]()
    for span in spans:
        losses.append(mean_loss(span * ends))
        # A loss that is not finite is high enough too.
        if not losses[-1] < options.rise * centre:
            return float(span)
    return float(spans[int(np.argmax(np.array(losses) >= (centre + max(losses)) / 2))])


Directions = tuple[Array, dict[str, Any], Sequence[Path]]
"""Directions (k, n), entries for the record of the surface, and the files they were read from."""


def _directions(centre: Centre, options: RenderOptions) -> Directions:
    """The requested directions, scaled to the weights part by part.

    Raises Impossible if the run's checkpoints span no plane, Corrupt or Usage if the other weights
    are those of another network.
    """
    layout, weights = centre.objective.layout, centre.weights
    found: Directions
    if options.kind == "random":
        shape = (options.pairs * options.axes, len(weights))
        found = random_directions.draw(options.seed, shape[0], shape[1:]), {}, ()
    elif options.kind == "pca":
        plane, files = plane_of(centre.source, layout)
        found = plane.directions[: options.axes], {"explained": plane.explained}, files
    elif options.kind == "hessian":
        found = _sharpest(centre, options)
    else:
        found = _towards(centre, options)
    vectors = found[0]
    # Scaled in place.
    for part, place in layout.places():
        kind = options.normalisation
        if part.role != "weights":
            if options.kind == "random" and not options.norms:
                vectors[:, place] = 0.0
                continue
            # A vector is one filter: its entries have no norms of their own to keep.
            kind = "layer" if kind == "filter" else kind
        drawn = vectors[:, place].reshape(-1, *part.shape)
        own = weights[place].reshape(part.shape)
        scaled = random_directions.normalise(drawn, own, kind, part.stacked)
        vectors[:, place] = scaled.reshape(len(drawn), -1)
    return found


def _sharpest(centre: Centre, options: RenderOptions) -> Directions:
    """Eigenvectors of the Hessian on the data of the surface, in float64."""
    engine = options.engine if options.engine in ("cpu", "eager", "reference") else "auto"
    asked = SpectrumOptions(subset=options.subset, seed=options.seed, engine=engine)
    objective = centre.in_float64(asked)
    product = HessianProducts(objective, centre.source.checkpoint).of(False)
    pairs = extreme_eigenpairs(product, objective.layout.size, options.axes, seed=options.seed)
    vectors, values = pairs.vectors[: options.axes], pairs.values[: options.axes]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], axis=1)
    record = {"eigenvalues": values, "residuals": pairs.residuals, "search": pairs.search}
    return vectors * np.sign(largest), record, ()


def _towards(centre: Centre, options: RenderOptions) -> Directions:
    """Differences to the weights of other runs (their newest) or checkpoints, which are marked."""
    own, vectors = without_velocity(centre.checkpoint), []
    paths = [open_run(path).newest if path.is_dir() else path for path in options.towards]
    for path in paths:
        theirs = without_velocity(read_checkpoint(path))
        check_like(theirs, own.tensors, path)
        fixed = ("readin", "readout") if own.dense else ()
        if not all(torch.equal(own.tensors[name], theirs.tensors[name]) for name in fixed):
            what = "its fixed read-in differs, so the loss at its weights would not be its own loss"
            raise Usage(f"directions={path}", what, "train both with the same `seed`")
        vector = centre.objective.layout.vector(theirs.tensors)
        vectors.append(vector.double().numpy() - centre.weights)
    return np.stack(vectors), {"towards": [str(path) for path in paths]}, paths
