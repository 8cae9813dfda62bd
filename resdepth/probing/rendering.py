"""Evaluate a loss surface cell by cell, save the unfinished surface, and write the finished one.

An unfinished surface is a hidden file next to the result, with a mask of its finished cells.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resdepth.atomic import check_writable
from resdepth.engine.objective import Objective
from resdepth.engine.surface import MEASURES, Plane, surface
from resdepth.errors import ResdepthError
from resdepth.options.train import TrainOptions
from resdepth.probing.objectives import SUBSET, Centre, Source, SurfaceOptions
from resdepth.runs.checksum import file_checksum
from resdepth.runs.manifest import versions
from resdepth.runs.partial import Partial, discard, read_partial, write_partial
from resdepth.runs.provenance import provenance
from resdepth.runs.surface import files_of, places_of, read_surface, write_surface

Array = NDArray[np.float64]
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
    def cells(self) -> int:
        """Number of cells, without the centre and the further points."""
        return math.prod(self.shape)

    def coordinates(self) -> Array:
        """Coordinates of the cells, row-major, then of the centre and of the further points."""
        grid = np.meshgrid(*self.axes, indexing="ij")
        points = np.stack([part.ravel() for part in grid], axis=1)
        # Each pair moves along its own directions alone.
        cells = np.kron(np.eye(self.pairs), points)
        width = cells.shape[1]
        return np.concatenate([cells, np.zeros((1, width)), self.further.reshape(-1, width)])


@dataclass(frozen=True)
class Values:
    """Loss and accuracy of the cells (*shape, 2), of the centre and of the further points."""

    cells: Array
    centre: Array
    further: Array


def request_of(
    centre: Centre, options: SurfaceOptions, recorded: Mapping[str, Any]
) -> dict[str, Any]:
    """What the loss at any point depends on; the batch size of a `recorded` request is kept."""
    source, objective = centre.source, centre.objective
    return {
        "seed": options.seed,
        "subset": options.subset,
        "checkpoint": str(source.checkpoint),
        "checkpoint_sha256": file_checksum(source.checkpoint),
        "checkpoint_step": centre.checkpoint.step,
        "training": source.training.model_dump(mode="json"),
        "samples": objective.samples,
        "statistics": centre.statistics,
        "device": str(centre.device),
        "engine": centre.engine,
        "threads": centre.threads,
        "batch": int(recorded.get("batch") or objective.together),
    }


def produce(
    prepare: Callable[[Source, Any, Mapping[str, Any]], Rendering],
    source: Source,
    options: SurfaceOptions,
    out: Path,
    command: Sequence[str],
    report: Report,
) -> tuple[Path, ...]:
    """Evaluate a surface, write it with its provenance, and return its files.

    `prepare` makes it from the options and the request of the unfinished surface to resume, empty
    if there is none. An `out` that cannot be written raises System before that.
    """
    check_writable(*places_of(out))
    partial = read_partial(out) if options.resume else None
    rendering = prepare(source, options, partial.request if partial else {})
    values = evaluate(rendering, out, options.resume, report)
    if values is not None:
        step = rendering.request["checkpoint_step"]
        record = {
            "subset_recipe": SUBSET,
            "run_loss": _run_loss(source, step, options.subset),
            "command": command,
            "versions": versions(),
            "provenance": provenance(command, options, [*source.files, *rendering.files]),
        }
        write(rendering, values, out, record | rendering.describe(values.further[:, 0]))
    return files_of(out)


def _run_loss(source: Source, step: int, subset: int | None) -> float | None:
    """The loss over the whole training set that the run recorded for its weights at `step`.

    None if it recorded none: of another part of the data, a mini-batch, or other batch statistics.
    """
    run = source.run
    if run is None or subset is not None or not isinstance(source.training, TrainOptions):
        return None
    manifest = run.manifest
    if step == manifest.steps and "loss" in manifest.final:
        return manifest.final["loss"]
    if source.training.batch_size is not None:
        return None
    steps, losses = run.scalars("loss")
    found = losses[steps == step]
    return float(found[0]) if len(found) else None


def evaluate(rendering: Rendering, out: Path, resume: bool, report: Report) -> Values | None:
    """Evaluate all cells; None if `out` is already the requested surface.

    With `resume` an unfinished surface at `out` is resumed and ends in the same bits.

    Raises
    ------
    Usage
        The unfinished surface was made with other options.
    """
    coordinates = rendering.coordinates()
    partial = read_partial(out) if resume else None
    if partial:
        partial.check_same(out, rendering.request, len(coordinates))
    elif resume and _finished(out, rendering.request):
        report(len(coordinates), len(coordinates))
        return None
    partial = partial or Partial.empty(rendering.request, len(coordinates), len(MEASURES))
    _fill(rendering, coordinates, partial, out, report)
    count, values = rendering.cells, partial.values
    cells = values[:count].reshape(*rendering.shape, -1)
    return Values(cells, _centre(rendering, cells, values[count]), values[count + 1 :])


def write(rendering: Rendering, values: Values, out: Path, record: Mapping[str, Any]) -> None:
    """Write the losses, the accuracies of a classification, and the record."""
    losses, accuracies = values.cells[..., 0], values.cells[..., 1]
    regression = bool(np.isnan(values.centre[1]))
    whole = {
        "axes": list(rendering.axes),
        "pairs": rendering.pairs,
        "centre_loss": values.centre[0],
        "centre_accuracy": None if regression else values.centre[1],
        **rendering.record,
        **rendering.request,
        **record,
    }
    write_surface(out, losses, whole, None if regression else accuracies)
    discard(out)


def _centre(rendering: Rendering, cells: Array, computed: Array) -> Array:
    """The cell at the centre if there is one, so that both are equal to the bit."""
    at = [np.flatnonzero(axis == 0.0)[:1].tolist() for axis in rendering.axes]
    if not all(at):
        return computed
    place = (0,) * (rendering.pairs > 1) + tuple(index for (index,) in at)
    return np.asarray(cells[place])


def _finished(out: Path, request: dict[str, Any]) -> bool:
    """Whether `out` is the whole requested surface."""
    try:
        record = read_surface(out).record
    except ResdepthError:
        return False
    expected = json.loads(json.dumps(request))
    return all(
        record.get(key) == expected[key] for key in expected.keys() - {"checkpoint", "batch"}
    )


def _fill(
    rendering: Rendering, coordinates: Array, partial: Partial, out: Path, report: Report
) -> None:
    """Evaluate the missing cells; save every few seconds and when interrupted."""
    saved = -math.inf
    size = rendering.request["batch"]
    batches = surface(rendering.objective, rendering.plane, coordinates, partial.done, size)
    report(int(partial.done.sum()), len(coordinates))
    try:
        for cells, values in batches:
            partial.values[cells] = values
            partial.done[cells] = True
            report(int(partial.done.sum()), len(coordinates))
            if time.monotonic() - saved > SAVE_EVERY:
                write_partial(out, partial)
                saved = time.monotonic()
    except BaseException:
        write_partial(out, partial)
        raise
