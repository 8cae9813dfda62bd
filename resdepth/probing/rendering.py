"""Evaluate a loss surface cell by cell, save the unfinished surface, and write the finished one."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.atomic import check_writable
from resdepth.engine.convolutional_objective import Statistics
from resdepth.engine.grid import MEASURES, Plane, surface
from resdepth.engine.objective import Objective
from resdepth.errors import ResdepthError
from resdepth.mathematics import Array
from resdepth.options.train import TrainOptions
from resdepth.probing.objectives import SUBSET, Source, SurfaceOptions, centre_of
from resdepth.runs.checksum import file_checksum
from resdepth.runs.manifest import versions
from resdepth.runs.provenance import provenance
from resdepth.runs.surface import (
    Partial,
    differences,
    files_of,
    partial_path,
    places_of,
    read_partial,
    read_surface,
    write_partial,
    write_surface,
)

Report = Callable[[int, int], None]
"""Receives the number of finished cells and of all cells."""
SAVE_EVERY = 5.0
"""Seconds between two saves of an unfinished surface; the first one is immediate."""


@dataclass(frozen=True)
class Rendering:
    """A surface to evaluate.

    `plane` has one direction per axis, `pairs` times over; `further` (k, directions) are the
    coordinates of more points, from whose losses `describe` makes entries of the record. `request`
    is what the values depend on, in JSON's types, `record` what else is known of them; `files` were
    read besides the checkpoint.
    """

    objective: Objective
    plane: Plane
    axes: tuple[Array, ...]
    request: dict[str, Any]
    pairs: int = 1
    further: Array = field(default_factory=lambda: np.empty((0, 0)))
    record: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[Path] = ()
    describe: Callable[[Array], dict[str, Any]] = lambda losses: {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis, after the number of pairs if there are several."""
        lead = (self.pairs,) if self.pairs > 1 else ()
        return (*lead, *(len(axis) for axis in self.axes))

    @property
    def centre(self) -> int:
        """Row of the centre: the cell at 0 if there is one, so that both have the same bits."""
        at = [np.flatnonzero(axis == 0.0)[:1].tolist() for axis in self.axes]
        if not all(at):
            return math.prod(self.shape)
        place = (0,) * (self.pairs > 1) + tuple(index for (index,) in at)
        return int(np.ravel_multi_index(place, self.shape))

    def coordinates(self) -> Array:
        """A row per cell, row-major, one for the centre, and one per further point."""
        grid = np.meshgrid(*self.axes, indexing="ij")
        points = np.stack([part.ravel() for part in grid], axis=1)
        # Each pair moves along its own directions alone.
        cells = np.kron(np.eye(self.pairs), points)
        width = cells.shape[1]
        return np.concatenate([cells, np.zeros((1, width)), self.further.reshape(-1, width)])


def produce(
    prepare: Callable[..., Rendering],
    statistics: Statistics,
    source: Source,
    options: SurfaceOptions,
    out: Path,
    command: Sequence[str],
    report: Report,
) -> tuple[Path, ...]:
    """Evaluate a surface, write it with its provenance, and return its files.

    `prepare` makes it from the centre, the options, and the number of cells per batch, which an
    unfinished surface keeps. An `out` that cannot be written raises System before that.
    """
    check_writable(*places_of(out))
    partial = read_partial(out) if options.resume else None
    recorded = partial.request if partial else {}
    centre = centre_of(source, options, statistics, recorded.get("threads"))
    step, batch = centre.checkpoint.step, int(recorded.get("batch") or centre.objective.together)
    rendering = prepare(centre, options, batch)
    request = rendering.request | {
        "seed": options.seed,
        "subset": options.subset,
        "checkpoint": str(source.checkpoint),
        "checkpoint_sha256": file_checksum(source.checkpoint),
        "checkpoint_step": step,
        "training": source.training.recorded(),
        "samples": centre.objective.samples,
        "statistics": centre.statistics,
        "device": str(centre.device),
        "engine": centre.engine,
        "threads": centre.threads,
        "batch": batch,
    }
    rendering = replace(rendering, request=request)
    if options.resume and not partial and _finished(out, request):
        count = len(rendering.coordinates())
        report(count, count)
        return files_of(out)
    values = evaluate(rendering, out, partial, report)
    record = {
        "subset_recipe": SUBSET,
        "run_loss": _run_loss(source, step, options.subset),
        "command": command,
        "versions": versions(),
        "provenance": provenance(command, options, [*source.files, *rendering.files]),
    }
    write(rendering, values, out, record)
    return files_of(out)


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


def evaluate(rendering: Rendering, out: Path, partial: Partial | None, report: Report) -> Array:
    """Loss and accuracy (rows, 2) at all `coordinates`; those of `partial` are not repeated.

    What is finished is saved every few seconds and when interrupted. A resumed surface has the bits
    of an uninterrupted one. Raises Usage if `partial` was made with other options.
    """
    coordinates, request = rendering.coordinates(), rendering.request
    if partial:
        partial.check_same(out, request, len(coordinates))
    else:
        partial = Partial.empty(request, len(coordinates), len(MEASURES))
    saved, done = -math.inf, partial.done
    report(int(done.sum()), len(coordinates))
    try:
        for cells, values in surface(
            rendering.objective, rendering.plane, coordinates, done, request["batch"]
        ):
            partial.values[cells] = values
            done[cells] = True
            report(int(done.sum()), len(coordinates))
            if time.monotonic() - saved > SAVE_EVERY:
                write_partial(out, partial)
                saved = time.monotonic()
    except BaseException:
        write_partial(out, partial)
        raise
    return partial.values


def write(rendering: Rendering, values: Array, out: Path, record: Mapping[str, Any]) -> None:
    """Write the losses, the accuracies of a classification, and the record."""
    count = math.prod(rendering.shape)
    losses, accuracies = (part.reshape(rendering.shape) for part in values[:count].T)
    loss, accuracy = values[rendering.centre]
    regression = bool(np.isnan(accuracy))
    whole = {
        "axes": list(rendering.axes),
        "pairs": rendering.pairs,
        "centre_loss": loss,
        "centre_accuracy": None if regression else accuracy,
        **rendering.record,
        **rendering.describe(values[count + 1 :, 0]),
        **rendering.request,
        **record,
    }
    write_surface(out, losses, whole, None if regression else accuracies)
    partial_path(out).unlink(missing_ok=True)


def _finished(out: Path, request: dict[str, Any]) -> bool:
    """Whether `out` is the whole requested surface."""
    try:
        return set(differences(read_surface(out).record, request)) <= {"batch"}
    except ResdepthError:
        return False
