"""The path of a training run over its plane, and its losses beside those of the plane."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.figures.contour import colour_bar, draw_path, fill, mark_places
from resdepth.figures.landscape import Array, Shown, note
from resdepth.runs.surface import Surface


@style.styled
def draw_trajectory(surface: Surface, shown: Shown, log: bool, columns: int = 1) -> Figure:
    """Contours with the path on them; below, loss and distance off the plane against the step."""
    drawn, axes, below = panels(surface, shown, log, columns)
    mark_places(axes, surface, shown)
    draw_path(axes, surface)
    drawn.legend(loc="outside upper left", ncols=3, handletextpad=0.4, columnspacing=1.0)
    losses(below, surface.trajectory or {}, log)
    return drawn


def panels(surface: Surface, shown: Shown, log: bool, columns: int) -> tuple[Figure, Axes, Axes]:
    """A figure with the filled contours, without marks, and an empty panel below them."""
    drawn = style.figure(columns, 3.8 if columns == 1 else 6.4)
    axes, below = drawn.subplots(2, height_ratios=(3, 1))
    fill(axes, surface, shown, shown.values, log)
    note(axes, surface, shown)
    colour_bar(drawn, [axes], surface, shown, log)
    return drawn, axes, below


def losses(axes: Axes, path: dict[str, Array], log: bool) -> None:
    """The checkpoints' own losses, those of the plane, and how far they lie off it."""
    steps = path["steps"]
    own: Any = axes.plot(steps, path["loss"], color=style.CATEGORIES[0], label="own loss")
    own += axes.plot(steps, path["plane_loss"], "--", color="black", label="of the plane")
    beside = axes.twinx()
    own += beside.plot(steps, path["distance"], ":", color=style.FAINT, label="distance")
    beside.spines["right"].set_visible(True)
    beside.set_ylabel("off the plane")
    beside.set_ylim(bottom=0)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(handles=own, fontsize=6, ncols=3, loc="lower left", bbox_to_anchor=(0.0, 0.98))
    for axis in (axes.yaxis, beside.yaxis):
        style.few_ticks(axis, 3)
    if log:
        axes.set_yscale("log")
        style.log_ticks(axes.yaxis, *axes.get_ylim(), 3)
