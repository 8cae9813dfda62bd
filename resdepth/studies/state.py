"""How far a study is, read from its folder alone."""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from resdepth import html
from resdepth.errors import Missing, ResdepthError
from resdepth.options.base import flag_of
from resdepth.options.effect import effective
from resdepth.options.non_training import PLACE, RECORDING
from resdepth.options.programs import effective_options
from resdepth.options.train import TrainOptions
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.studies.cell import (
    COMPLAINT,
    LOGS,
    LOST,
    PROBE,
    busy,
    said,
    short,
    stop_path,
)
from resdepth.studies.plan import Cell, Plan
from resdepth.studies.worker import signal_name

State = Literal["queued", "running", "finished", "stopped", "diverged", "failed"]
PROGRESS = "resdepth.studies.progress"
"""It reads event files, for which it imports what a plain look at a study does not need."""
ENDED = ("finished", "diverged", "failed")
"""What `study run` leaves as it is."""


@dataclass(frozen=True)
class Row:
    """A cell of a study as it stands on disk.

    `steps` and `loss` are the newest known (None: nothing yet), `left` is the time that a running
    cell needs at most, in seconds. `reached` is the step at which the loss to stop at was there.
    `lost` says that the run folder is damaged or another run's, with which `study retry` cannot go
    on.
    """

    cell: str
    values: dict[str, Any]
    path: Path
    state: State
    steps: int | None = None
    loss: float | None = None
    reached: int | None = None
    left: float | None = None
    why: str = field(default="")
    lost: bool = False


class Rows(tuple[Row, ...]):
    """A row a cell, as a notebook shows them."""

    def _repr_html_(self) -> str:
        shown = [(row.cell, row.state, row.steps, row.loss, row.why) for row in self]
        return html.table(("cell", "state", "steps", "loss", ""), shown)


def table(plan: Plan) -> Rows:
    """A row a cell."""
    return Rows(row_of(plan, cell) for cell in plan.cells())


def row_of(plan: Plan, cell: Cell) -> Row:
    """Where one cell stands."""
    named = (cell.name, cell.values, cell.run)
    try:
        manifest = read_manifest(cell.run)
    except Missing:
        log = plan.folder / LOGS / f"{PROBE if plan.rateless else cell.name}.log"
        if why := said(log, COMPLAINT):
            return Row(*named, "failed", why=why)
        why = said(log, LOST)
        stopped = why or stop_path(plan.folder, cell.name).exists()
        return Row(*named, "stopped" if stopped else "queued", why=why)
    except ResdepthError as error:
        return Row(*named, "failed", why=str(error), lost=True)
    if other := _another(cell, manifest):
        return Row(*named, "failed", why=f"its folder holds a run of {other}", lost=True)
    steps, loss, detail = manifest.steps, manifest.final.get("loss"), manifest.detail
    if busy(cell.run):
        done, loss, left = import_module(PROGRESS).progress_of(cell)
        return Row(*named, "running", done, loss, left=left)
    if manifest.outcome == "finished" and short(manifest, cell.options.epochs):
        why = f"ended after {manifest.options['epochs']} of {cell.options.epochs} epochs"
        return Row(*named, "stopped", steps, loss, why=why)
    if manifest.outcome == "finished":
        return Row(
            *named, "finished", steps, loss, detail.get("reached"), why=_missed(cell, detail)
        )
    if manifest.outcome == "diverged":
        why = f"loss {detail.get('loss')} at step {detail.get('step')}"
        return Row(*named, "diverged", steps, why=why)
    if manifest.outcome == "failed":
        return Row(*named, "failed", steps, why=detail.get("error", ""))
    return Row(*named, "stopped", steps, loss, why=_interruption(plan, cell, manifest))


def _another(cell: Cell, manifest: Manifest) -> str:
    """In what a run is not the one that the plan has here, "" where it is."""
    if manifest.program != "train":
        return manifest.program
    recorded = effective_options(manifest.program, manifest.options)
    for name, value in effective(cell.options).recorded().items():
        # An option that the run does not know is younger than it.
        found = recorded.get(name, value)
        shorter = name == "epochs" and int(found) < int(value)
        if name not in (*PLACE, *RECORDING) and found != value and not shorter:
            return f"{flag_of(TrainOptions, name)}={found}, not {value}"
    return ""


def _missed(cell: Cell, detail: Any) -> str:
    goal = cell.options.stop_loss
    missed = goal is not None and "reached" not in detail
    return f"did not reach the loss {goal:g}" if missed else ""


def _interruption(plan: Plan, cell: Cell, manifest: Manifest) -> str:
    if stop_path(plan.folder, cell.name).exists():
        return "cancelled"
    number = manifest.detail.get("signal")
    if number:
        return f"interrupted by {signal_name(number)}"
    log = plan.folder / LOGS / f"{cell.name}.log"
    return said(log, LOST) or "its process was killed"
