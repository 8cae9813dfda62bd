"""The loss on a line or a grid around trained weights.

`losses[i, j]` is the loss at A + axes[0][i] D_0 + axes[1][j] D_1 (`losses[i]` for one direction);
several pairs of directions make a first axis of their own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.engine.objective import Objective
from resdepth.engine.surface import Plane, surface
from resdepth.isolation import isolated
from resdepth.mathematics import directions
from resdepth.options.landscape import RenderOptions
from resdepth.probing.objectives import Source, centre_of
from resdepth.probing.rendering import Rendering, Report, produce, request_of
from resdepth.probing.surface_directions import RECIPES, check_options, directions_of
from resdepth.runs.checksum import file_checksum

Array = NDArray[np.float64]

CELLS = "losses[i, j] is the mean loss at A + axes[0][i] D_0 + axes[1][j] D_1"
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

    Raises
    ------
    Usage
        The unfinished surface was made with other options, or the options do not fit the run.
    Impossible
        The run has no such directions.
    System
        `out` cannot be written; this is checked before anything is evaluated.
    """
    return produce(_prepare, source, options, out, command, report)


def _prepare(source: Source, options: RenderOptions, recorded: Mapping[str, Any]) -> Rendering:
    """Load weights and data, make the directions, and find the spans of the axes."""
    check_options(source, options)
    towards = options.kind == "runs"
    statistics = options.statistics or ("recalibrated" if towards else "centre")
    centre = centre_of(source, options, statistics, recorded.get("threads"))
    found = directions_of(centre, options)
    weights = centre.weights
    plane = Plane(weights, torch.from_numpy(found.vectors).to(weights.device))
    spans = [
        span or _automatic_span(centre.objective, plane, axis, options)
        for axis, span in enumerate(options.spans)
    ]
    # Towards another run the way itself is in the middle: Li et al. take [-1/2, 3/2].
    middle = 0.5 if towards else 0.0
    moved = np.where(np.any(found.vectors != 0.0, axis=0), weights.cpu().numpy(), 0.0)
    ratios, cosines = directions.ratios_and_cosines(found.vectors, moved)
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
        tuple(directions.axis(span, steps, middle) for span, steps in axes),
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
