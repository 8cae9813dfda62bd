"""`resdepth landscape vis`, and the picture of a surface for the commands that make one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from resdepth.cli import console
from resdepth.cli.picture import finish
from resdepth.errors import AnalysisImpossible, OptionConflict, OptionInvalid
from resdepth.options.landscape import SURFACE
from resdepth.options.landscape_picture import (
    GRIDS,
    MOVING,
    PRINTED,
    SUFFIXES,
    SURFACES,
    VisInvocation,
    VisOptions,
)

if TYPE_CHECKING:
    from resdepth.runs.surface import Surface


def vis(options: VisOptions, call: VisInvocation, given: frozenset[str]) -> None:
    """Draw a loss surface: in three dimensions, as contours, or as lines through its middle.

    A picture that ends in .html is an interactive surface in one file that works offline; .vts
    (a surface) and .vti (a grid) are for ParaView; .gif and .mp4 show a trajectory growing.
    """
    from resdepth.figures import style
    from resdepth.runs.surface import read_surface

    console.route_warnings()
    options = options.model_copy(update={"surface": _surface_file(options.surface)})
    surface = read_surface(options.surface)
    kind = _kind(options, surface)
    default = options.surface.with_name(f"{options.surface.stem}_{kind}.pdf")
    out = style.output_path(options.out or default, SUFFIXES, command="landscape vis")
    _check(options, surface, kind, out)
    drawn, shown = picture(surface, options, kind, out)
    beside = out.with_suffix(".json")
    if beside == options.surface.with_suffix(".json"):
        # Never over the record that the surface is redrawn from.
        beside = out.with_name(f"{out.stem}_{kind}.json")
    finish(
        drawn,
        _numbers(surface, shown, options),
        out,
        json=call.json_,
        show=options.show,
        numbers_path=beside,
        written=[out] if drawn is None else [],
    )


def _surface_file(given: Path) -> Path:
    """The file itself, or of a run the surface that `landscape render` leaves there."""
    if not given.is_dir():
        return given
    inside = given / SURFACE
    if inside.is_file():
        return inside
    remedy = f"'resdepth landscape render {given}' makes one"
    raise AnalysisImpossible(path=given, reason=f"it holds no {SURFACE}", remedy=remedy)


def picture(surface: "Surface", options: VisOptions, kind: str, out: Path) -> tuple[Any, Any]:
    """The figure that is to be written at `out`, None where it is already, and what it shows."""
    from resdepth.figures import landscape

    shown = landscape.saturate(surface, options.clip, options.log, options.quantity)
    if shown.note:
        console.warn(f"{options.surface}: clipped: {shown.note}")
    return _drawn(surface, shown, options, kind, out), shown


def _drawn(surface: "Surface", shown: Any, options: VisOptions, kind: str, out: Path) -> Any:
    """The figure, or None where the file is written already."""
    suffix = out.suffix.lower()
    if suffix == ".html":
        from resdepth.figures.interactive import save_html

        save_html(surface, options.clip, options.log, out, options.quantity)
    elif suffix in (SURFACES, GRIDS):
        from resdepth.figures.paraview import save_grid

        save_grid(surface, shown, options.log, out)
    elif suffix in MOVING:
        from resdepth.figures.animation import save_animation

        save_animation(surface, shown, options.log, out, options.columns)
    else:
        from resdepth.figures import contour, line, relief, trajectory

        flat = trajectory.draw_trajectory if surface.trajectory else contour.draw_contour
        draw = {"surface": relief.draw_surface, "contour": flat, "line": line.draw_line}[kind]
        return draw(surface, shown, options.log, options.columns)
    return None


def _kind(options: VisOptions, surface: "Surface") -> str:
    flat = surface.losses.ndim == 1
    if flat and options.kind in ("surface", "contour"):
        reason = f"'{options.kind}' needs two directions, {options.surface} has one"
        raise OptionConflict(flag="--kind", reason=reason, remedy="--kind line")
    if options.kind or flat:
        return options.kind or "line"
    if options.suffix not in PRINTED:
        return "surface"
    return "contour" if surface.trajectory or surface.several else "surface"


def _check(options: VisOptions, surface: "Surface", kind: str, out: Path) -> None:
    suffix = out.suffix.lower()
    if suffix not in PRINTED and kind != "surface":
        what = "a surface to turn" if suffix == ".html" else "a surface or its path"
        reason = f"an {suffix} is {what}, not a {kind}"
        raise OptionInvalid(flag="--out", reason=reason, command="landscape vis")


def _numbers(surface: "Surface", shown: Any, options: VisOptions) -> dict[str, object]:
    from resdepth.figures.landscape import best

    name, place, value = best(surface, shown)
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
