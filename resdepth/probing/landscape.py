"""The loss around trained weights: what is evaluated, and the file it becomes.

`losses[i, j]` is the loss at A + axes[0][i] D_0 + axes[1][j] D_1 (`losses[i]` for one direction);
several pairs of directions make a first axis of their own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.atomic import check_writable
from resdepth.engine.grid import Plane, measured
from resdepth.engine.objective import Objective
from resdepth.isolation import isolated
from resdepth.mathematics import random_directions
from resdepth.options.landscape import RenderOptions
from resdepth.probing.config import run_loss, setting
from resdepth.probing.directions import (
    RECIPES,
    check_options,
    checkpoint_at,
    digests,
    directions_of,
)
from resdepth.probing.objectives import SUBSET, Source
from resdepth.probing.rendering import Rendering, Report, begun, evaluate, write
from resdepth.runs.checkpoint import checkpoints
from resdepth.runs.manifest import versions
from resdepth.runs.provenance import provenance
from resdepth.runs.surface import files_of, places_of

Array = NDArray[np.float64]

CELLS = "losses[i, j] is the mean loss at A + axes[0][i] D_0 + axes[1][j] D_1"
FIRST_DOUBLING, LAST_DOUBLING = -10, 12
"""Powers of 2 between which --span auto is looked for, in lengths of the direction."""


def _files(source: Source, options: RenderOptions) -> Iterator[Path]:
    """The files that the weights and the directions are read from."""
    yield from source.files
    if options.kind == "pca" and source.run is not None:
        yield from checkpoints(source.run.path).values()
    yield from map(checkpoint_at, options.towards)


def prepare(source: Source, options: RenderOptions, recorded: dict[str, Any]) -> Rendering:
    """Load weights and data, make the directions, and find how far they are to be gone."""
    check_options(source, options)
    statistics = options.statistics or ("recalibrated" if options.kind == "runs" else "centre")
    around = setting(source, options, statistics, recorded)
    found = directions_of(around.objective, source, around.checkpoint, options)
    centre = around.centre
    plane = Plane(centre, torch.from_numpy(found.vectors).to(centre.device))
    spans = _spans(around.objective, plane, options)
    # Towards another run the way itself is in the middle: Li et al. take [-1/2, 3/2].
    middle = 0.5 if options.kind == "runs" else 0.0
    ratios, cosines = random_directions.ratios_and_cosines(
        found.vectors, _moved(centre, found.vectors)
    )
    record = {
        "kind": options.kind,
        "recipe": RECIPES[options.kind],
        "spans": spans,
        "marks": found.marks,
        "norm_ratios": ratios,
        "cosines": cosines,
        **found.record,
    }
    axes = zip(spans, options.counts, strict=True)
    return Rendering(
        around.objective,
        plane,
        tuple(random_directions.axis(span, steps, middle) for span, steps in axes),
        _asked(options) | around.request,
        options.pairs,
        found.marks,
        record,
    )


def _asked(options: RenderOptions) -> dict[str, Any]:
    """What the values depend on of the directions and the grid."""
    return {
        "steps": options.steps,
        "steps_b": options.counts[-1],
        "span": options.spans[0] or "auto",
        "span_b": options.spans[-1] or "auto",
        "rise": options.rise,
        "dimensions": options.axes,
        "directions": digests(options),
        "pairs": options.pairs,
        "normalise": options.normalisation,
        "norms": options.norms,
    }


def _moved(centre: torch.Tensor, vectors: Array) -> Array:
    """The weights that the directions move, 0 elsewhere."""
    return np.where(np.any(vectors != 0.0, axis=0), centre.cpu().numpy(), 0.0)


def _spans(objective: Objective, plane: Plane, options: RenderOptions) -> list[float]:
    """Half the length of each axis: as given, or doubled until the loss at its ends is high."""
    given = enumerate(options.spans)
    return [span or _reach(objective, plane, axis, options) for axis, span in given]


def _reach(objective: Objective, plane: Plane, axis: int, options: RenderOptions) -> float:
    """The first span of a doubling row at which the mean loss of all ends is high enough.

    Where it stays below, as that of saturating activations may, high is halfway to the highest.
    """
    ends = np.arange(axis, len(plane.directions), options.axes)
    centre = _losses(objective, plane, np.zeros((1, len(plane.directions))))[0]
    spans, losses = 2.0 ** np.arange(FIRST_DOUBLING, LAST_DOUBLING + 1), list[float]()
    for span in spans:
        coordinates = np.zeros((2 * len(ends), len(plane.directions)))
        for row, end in enumerate(ends):
            coordinates[2 * row : 2 * row + 2, end] = (span, -span)
        losses.append(float(np.mean(_losses(objective, plane, coordinates))))
        # What is not finite is as high as can be.
        if not losses[-1] < options.rise * centre:
            return float(span)
    return float(spans[int(np.argmax(np.array(losses) >= (centre + max(losses)) / 2))])


def _losses(objective: Objective, plane: Plane, coordinates: Array) -> Array:
    """Mean losses at a few points, each by itself."""
    weights = plane.centre.new_empty(1, len(plane.centre))
    found = []
    for row in torch.from_numpy(coordinates).to(plane.centre.device):
        plane.weights(row[None], weights)
        found.append(measured(objective, weights.to(objective.centre))[0, 0])
    return np.array(found)


@isolated()
def render(
    source: Source,
    options: RenderOptions,
    out: Path,
    command: list[str],
    report: Report = lambda done, cells: None,
) -> tuple[Path, ...]:
    """Evaluate the surface and write `out` (.npy) and its .json; return what was written.

    With `options.resume` an unfinished surface at `out` is continued and ends in the same bits.

    Raises
    ------
    Usage
        The unfinished surface was asked for with other options.
    Usage
        The options do not fit the run.
    Impossible
        The run has no such directions.
    System
        `out` cannot be written, which is found out before anything is evaluated.
    """
    check_writable(*places_of(out))
    rendering = prepare(source, options, begun(out, options.resume))
    values = evaluate(rendering, out, options.resume, report)
    if values is None:
        return files_of(out)
    record = {
        "cells": CELLS,
        "subset_recipe": SUBSET,
        "mark_losses": values.further[:, 0],
        "run_loss": run_loss(source, rendering.request["checkpoint_step"], options.subset),
        "command": command,
        "versions": versions(),
        "provenance": provenance(command, options, _files(source, options)),
    }
    write(rendering, values, out, record)
    return files_of(out)
