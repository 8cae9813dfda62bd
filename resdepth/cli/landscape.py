"""`resdepth landscape render`, `landscape trajectory` and `landscape vis`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resdepth.cli import console, signals
from resdepth.cli.landscape_picture import SUFFIXES, picture, vis
from resdepth.cli.parameters import command, command_line
from resdepth.cli.picture import open_window
from resdepth.cli.source import drawn_around
from resdepth.errors import OptionConflict
from resdepth.options.landscape import (
    RenderInvocation,
    RenderOptions,
    TrajectoryInvocation,
    TrajectoryOptions,
    VisInvocation,
    VisOptions,
)

if TYPE_CHECKING:
    from resdepth.runs.surface import Surface

SUFFIX = ".npy"


def render(options: RenderOptions, call: RenderInvocation, given: frozenset[str]) -> int:
    """Evaluate the loss on a grid around trained weights.

    The directions are random, normalised to the filters; the principal ones of the run's own
    checkpoints; the sharpest ones; or lead to the weights of other runs. Writes the losses (.npy,
    float64), the accuracies of a classification, and a .json with the axes, the loss at the centre,
    and all that determines them. A surface that was interrupted goes on with --resume, to the same
    bits. Checks are printed: norms and cosines of the directions, the centre's loss beside the
    run's own, and of a line to another run the barrier on the way.
    """
    run, training, checkpoint = drawn_around(options.sources)
    out = _surface_path(options.out, run)
    with signals.deferred():
        from resdepth.experiment.landscape import render as evaluate
        from resdepth.experiment.objectives import Source
        from resdepth.records import as_json
        from resdepth.runs.surface import read_surface

    console.route_warnings()
    paths = _evaluated(
        lambda cells: evaluate(Source(training, checkpoint), options, out, command_line(), cells),
        call.quiet,
    )
    if paths is None:
        return signals.exit_code()
    surface = read_surface(out)
    for line in checks(surface):
        console.say(line, quiet=call.quiet)
    if call.json_:
        numbers = {"losses": surface.raw, "accuracies": surface.accuracies}
        print(as_json({**surface.record, **numbers}))
    console.wrote(paths, aside=call.json_)
    return 0


def trajectory(
    options: TrajectoryOptions, call: TrajectoryInvocation, given: frozenset[str]
) -> int:
    """Draw the path that training took on the plane that holds most of it.

    The plane is that of the principal directions of the run's checkpoints, through the last one.
    At each checkpoint stands its own loss beside that of the plane, and how far off the plane it
    lies. Needs three checkpoints: train with --checkpoint-every.
    """
    from resdepth.figures import style
    from resdepth.runs.run import open_run

    if len(options.sources) != 1:
        raise OptionConflict(
            flag="SOURCES", reason="give one run", remedy="resdepth landscape trajectory RUN"
        )
    run = open_run(options.sources[0])
    at = style.output_path(
        options.out or run.path / "trajectory.pdf", SUFFIXES, command="landscape trajectory"
    )
    out = at.with_suffix(SUFFIX)
    with signals.deferred():
        from resdepth.experiment.trajectory import trajectory as evaluate
        from resdepth.records import as_json
        from resdepth.runs.surface import read_surface

    console.route_warnings()
    paths = _evaluated(lambda cells: evaluate(run, options, out, command_line(), cells), call.quiet)
    if paths is None:
        return signals.exit_code()
    surface = read_surface(out)
    for line in checks(surface):
        console.say(line, quiet=call.quiet)
    looks = VisOptions(surface=out, log=options.log, columns=options.columns)
    drawn, _ = picture(surface, looks, "contour", at)
    if drawn is not None:
        style.save(drawn, at)
    if call.json_:
        print(as_json(_path_numbers(surface)))
    console.wrote([at, *paths], aside=call.json_)
    if options.show and drawn is not None:
        open_window(drawn, at)
    return 0


def _path_numbers(surface: "Surface") -> dict[str, Any]:
    path = surface.trajectory or {}
    names = ("steps", "coordinates", "loss", "plane_loss", "distance")
    numbers: dict[str, Any] = {name: path[name] for name in names}
    numbers["steps"] = path["steps"].astype(int)
    return {"explained": surface.record["explained"], **numbers}


def checks(surface: "Surface") -> list[str]:
    """What tells whether a picture can be trusted, in words."""
    record, found = surface.record, []
    if "norm_ratios" in record:
        ratios = ", ".join(f"{ratio:.6g}" for ratio in record["norm_ratios"][:8])
        found.append(f"norms of the directions over that of the weights they move: {ratios}")
        cosines = [row[i + 1] for i, row in enumerate(record["cosines"][:-1])][::2]
        if cosines:
            words = ", ".join(f"{cosine:.3g}" for cosine in cosines[:8])
            found.append(f"cosines of the directions: {words}")
    if "spans" in record and record.get("span") == "auto":
        words = ", ".join(f"{span:.4g}" for span in record["spans"])
        found.append(f"spans that --span auto found: {words}")
    centre, own = record["centre_loss"], record.get("run_loss")
    beside = "the run recorded none of these data" if own is None else f"the run's own {own:.8g}"
    found.append(f"loss at the centre {centre:.8g}; {beside}")
    return [*found, *_barriers(surface), *_path_words(surface)]


def _barriers(surface: "Surface") -> list[str]:
    """How high the loss rises between two minima above the straight line between their losses."""
    record = surface.record
    if record.get("kind") != "runs" or surface.losses.ndim != 1:
        return []
    (axis,), (other,) = surface.axes, record["mark_losses"]
    inside = (axis >= 0.0) & (axis <= 1.0)
    line = (1.0 - axis) * record["centre_loss"] + axis * other
    barrier = max(0.0, float((surface.losses - line)[inside].max(initial=0.0)))
    return [f"loss at the other weights {other:.8g}; barrier on the way {barrier:.6g}"]


def _path_words(surface: "Surface") -> list[str]:
    path = surface.trajectory
    if path is None:
        return []
    first, second = (100 * share for share in surface.record["explained"])
    farthest = int(path["distance"].argmax())
    gaps = abs(path["loss"] - path["plane_loss"])
    worst = int(gaps.argmax())
    return [
        f"{len(path['steps'])} checkpoints; the plane explains {first:.4g} % + {second:.4g} %",
        f"farthest off the plane: {path['distance'][farthest]:.4g} at step "
        f"{path['steps'][farthest]:.0f}; widest gap of the losses: {gaps[worst]:.4g} at step "
        f"{path['steps'][worst]:.0f}",
    ]


def _surface_path(out: Path | None, run: Path | None) -> Path:
    out = out or (run or Path()) / f"landscape{SUFFIX}"
    return out if out.suffix == SUFFIX else out.with_name(out.name + SUFFIX)


def _evaluated(
    evaluate: Callable[["Cells"], tuple[Path, ...]], quiet: bool
) -> tuple[Path, ...] | None:
    """What was written; None where it was interrupted, which is said."""
    cells = Cells(quiet)
    try:
        return evaluate(cells)
    except KeyboardInterrupt:
        place = f" from cell {cells.done} of {cells.total}" if cells.total else ""
        console.say(f"interrupted; --resume goes on{place}")
        return None
    finally:
        cells.close()


class Cells:
    """How far a surface is."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.done, self.total = quiet, 0, 0
        self.progress: Any = None

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` cells have their loss."""
        from resdepth.cli.progress import Progress

        if self.progress is None:
            self.progress = Progress(done, total, quiet=self.quiet)
        self.done, self.total = done, total
        if self.progress.due(done):
            pace = self.progress.speed(done)
            self.progress.show(done, f"{done} of {total} cells, {pace:.3g} cells/s")

    def close(self) -> None:
        """Take the bar away."""
        if self.progress is not None:
            self.progress.close()


COMMANDS = {
    "render": command("landscape render", RenderOptions, RenderInvocation, render),
    "trajectory": command(
        "landscape trajectory", TrajectoryOptions, TrajectoryInvocation, trajectory
    ),
    "vis": command("landscape vis", VisOptions, VisInvocation, vis),
}
