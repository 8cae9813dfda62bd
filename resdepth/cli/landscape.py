"""`resdepth landscape render` and `resdepth landscape vis`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from resdepth.cli import console, signals
from resdepth.cli.parameters import command, command_line
from resdepth.cli.picture import finish
from resdepth.cli.source import drawn_around
from resdepth.errors import OptionConflict, OptionInvalid
from resdepth.options.landscape import RenderInvocation, RenderOptions, VisInvocation, VisOptions

if TYPE_CHECKING:
    from resdepth.runs.surface import Surface

SUFFIX = ".npy"


def render(options: RenderOptions, call: RenderInvocation, given: frozenset[str]) -> int:
    """Evaluate the loss on a grid around trained weights along random directions.

    Writes the losses (.npy, float64) and a .json with the axes, the loss at the centre, and all
    that determines them. A surface that was interrupted goes on with --resume, to the same bits.
    """
    run, training, checkpoint = drawn_around(options.sources)
    out = _surface_path(options.out, run)
    with signals.deferred():
        from resdepth.experiment.landscape import render as evaluate
        from resdepth.experiment.objectives import Source
        from resdepth.records import as_json
        from resdepth.runs.surface import read_surface

    console.route_warnings()
    cells = Cells(call.quiet)
    try:
        paths = evaluate(Source(training, checkpoint), options, out, command_line(), cells)
    except KeyboardInterrupt:
        place = f" from cell {cells.done} of {cells.total}" if cells.total else ""
        console.say(f"interrupted; --resume goes on{place}")
        return signals.exit_code()
    finally:
        cells.close()
    if call.json_:
        finished = read_surface(out)
        print(as_json({**finished.record, "losses": finished.losses}))
    console.wrote(paths, aside=call.json_)
    return 0


def _surface_path(out: Path | None, run: Path | None) -> Path:
    out = out or (run or Path()) / f"landscape{SUFFIX}"
    return out if out.suffix == SUFFIX else out.with_name(out.name + SUFFIX)


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


def vis(options: VisOptions, call: VisInvocation, given: frozenset[str]) -> None:
    """Draw a loss surface: in three dimensions, as contours, or as lines through its middle.

    A picture that ends in .html is an interactive surface in one file that works offline.
    """
    from resdepth.figures import landscape, style
    from resdepth.runs.surface import read_surface

    console.route_warnings()
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
