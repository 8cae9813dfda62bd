"""Evaluate a loss surface cell by cell, save the unfinished surface, and write the finished one."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.engine.objective import MEASURES, Objective, Plane, surface
from resdepth.mathematics import Array
from resdepth.runs.surface import (
    Partial,
    partial_path,
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


def evaluate(rendering: Rendering, out: Path, partial: Partial | None, report: Report) -> Array:
    """Loss and accuracy (rows, 2) at all `coordinates`; those of `partial` are not repeated.

    What is finished is saved every few seconds and when interrupted. A resumed surface has the bits
    of an uninterrupted one. Raises Usage if `partial` was made with other options.
    """
    coordinates, request = rendering.coordinates(), rendering.request
    if partial:
        partial.check_same(out, request, len(coordinates))
    else:
        values = np.full((len(coordinates), len(MEASURES)), np.nan)
        partial = Partial(request, values, np.zeros(len(coordinates), dtype=bool))
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


def write(rendering: Rendering, values: Array, out: Path) -> None:
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
    }
    write_surface(out, losses, whole, None if regression else accuracies)
    partial_path(out).unlink(missing_ok=True)
