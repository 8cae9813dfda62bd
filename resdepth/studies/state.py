"""The progress of a study, read from its folder alone."""

import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from resdepth import html
from resdepth.errors import Missing, ResdepthError
from resdepth.options.programs import PLACE, RECORDING
from resdepth.runs.lock import busy
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.studies.cell import COMPLAINT, LOST, PROBE, log_path, said, short, stop_path
from resdepth.studies.plan import Cell, Plan
from resdepth.studies.worker import signal_name

State = Literal["queued", "running", "finished", "stopped", "diverged", "failed"]
EVENTS = "resdepth.runs.events"
"""Imported only for running cells: it imports TensorBoard."""
ENDED = ("finished", "diverged", "failed")
"""Cells that `study run` does not train again."""


@dataclass(frozen=True)
class Row:
    """The state of a cell.

    `steps` and `loss` are the newest known (None: none yet); `left` are the seconds that a running
    cell needs at most; `reached` is the step that reached `stop_loss`. `lost`: `study retry` cannot
    resume it, because the folder is damaged or holds another run.
    """

    cell: str
    values: dict[str, Any]
    path: Path
    state: State
    steps: int | None = None
    loss: float | None = None
    reached: int | None = None
    left: float | None = None
    why: str = ""
    lost: bool = False

    def __str__(self) -> str:
        parts = [self.cell, self.state]
        if self.steps is not None and self.state != "failed":
            parts.append(f"step {self.steps}")
        if self.loss is not None:
            parts.append(f"loss {self.loss:.4g}")
        if self.left is not None:
            minutes, seconds = divmod(int(self.left), 60)
            parts.append(f"{minutes}:{seconds:02d} left")
        return "  ".join([*parts, *([self.why] if self.why else [])])


class Rows(tuple[Row, ...]):
    """One row per cell, which notebooks show as a table."""

    def _repr_html_(self) -> str:
        shown = [(row.cell, row.state, row.steps, row.loss, row.why) for row in self]
        return html.table(("cell", "state", "steps", "loss", ""), shown)


def table(plan: Plan) -> Rows:
    """One row per cell."""
    return Rows(row_of(plan, cell) for cell in plan.cells())


def row_of(plan: Plan, cell: Cell) -> Row:
    """The state of one cell."""
    named = (cell.name, cell.values, cell.run)
    try:
        manifest = read_manifest(cell.run)
    except Missing:
        log = log_path(plan.folder, PROBE if plan.rateless else cell.name)
        if why := said(log, COMPLAINT):
            return Row(*named, "failed", why=why)
        why = said(log, LOST)
        stopped = why or stop_path(plan.folder, cell.name).exists()
        return Row(*named, "stopped" if stopped else "queued", why=why)
    except ResdepthError as error:
        return Row(*named, "failed", why=str(error), lost=True)
    if other := _another(plan.program, cell, manifest):
        return Row(*named, "failed", why=f"its folder holds a run of {other}", lost=True)
    steps, final, detail = manifest.steps, manifest.final, manifest.detail
    loss = final.get("loss", final.get("val/loss"))
    if busy(cell.run):
        done, loss, left = _progress(cell)
        return Row(*named, "running", done, loss, left=left)
    if manifest.outcome == "finished" and short(manifest, cell.options.epochs):
        why = f"ended after {manifest.options['epochs']} of {cell.options.epochs} epochs"
        return Row(*named, "stopped", steps, loss, why=why)
    if manifest.outcome == "finished":
        goal, reached = getattr(cell.options, "stop_loss", None), detail.get("reached")
        why = "" if goal is None or reached is not None else f"did not reach the loss {goal:g}"
        return Row(*named, "finished", steps, loss, reached, why=why)
    if manifest.outcome == "diverged":
        why = f"loss {detail.get('loss')} at step {detail.get('step')}"
        return Row(*named, "diverged", steps, why=why)
    if manifest.outcome == "failed":
        return Row(*named, "failed", steps, why=detail.get("error", ""))
    if stop_path(plan.folder, cell.name).exists():
        why = "cancelled"
    elif number := detail.get("signal"):
        why = f"interrupted by {signal_name(number)}"
    else:
        why = said(log_path(plan.folder, cell.name), LOST) or "its process was killed"
    return Row(*named, "stopped", steps, loss, why=why)


def _another(program: str, cell: Cell, manifest: Manifest) -> str:
    """How a run differs from the planned one, "" if it does not."""
    if manifest.program != program:
        return manifest.program
    for name, value in cell.options.recorded().items():
        # An option that the run does not have was introduced later.
        found = manifest.options.get(name, value)
        shorter = name == "epochs" and int(found) < int(value)
        if name not in (*PLACE, *RECORDING) and found != value and not shorter:
            return f"`{name}={found}`, not {value}"
    return ""


def _progress(cell: Cell) -> tuple[int | None, float | None, float | None]:
    """The newest step and loss on disk, and the seconds that it needs at most; None if unknown."""
    events = import_module(EVENTS)
    files = events.event_files(cell.run)
    try:
        steps, losses = events.read_scalars(files[-1])["loss"]
    except (IndexError, KeyError, ResdepthError):
        return None, None, None
    done, first, left = int(steps[-1]), int(steps[0]), None
    if cell.options.batch_size is None and done > first:
        # The time of the first record is in the file's name, that of the last is its last change.
        written = files[-1].stat().st_mtime
        pace = (written - int(files[-1].name.split(".")[3])) / (done - first)
        left = max(0.0, (cell.options.epochs - done) * pace - (time.time() - written))
    return done, float(losses[-1]), left
