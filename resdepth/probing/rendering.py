"""A surface in the making: its cells evaluated, saved now and then, written when they are whole.

An unfinished surface lies in a hidden file beside the result, with an explicit mask of its cells.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resdepth.engine.grid import MEASURES, Plane, surface
from resdepth.engine.objective import Objective
from resdepth.errors import ResdepthError
from resdepth.runs.partial import Partial, discard, read_partial, write_partial
from resdepth.runs.surface import read_surface, write_surface

Array = NDArray[np.float64]
Report = Callable[[int, int], None]
"""Told the finished and all cells."""

SAVE_EVERY = 5.0
"""Seconds between two saves of an unfinished surface; the first is made at once."""


@dataclass(frozen=True)
class Rendering:
    """A surface about to be evaluated.

    `plane` has a direction for each of `axes`, and that `pairs` times over; `further` (k, its
    directions) are the coordinates of more points. `request` is what the values depend on, in
    JSON's types, `record` what else is known of them.
    """

    objective: Objective
    plane: Plane
    axes: tuple[Array, ...]
    request: dict[str, Any]
    pairs: int = 1
    further: Array = field(default_factory=lambda: np.empty((0, 0)))
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis, after the number of pairs where there are several."""
        lead = (self.pairs,) if self.pairs > 1 else ()
        return (*lead, *(len(axis) for axis in self.axes))

    @property
    def cells(self) -> int:
        """How many there are, without the centre and what else is evaluated."""
        return math.prod(self.shape)

    def coordinates(self) -> Array:
        """Those of the cells, row-major, of the centre, and of the further points."""
        grid = np.meshgrid(*self.axes, indexing="ij")
        points = np.stack([part.ravel() for part in grid], axis=1)
        each, dimensions = points.shape
        cells = np.zeros((self.pairs, each, self.pairs * dimensions))
        for pair in range(self.pairs):
            cells[pair, :, pair * dimensions : (pair + 1) * dimensions] = points
        width = self.pairs * dimensions
        return np.concatenate(
            [cells.reshape(-1, width), np.zeros((1, width)), self.further.reshape(-1, width)]
        )


@dataclass(frozen=True)
class Values:
    """What was measured: cells (*shape, measures), the centre and the further points likewise."""

    cells: Array
    centre: Array
    further: Array


def evaluate(rendering: Rendering, out: Path, resume: bool, report: Report) -> Values | None:
    """Evaluate all cells; None where `out` is already the surface that is asked for.

    With `resume` an unfinished surface at `out` is continued and ends in the same bits.

    Raises
    ------
    Usage
        The unfinished surface was asked for with other options.
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
    cells = partial.values[: rendering.cells].reshape(*rendering.shape, -1)
    return Values(
        cells, _centre(rendering, cells, partial.values), partial.values[rendering.cells + 1 :]
    )


def write(rendering: Rendering, values: Values, out: Path, record: Mapping[str, Any]) -> None:
    """Write the losses, the accuracies where there are some, and their record."""
    losses, accuracies = values.cells[..., 0], values.cells[..., 1]
    regression = bool(np.isnan(values.centre[1]))
    said = {
        "axes": list(rendering.axes),
        "pairs": rendering.pairs,
        "centre_loss": values.centre[0],
        "centre_accuracy": None if regression else values.centre[1],
        **rendering.record,
        **rendering.request,
        **record,
    }
    write_surface(out, losses, said, None if regression else accuracies)
    discard(out)


def begun(out: Path, resume: bool) -> dict[str, Any]:
    """The request of an unfinished surface that is gone on with; empty where there is none."""
    partial = read_partial(out) if resume else None
    return partial.request if partial else {}


def _centre(rendering: Rendering, cells: Array, values: Array) -> Array:
    """The centre, or the cell that lies on it: one value, whatever its place in a batch."""
    at = [np.flatnonzero(axis == 0.0) for axis in rendering.axes]
    if all(len(places) for places in at):
        place = tuple(int(places[0]) for places in at)
        found: Array = cells[0][place] if rendering.pairs > 1 else cells[place]
        return found
    return np.asarray(values[rendering.cells])


def _finished(out: Path, request: dict[str, Any]) -> bool:
    """Whether the surface at `out` is whole and the one that is asked for."""
    try:
        record = read_surface(out).record
    except ResdepthError:
        return False
    wanted = json.loads(json.dumps(request))
    return all(record.get(key) == wanted[key] for key in wanted.keys() - {"checkpoint", "batch"})


def _fill(
    rendering: Rendering, coordinates: Array, partial: Partial, out: Path, report: Report
) -> None:
    """Evaluate what is missing; what is done is saved now and then, and when interrupted."""
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
