"""`resdepth landscape vis`, and the picture of a surface for the commands that make one."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resdepth.atomic import check_writable
from resdepth.cli import console
from resdepth.cli.parameters import command
from resdepth.cli.picture import finish, origin_of
from resdepth.errors import Impossible, Usage
from resdepth.options.base import AnalysisInvocation
from resdepth.options.landscape import GRIDS, MOVING, SUFFIXES, SURFACE, SURFACES, VisOptions
from resdepth.options.location import PICTURES, written_as

if TYPE_CHECKING:
    from resdepth.figures.surface_values import Shown
    from resdepth.runs.provenance import Provenance
    from resdepth.runs.surface import Surface


@command("landscape vis")
def vis(options: VisOptions, call: AnalysisInvocation) -> None:
    """Draw a loss surface: in three dimensions, as contour lines, or as lines through its centre.

    An .html file is an interactive surface that works offline. .vts (a surface) and .vti (a grid)
    are for ParaView. A .gif shows the path of training growing.
    """
    from resdepth.runs.surface import files_of, read_surface

    console.route_warnings()
    options = options.model_copy(update={"surface": _surface_file(options.surface)})
    surface = read_surface(options.surface)
    kind = _kind(options, surface)
    default = options.surface.with_name(f"{options.surface.stem}_{kind}.pdf")
    out = written_as(options.out or default, SUFFIXES)
    if out.suffix.lower() not in PICTURES and kind != "surface":
        what = (
            "an interactive surface" if out.suffix.lower() == ".html" else "a surface or its path"
        )
        remedy = "see 'resdepth landscape vis --help' for the range of every option"
        raise Usage("out", f"an {out.suffix.lower()} is {what}, not a {kind}", remedy)
    beside = out.with_suffix(".json")
    if beside == options.surface.with_suffix(".json"):
        # Never overwrite the record of the surface.
        beside = out.with_name(f"{out.stem}_{kind}.json")
    check_writable(out, beside)
    shown = shown_of(surface, options)
    origin = origin_of(options, files_of(surface.path))
    draw, numbers = partial(picture, shown, options, kind, out, origin), _numbers(shown, options)
    finish(draw, numbers, out, origin, call, show=options.show, numbers_path=beside)


def _surface_file(given: Path) -> Path:
    """The file itself, or the surface that `landscape render` wrote into a run."""
    if not given.is_dir():
        return given
    inside = given / SURFACE
    if inside.is_file():
        return inside
    remedy = f"'resdepth landscape render {given}' makes one"
    raise Impossible(given, f"it holds no {SURFACE}", remedy)


def shown_of(surface: "Surface", options: VisOptions) -> "Shown":
    """The values that a picture shows; warns if some are clipped."""
    from resdepth.figures import surface_values

    shown = surface_values.saturate(surface, options.clip, options.log, options.quantity)
    if shown.note:
        console.warn(f"{options.surface}: clipped: {shown.note}")
    return shown


def picture(shown: "Shown", options: VisOptions, kind: str, out: Path, origin: "Provenance") -> Any:
    """The figure, or [out] if its file is written here."""
    suffix = out.suffix.lower()
    if suffix == ".html":
        from resdepth.figures.interactive import save_html

        save_html(shown, out, origin)
    elif suffix in (SURFACES, GRIDS):
        from resdepth.figures.paraview import save_grid

        save_grid(shown, out, origin)
    elif suffix in MOVING:
        from resdepth.figures.trajectory import save_animation

        save_animation(shown, out, options.columns, origin)
    else:
        from resdepth.figures import contour, relief, trajectory

        flat = trajectory.draw_trajectory if shown.surface.trajectory else contour.draw_contour
        draw = {"surface": relief.draw_surface, "contour": flat, "line": relief.draw_line}[kind]
        return draw(shown, options.columns)
    return [out]


def _kind(options: VisOptions, surface: "Surface") -> str:
    flat = surface.losses.ndim == 1
    if flat and options.kind in ("surface", "contour"):
        what = f"'{options.kind}' needs two directions, {options.surface} has one"
        raise Usage("kind", what, "--kind line")
    if options.kind or flat:
        return options.kind or "line"
    if options.suffix not in PICTURES:
        return "surface"
    return "contour" if surface.trajectory or surface.several else "surface"


def _numbers(shown: "Shown", options: VisOptions) -> dict[str, object]:
    surface = shown.surface
    name, place, value = shown.best
    coordinates = [float(axis[i]) for axis, i in zip(surface.axes, place, strict=True)]
    return {
        "surface": surface.path,
        "quantity": options.quantity,
        "log": options.log,
        "clip": options.clip,
        "clipped_above": shown.above,
        "clipped_below": shown.below,
        name: {options.quantity: value, "index": place, "coordinates": coordinates},
        "centre_loss": surface.centre_loss,
        "axes": surface.axes,
        "losses": surface.raw,
        "accuracies": surface.accuracies,
    }
