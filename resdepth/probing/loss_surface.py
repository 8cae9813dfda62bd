"""The loss on a line or a grid around trained weights, or on the plane of a run's checkpoints.

`losses[i, j]` is the loss at A + axes[0][i] D_0 + axes[1][j] D_1 (`losses[i]` for one direction);
several pairs of directions make a first axis of their own.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.atomic import check_writable
from resdepth.engine.convolutional_objective import Statistics
from resdepth.engine.grid import Plane, surface
from resdepth.engine.objective import Objective
from resdepth.errors import ResdepthError, Usage
from resdepth.isolation import isolated
from resdepth.mathematics import Array, random_directions
from resdepth.options.landscape import RenderOptions, TrajectoryOptions
from resdepth.options.train import TrainOptions
from resdepth.probing.checkpoint_plane import path_surface
from resdepth.probing.directions import RECIPES, directions_of
from resdepth.probing.objectives import SUBSET, Centre, Source, centre_of
from resdepth.probing.rendering import Rendering, Report, evaluate, write
from resdepth.runs.checksum import file_checksum
from resdepth.runs.manifest import versions
from resdepth.runs.provenance import provenance
from resdepth.runs.surface import differences, files_of, places_of, read_partial, read_surface

CELLS = "losses[i, j] is the mean loss at A + axes[0][i] D_0 + axes[1][j] D_1"
FIRST_DOUBLING, LAST_DOUBLING = -10, 12
"""Powers of 2 between which an automatic span is searched, in lengths of the direction."""


@isolated()
def render(
    source: Source,
    options: RenderOptions | TrajectoryOptions,
    out: Path,
    command: list[str],
    report: Report = lambda done, cells: None,
) -> tuple[Path, ...]:
    """Evaluate the surface, write `out` (.npy) and its .json, and return the written files.

    With `options.resume` an unfinished surface at `out` is resumed and ends in the same bits. The
    record of a trajectory holds `path`: `steps`, `coordinates`, `loss`, `plane_loss` and `distance`
    of each checkpoint; batch statistics of a convolutional network are recalibrated at every point.

    Raises Usage if the unfinished surface has other options or the options do not fit the run,
    Impossible if it has no such directions, Corrupt for a damaged checkpoint or one of another
    network, System if `out` cannot be written, before anything is computed.
    """
    check_writable(*places_of(out))
    statistics: Statistics = "recalibrated"
    if isinstance(options, RenderOptions):
        statistics = _statistics(source, options)
    partial = read_partial(out) if options.resume else None
    recorded = partial.request if partial else {}
    centre = centre_of(source, options, statistics, recorded.get("threads"))
    step, batch = centre.checkpoint.step, int(recorded.get("batch") or centre.objective.together)
    if isinstance(options, TrajectoryOptions):
        rendering = path_surface(centre, options, batch)
    else:
        rendering = _around(centre, options)
    request = rendering.request | {
        "seed": options.seed,
        "subset": options.subset,
        "checkpoint": str(source.checkpoint),
        "checkpoint_sha256": file_checksum(source.checkpoint),
        "checkpoint_step": step,
        "training": source.training.recorded(),
        "samples": centre.objective.samples,
        "statistics": statistics if source.convolutional else None,
        "device": str(centre.device),
        "engine": centre.engine,
        "threads": centre.threads,
        "batch": batch,
    }
    if options.resume and not partial and _finished(out, request):
        count = len(rendering.coordinates())
        report(count, count)
        return files_of(out)
    origin = {
        "subset_recipe": SUBSET,
        "run_loss": _run_loss(source, step, options.subset),
        "command": command,
        "versions": versions(),
        "provenance": provenance(command, options, [*source.files, *rendering.files]),
    }
    rendering = replace(rendering, request=request, record={**rendering.record, **origin})
    write(rendering, evaluate(rendering, out, partial, report), out)
    return files_of(out)


def _statistics(source: Source, options: RenderOptions) -> Statistics:
    for name, used in {"norms": options.norms, "statistics": options.statistics}.items():
        if used and not source.convolutional:
            what = "a fully connected network has no norms, biases or batch statistics"
            raise Usage(name, what, "leave it out")
    return options.statistics or ("recalibrated" if options.kind == "runs" else "centre")


def _around(centre: Centre, options: RenderOptions) -> Rendering:
    """The surface in some directions from the centre."""
    directions, more, files = directions_of(centre, options)
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


def _run_loss(source: Source, step: int, subset: int | None) -> float | None:
    """The loss over the whole training set that the run recorded for its weights at `step`.

    None if it recorded none: of another part of the data, a mini-batch, or other batch statistics.
    """
    run = source.run
    if run is None or subset is not None or not isinstance(source.training, TrainOptions):
        return None
    if step == run.manifest.steps and "loss" in run.manifest.final:
        return run.manifest.final["loss"]
    if source.training.batch_size is not None:
        return None
    steps, losses = run.scalars("loss")
    found = losses[steps == step]
    return float(found[0]) if len(found) else None


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


def _finished(out: Path, request: dict[str, Any]) -> bool:
    """Whether `out` is the whole requested surface."""
    try:
        return set(differences(read_surface(out).record, request)) <= {"batch"}
    except ResdepthError:
        return False
