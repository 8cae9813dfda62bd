"""The loss on a line or a grid around trained weights, or on the plane of a run's checkpoints.

`losses[i, j]` is the loss at A + axes[0][i] D_0 + axes[1][j] D_1 (`losses[i]` for one direction);
several pairs of directions make a first axis of their own.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from resdepth.atomic import check_writable
from resdepth.engine.convolutional_objective import Statistics
from resdepth.engine.objective import along
from resdepth.errors import ResdepthError, Usage
from resdepth.isolation import isolated
from resdepth.mathematics import random_directions
from resdepth.options.landscape import RenderOptions, TrajectoryOptions
from resdepth.options.train import TrainOptions
from resdepth.probing.directions import RECIPES, automatic_span, directions_of, plane_of
from resdepth.probing.objectives import SUBSET, Centre, Source, centre_of
from resdepth.probing.rendering import Rendering, Report, evaluate, write
from resdepth.runs.checkpoint import check_like, checkpoints, read_checkpoint
from resdepth.runs.checksum import file_checksum
from resdepth.runs.manifest import versions
from resdepth.runs.provenance import provenance
from resdepth.runs.surface import differences, files_of, places_of, read_partial, read_surface

CELLS = "losses[i, j] is the mean loss at {} + axes[0][i] D_0 + axes[1][j] D_1"


@isolated()
def render(
    source: Source,
    options: RenderOptions | TrajectoryOptions,
    out: Path,
    command: list[str],
    report: Report = lambda done, cells: None,
) -> tuple[Path, ...]:
    """Evaluate the surface, write `out` (.npy) and its .json, and return the written files.

    With `options.resume` an unfinished surface at `out` is resumed and ends in the same bits. For a
    trajectory, batch statistics are recalibrated at every point, and the record has its `path`.

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
        rendering = _path(centre, options, batch)
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
        span or automatic_span(centre.objective, plane, axis, options)
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
            "cells": CELLS.format("A"),
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


def _path(centre: Centre, options: TrajectoryOptions, batch: int) -> Rendering:
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
            "cells": CELLS.format("theta") + ", theta the last",
            "kind": "trajectory",
            "recipe": RECIPES["pca" if options.centred else "from last"],
            "explained": plane.explained,
        },
        files=files,
        describe=lambda found: {"path": path | {"plane_loss": found}},
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


def _finished(out: Path, request: dict[str, Any]) -> bool:
    """Whether `out` is the whole requested surface."""
    try:
        return set(differences(read_surface(out).record, request)) <= {"batch"}
    except ResdepthError:
        return False
