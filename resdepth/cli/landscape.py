"""`resdepth landscape render`, `landscape trajectory` and `landscape vis`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resdepth.atomic import check_writable
from resdepth.cli import console, signals
from resdepth.cli.landscape_checks import checks, path_numbers
from resdepth.cli.landscape_picture import picture, shown_of, vis
from resdepth.cli.parameters import command, command_line
from resdepth.cli.picture import illustrate, origin_of
from resdepth.cli.source import drawn_around
from resdepth.errors import Usage
from resdepth.options.landscape import (
    SURFACE,
    RenderInvocation,
    RenderOptions,
    TrajectoryInvocation,
    TrajectoryOptions,
)
from resdepth.options.landscape_picture import SUFFIXES, VisInvocation, VisOptions
from resdepth.options.location import written_as

if TYPE_CHECKING:
    from resdepth.runs.surface import Surface

SUFFIX = ".npy"


def render(options: RenderOptions, call: RenderInvocation, given: frozenset[str]) -> int:
    """Evaluate the loss on a line or a grid around trained weights.

    The directions are random, normalised to the filters; the principal ones of the run's own
    checkpoints; the sharpest ones; or lead to the weights of other runs. Writes the losses (.npy,
    float64), the accuracies of a classification, and a .json with the axes, the loss at the centre,
    and everything that they depend on. An interrupted surface is resumed with --resume, to the same
    bits. Prints checks: norms and cosines of the directions, the loss at the centre and the run's
    own, and for a line to another run the barrier on the way.
    """
    run, training, checkpoint = drawn_around(options.sources)
    out = _surface_path(options.out, run)
    with signals.deferred():
        from resdepth.probing.loss_surface import render as evaluate
        from resdepth.probing.objectives import Source
        from resdepth.records import as_json

    source = Source(training, checkpoint)
    found = _evaluated(
        out, lambda cells: evaluate(source, options, out, command_line(), cells), call.quiet
    )
    if found is None:
        return signals.exit_code()
    surface, paths = found
    if call.json_:
        numbers = {"losses": surface.raw, "accuracies": surface.accuracies}
        print(as_json({**surface.record, **numbers}))
    console.wrote(paths, aside=call.json_)
    return 0


def trajectory(
    options: TrajectoryOptions, call: TrajectoryInvocation, given: frozenset[str]
) -> int:
    """Draw the path that training took on the plane that holds most of it.

    The plane is spanned by the principal directions of the run's checkpoints, through the last one.
    For each checkpoint, its own loss, the loss on the plane and its distance from the plane are
    recorded. Needs three checkpoints: train with --checkpoint-every.
    """
    from resdepth.runs.run import open_run

    if len(options.sources) != 1:
        raise Usage("SOURCES", "give one run", "resdepth landscape trajectory RUN")
    run = open_run(options.sources[0])
    figure = options.out or run.path / "trajectory.pdf"
    figure = written_as(figure, SUFFIXES, command="landscape trajectory")
    check_writable(figure)
    out = figure.with_suffix(SUFFIX)
    with signals.deferred():
        from resdepth.probing.checkpoint_plane import trajectory as evaluate
        from resdepth.records import as_json
        from resdepth.runs.surface import files_of

    found = _evaluated(
        out, lambda cells: evaluate(run, options, out, command_line(), cells), call.quiet
    )
    if found is None:
        return signals.exit_code()
    surface, paths = found
    if call.json_:
        print(as_json(path_numbers(surface)), flush=True)
    looks = VisOptions(surface=out, log=options.log, columns=options.columns)
    origin = origin_of(options, files_of(out))
    illustrate(
        lambda: picture(surface, shown_of(surface, looks), looks, "contour", figure, origin),
        figure,
        paths,
        origin,
        json=call.json_,
        show=options.show,
    )
    return 0


def _surface_path(out: Path | None, run: Path | None) -> Path:
    out = out or (run or Path()) / SURFACE
    if out.suffix.lower() in SUFFIXES:
        surface = out.with_suffix(SUFFIX)
        what = f"{out} names a picture, and this command writes the losses, a {SUFFIX}"
        remedy = f"--out {surface}, then 'resdepth landscape vis {surface} --out {out}'"
        raise Usage("out", what, remedy)
    return written_as(out, (SUFFIX,), command="landscape render")


def _evaluated(
    out: Path, evaluate: Callable[["Cells"], tuple[Path, ...]], quiet: bool
) -> tuple["Surface", tuple[Path, ...]] | None:
    """The surface at `out` after printing its checks, and its files; None if interrupted."""
    from resdepth.runs.surface import read_surface

    console.route_warnings()
    cells = Cells(quiet)
    try:
        paths = evaluate(cells)
    except KeyboardInterrupt:
        place = f" from cell {cells.done} of {cells.total}" if cells.total else ""
        console.say(f"interrupted; the same command with --resume goes on{place}")
        return None
    finally:
        cells.close()
    surface = read_surface(out)
    for line in checks(surface):
        console.say(line, quiet=quiet)
    return surface, paths


class Cells:
    """Shows how many cells of a surface are finished."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.done, self.total = quiet, 0, 0
        self.progress: Any = None

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` cells are finished."""
        from resdepth.cli.progress import Progress

        if self.progress is None:
            self.progress = Progress(done, total, quiet=self.quiet)
        self.done, self.total = done, total
        if self.progress.due(done):
            pace = self.progress.speed(done)
            self.progress.show(done, f"{done} of {total} cells, {pace:.3g} cells/s")

    def close(self) -> None:
        """Remove the bar."""
        if self.progress is not None:
            self.progress.close()


COMMANDS = {
    "render": command("landscape render", RenderOptions, RenderInvocation, render),
    "trajectory": command(
        "landscape trajectory", TrajectoryOptions, TrajectoryInvocation, trajectory
    ),
    "vis": command("landscape vis", VisOptions, VisInvocation, vis),
}
