"""The loss around trained weights: what is evaluated, and the file it becomes.

`losses[i, j]` is the loss at A + axis[i] D_0 + axis[j] D_1 (`losses[i]` for one direction). An
unfinished surface lies in a hidden file beside the result, with an explicit mask of its cells.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.atomic import check_writable
from resdepth.engine.device import resolve_device
from resdepth.engine.objective import Objective
from resdepth.engine.surface import Plane, surface
from resdepth.engine.threads import threads_put_back
from resdepth.errors import ResdepthError
from resdepth.experiment.objectives import SUBSET, Source, objective_of
from resdepth.mathematics import directions
from resdepth.options.landscape import RenderOptions
from resdepth.runs.checkpoint import read_checkpoint
from resdepth.runs.manifest import available_threads, versions
from resdepth.runs.partial import Partial, discard, read_partial, write_partial
from resdepth.runs.surface import read_surface, write_surface

Array = NDArray[np.float64]
Report = Callable[[int, int], None]
"""Told the finished and all cells."""

CELLS = "losses[i, j] is the mean loss at A + axes[0][i] D_0 + axes[1][j] D_1"
SAVE_EVERY = 5.0
"""Seconds between two saves of an unfinished surface; the first is made at once."""


@dataclass(frozen=True)
class Rendering:
    """A surface about to be evaluated; `request` is what its values depend on, in JSON's types."""

    objective: Objective
    plane: Plane
    axis: Array
    request: dict[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """(steps,) or (steps, steps)."""
        return (len(self.axis),) * len(self.plane.directions)

    def coordinates(self) -> Array:
        """Coordinates of the cells, row-major, then of the centre: (cells + 1, dimensions)."""
        grid = np.meshgrid(*[self.axis] * len(self.shape), indexing="ij")
        cells = np.stack([part.ravel() for part in grid], axis=1)
        return np.concatenate([cells, np.zeros((1, cells.shape[1]))])


def prepare(source: Source, options: RenderOptions, recorded: dict[str, Any] | None) -> Rendering:
    """Load weights and data and draw the directions.

    `recorded` is the request of an unfinished surface, whose threads and batches are then kept.
    """
    kept = recorded or {}
    threads = int(kept.get("threads") or options.threads or available_threads())
    torch.set_num_threads(threads)
    device = resolve_device(options.device)
    checkpoint = read_checkpoint(source.checkpoint)
    objective, engine = objective_of(source, checkpoint, options, device)
    centre = objective.centre.detach().double().cpu()
    scaled = _directions(objective, centre.numpy(), options)
    request = {
        "steps": options.steps,
        "span": options.span,
        "dimensions": options.dimensions,
        "normalise": options.normalise,
        "seed": options.seed,
        "subset": options.subset,
        "checkpoint": str(source.checkpoint),
        "checkpoint_sha256": hashlib.sha256(source.checkpoint.read_bytes()).hexdigest(),
        "checkpoint_step": checkpoint.step,
        "training": source.training.model_dump(mode="json"),
        "samples": objective.samples,
        "device": str(device),
        "engine": engine,
        "threads": threads,
        "batch": int(kept.get("batch") or objective.together),
    }
    # The same sums to the bit on every device; mps has no float64.
    place = torch.device("cpu") if device.type == "mps" else device
    plane = Plane(centre.to(place), torch.from_numpy(scaled).to(place))
    return Rendering(objective, plane, directions.axis(options.span, options.steps), request)


def _directions(objective: Objective, centre: Array, options: RenderOptions) -> Array:
    """Random directions (dimensions, n), scaled part by part; norms and biases stay as they are."""
    layout = objective.layout
    drawn = directions.draw(options.seed, options.dimensions, (layout.size,))
    for part, place in layout.places():
        if part.role != "weights":
            drawn[:, place] = 0.0
            continue
        shape = (options.dimensions, *part.shape)
        of_part, weights = drawn[:, place].reshape(shape), centre[place].reshape(part.shape)
        scaled = directions.normalise(of_part, weights, options.normalise, part.stacked)
        drawn[:, place] = scaled.reshape(options.dimensions, -1)
    return drawn


@threads_put_back()
def render(
    source: Source,
    options: RenderOptions,
    out: Path,
    command: list[str],
    report: Report = lambda done, cells: None,
) -> tuple[Path, Path]:
    """Evaluate the surface and write `out` (.npy) and its .json; return the two paths.

    With `options.resume` an unfinished surface at `out` is continued and ends in the same bits.

    Raises
    ------
    OptionConflict
        The unfinished surface was asked for with other options.
    WriteFailed
        `out` cannot be written, which is found out before anything is evaluated.
    """
    check_writable(out)
    unfinished = read_partial(out) if options.resume else None
    rendering = prepare(source, options, unfinished.request if unfinished else None)
    coordinates = rendering.coordinates()
    if unfinished:
        unfinished.check_same(out, rendering.request, len(coordinates))
    elif options.resume and _finished(out, rendering.request):
        report(len(coordinates), len(coordinates))
        return out, out.with_suffix(".json")
    partial = unfinished or Partial.empty(rendering.request, len(coordinates))
    _fill(rendering, coordinates, partial, out, report)
    _write(rendering, partial.losses, out, command)
    discard(out)
    return out, out.with_suffix(".json")


def _finished(out: Path, request: dict[str, Any]) -> bool:
    """Whether the surface at `out` is whole and the one that is asked for."""
    try:
        record = read_surface(out).record
    except ResdepthError:
        return False
    wanted = json.loads(json.dumps(request))
    return all(record.get(key) == wanted[key] for key in wanted.keys() - {"checkpoint", "batch"})


def _write(rendering: Rendering, values: Array, out: Path, command: list[str]) -> None:
    """Write the losses and their record; `values` are those of `Rendering.coordinates`."""
    losses = values[:-1].reshape(rendering.shape)
    # The middle cell of an odd grid is the centre: one value, whatever its place in a batch.
    middle, odd = divmod(len(rendering.axis), 2)
    record = {
        "cells": CELLS,
        "axes": [rendering.axis] * losses.ndim,
        "centre_loss": losses[(middle,) * losses.ndim] if odd else values[-1],
        "directions": directions.RECIPE,
        "subset_recipe": SUBSET,
        **rendering.request,
        "command": command,
        "versions": versions(),
    }
    write_surface(out, losses, record)


def _fill(
    rendering: Rendering, coordinates: Array, partial: Partial, out: Path, report: Report
) -> None:
    """Evaluate what is missing; what is done is saved now and then, and when interrupted."""
    saved = -math.inf
    size = rendering.request["batch"]
    batches = surface(rendering.objective, rendering.plane, coordinates, partial.done, size)
    report(int(partial.done.sum()), len(coordinates))
    try:
        for cells, losses in batches:
            partial.losses[cells] = losses
            partial.done[cells] = True
            report(int(partial.done.sum()), len(coordinates))
            if time.monotonic() - saved > SAVE_EVERY:
                write_partial(out, partial)
                saved = time.monotonic()
    except BaseException:
        write_partial(out, partial)
        raise
