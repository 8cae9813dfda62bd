"""`resdepth landscape render` and `resdepth landscape vis`."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from resdepth.cli import console
from resdepth.cli.parameters import command, command_line
from resdepth.cli.picture import finish, route_warnings
from resdepth.errors import NotARun, OptionConflict, OptionInvalid, PathMissing
from resdepth.options.landscape import RenderInvocation, RenderOptions, VisInvocation, VisOptions
from resdepth.options.resolve import resolve
from resdepth.options.train import TrainOptions
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.manifest import read_manifest

if TYPE_CHECKING:
    from resdepth.analysis.surface import Surface

SUFFIX = ".npy"
PLAIN = 10.0
"""Seconds between two lines of progress where there is no terminal."""


def render(options: RenderOptions, call: RenderInvocation, given: frozenset[str]) -> int:
    """Evaluate the loss on a grid around trained weights along random directions.

    Writes the losses (.npy, float64) and a .json with the axes, the loss at the centre, and all
    that determines them. A surface that was interrupted goes on with --resume, to the same bits.
    """
    out = _surface_path(options)
    training, checkpoint = _source(options)
    from resdepth.analysis.landscape import Source
    from resdepth.analysis.landscape import render as evaluate
    from resdepth.analysis.numbers import as_json
    from resdepth.analysis.surface import read_surface

    route_warnings()
    signal.signal(signal.SIGTERM, _terminate)
    source = Source(training, checkpoint)
    with Cells(call.quiet) as cells:
        try:
            paths = evaluate(source, options, out, command_line(), cells)
        except KeyboardInterrupt as stop:
            place = f" from cell {cells.done} of {cells.total}" if cells.total else ""
            console.say(f"interrupted; --resume goes on{place}")
            return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)
    if call.json_:
        finished = read_surface(out)
        print(as_json({**finished.record, "losses": finished.losses}))
    console.wrote(paths, aside=call.json_)
    return 0


class Terminated(KeyboardInterrupt):
    """SIGTERM came: it ends the work as Ctrl-C does, with another exit code."""


def _terminate(number: int, frame: Any) -> NoReturn:
    raise Terminated


def _surface_path(options: RenderOptions) -> Path:
    out = options.out or (options.run or Path()) / f"landscape{SUFFIX}"
    return out if out.suffix == SUFFIX else out.with_name(out.name + SUFFIX)


def _source(options: RenderOptions) -> tuple[TrainOptions, Path]:
    """The options of the run and the checkpoint to draw around."""
    if (options.run is None) == (options.config_path is None):
        raise OptionConflict(
            flag="RUN",
            reason="give a run folder or --config-path, one of the two",
            remedy="resdepth landscape render RUN",
        )
    config = options.config_path
    run = options.run
    if config is not None and (config.name == MANIFEST or config.is_dir()):
        run = config if config.is_dir() else config.parent
    if run is None and config is not None:
        if not config.is_file():
            raise PathMissing(path=config, kind="file")
        training = resolve(TrainOptions, {}, config, command="landscape render")
    else:
        training = _options_of(run or Path())
    checkpoint = options.checkpoint_path or (_last_checkpoint(run) if run is not None else None)
    if checkpoint is None:
        reason = f"is needed: {config} does not say where the weights are"
        raise OptionConflict(flag="--checkpoint-path", reason=reason, remedy="or give a run folder")
    return training, checkpoint


def _options_of(run: Path) -> TrainOptions:
    if not run.exists():
        raise PathMissing(path=run, kind="run folder")
    manifest = read_manifest(run)
    if manifest.program != "train":
        raise NotARun(path=run, reason=f"it was written by 'resdepth {manifest.program}'")
    return resolve(TrainOptions, manifest.options, command="train")


def _last_checkpoint(run: Path) -> Path | None:
    from resdepth.runs.checkpoint import checkpoints, last_path

    found = checkpoints(run)
    if not found:
        raise PathMissing(path=last_path(run), kind="checkpoint")
    return found[max(found)]


class Cells:
    """How far a surface is: a bar with the time left, or a plain line now and then."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.done, self.total = quiet, 0, 0
        self.first, self.began, self.shown = 0, 0.0, 0.0
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> "Cells":
        return self

    def __exit__(self, *failure: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` cells have their loss."""
        if not self.total:
            self._start(done, total)
        self.done, self.total = done, total
        now = time.monotonic()
        if self.bar is not None:
            self.bar.update(self.task, completed=done)
        elif not self.quiet and (now - self.shown > PLAIN or done == total):
            self.shown = now
            pace = (done - self.first) / max(now - self.began, 1e-9)
            left = int((total - done) / pace) if pace > 0 else 0
            ahead = f", {left // 60}:{left % 60:02d} left" if done < total else ""
            console.say(f"{done} of {total} cells, {pace:.3g} cells/s{ahead}")

    def _start(self, done: int, total: int) -> None:
        self.first, self.began = done, time.monotonic()
        self.shown = self.began
        if console.interactive() and not self.quiet:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            columns = (MofNCompleteColumn(), BarColumn(bar_width=20), TimeRemainingColumn())
            self.bar = Progress(*columns, console=Console(stderr=True), refresh_per_second=5)
            self.task = self.bar.add_task("cells", total=total)
            self.bar.start()


def vis(options: VisOptions, call: VisInvocation, given: frozenset[str]) -> None:
    """Draw a loss surface: in three dimensions, as contours, or as lines through its middle.

    A picture that ends in .html is an interactive surface in one file that works offline.
    """
    from resdepth.analysis.surface import read_surface
    from resdepth.figures import landscape, style

    route_warnings()
    surface = read_surface(options.surface)
    kind = _kind(options, surface)
    default = options.surface.with_name(f"{options.surface.stem}_{kind}.pdf")
    suffixes = (*style.SUFFIXES, ".html")
    out = style.output_path(options.out or default, suffixes, command="landscape vis")
    shown = landscape.saturate(surface, options.clip, options.log)
    numbers = _numbers(surface, shown, options)
    beside = out.with_suffix(".json")
    if beside == options.surface.with_suffix(".json"):
        # Never over the record that the surface is redrawn from.
        beside = out.with_name(f"{out.stem}_{kind}.json")
    if out.suffix == ".html":
        _save_html(options, surface, shown, kind, out)
        finish(None, numbers, out, json=call.json_, numbers_path=beside, written=[out])
        return
    draw = {
        "surface": landscape.draw_surface,
        "contour": landscape.draw_contour,
        "line": landscape.draw_line,
    }[kind]
    drawn = draw(surface, shown, options.log, options.columns)
    if shown.note:
        console.warn(f"{options.surface}: clipped: {shown.note}")
    finish(drawn, numbers, out, json=call.json_, show=options.show, numbers_path=beside)


def _kind(options: VisOptions, surface: "Surface") -> str:
    flat = surface.losses.ndim == 1
    if flat and options.kind in ("surface", "contour"):
        reason = f"'{options.kind}' needs two directions, {options.surface} has one"
        raise OptionConflict(flag="--kind", reason=reason, remedy="--kind line")
    return options.kind or ("line" if flat else "surface")


def _save_html(options: VisOptions, surface: "Surface", shown: Any, kind: str, out: Path) -> None:
    from resdepth.figures.interactive import save_html

    if kind != "surface":
        reason = f"an .html is a surface to turn, not a {kind}"
        raise OptionInvalid(flag="--out", reason=reason, command="landscape vis")
    if options.show:
        remedy = "open the file in a browser"
        raise OptionConflict(flag="--show", reason="does not open an .html", remedy=remedy)
    save_html(surface, shown, options.log, out)


def _numbers(surface: "Surface", shown: Any, options: VisOptions) -> dict[str, object]:
    lowest = surface.minimum()
    place = [float(axis[i]) for axis, i in zip(surface.axes, lowest, strict=True)]
    return {
        "surface": surface.path,
        "log": options.log,
        "clip": options.clip,
        "clipped_above": shown.above,
        "clipped_below": shown.below,
        "minimum": {"loss": surface.losses[lowest], "index": lowest, "coordinates": place},
        "centre_loss": surface.centre_loss,
        "axes": surface.axes,
        "losses": surface.losses,
    }


COMMANDS = {
    "render": command("landscape render", RenderOptions, RenderInvocation, render),
    "vis": command("landscape vis", VisOptions, VisInvocation, vis),
}
