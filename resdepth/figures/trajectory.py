"""The path of a training run over its plane, with its losses: as a figure, or growing as a .gif."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from resdepth.atomic import write_whole
from resdepth.errors import Impossible
from resdepth.figures import style
from resdepth.figures.contour import colour_bar, draw_path, fill, mark_places, top_legend
from resdepth.figures.parts import few_ticks, log_axis
from resdepth.figures.surface_values import PATH, Shown
from resdepth.mathematics import Array
from resdepth.runs.provenance import Provenance

FRAMES, PER_SECOND, HOLD = 300, 15, 15
"""Frames at most, frames per second, and frames for which the last one stays."""
DOTS = 150  # dots per inch of a frame


@style.styled
def draw_trajectory(shown: Shown, columns: int = 1) -> Figure:
    """Draw contours with the path; below, loss and distance from the plane against the step."""
    drawn, axes, below = _panels(shown, columns)
    mark_places(axes, shown)
    draw_path(axes, shown)
    top_legend(drawn)
    _draw_losses(below, shown)
    return drawn


def _panels(shown: Shown, columns: int) -> tuple[Figure, Axes, Axes]:
    """A figure with the filled contours, without marks, and an empty panel below them."""
    drawn = style.figure(columns, 3.8 if columns == 1 else 6.4)
    axes, below = drawn.subplots(2, height_ratios=(3, 1))
    fill(axes, shown, shown.values)
    shown.write_conditions(axes)
    colour_bar(drawn, [axes], shown)
    return drawn, axes, below


def _draw_losses(axes: Axes, shown: Shown) -> None:
    path = shown.surface.trajectory or {}
    steps = path["steps"]
    own: Any = axes.plot(steps, path["loss"], color=style.CATEGORIES[0], label="at the checkpoint")
    own += axes.plot(steps, path["plane_loss"], "--", color="black", label="on the plane")
    right = axes.twinx()
    own += right.plot(steps, path["distance"], ":", color=style.FAINT, label="distance")
    right.spines["right"].set_visible(True)
    right.set(ylabel="distance from the plane", ylim=(0, None))
    axes.set(xlabel="step", ylabel="loss")
    axes.legend(handles=own, fontsize=6, ncols=3, loc="lower left", bbox_to_anchor=(0.0, 0.98))
    few_ticks(axes.yaxis, right.yaxis, count=3)
    if shown.log:
        log_axis(axes, "y", 3)


def save_animation(
    shown: Shown, path: Path, columns: int, provenance: Provenance | None = None
) -> None:
    """Write a .gif of the path growing over its contours, with its losses below.

    One frame per checkpoint, at most 300. Raises Impossible: the surface has no path.
    """
    trajectory = shown.surface.trajectory
    if trajectory is None:
        remedy = "'landscape trajectory' writes one with a path"
        raise Impossible(shown.surface.path, "it has no path", remedy)
    first, *others = _frames(shown, trajectory, columns)
    durations = [1000 // PER_SECOND] * len(others) + [1000 * HOLD // PER_SECOND]
    kept: Any = {"save_all": True, "append_images": others, "duration": durations, "loop": 0}
    comment = "" if provenance is None else provenance.brief()
    write_whole(path, lambda stream: first.save(stream, format="gif", comment=comment, **kept))


@style.styled
def _frames(shown: Shown, path: dict[str, Array], columns: int) -> list[Image.Image]:
    count = len(path["steps"])
    chosen = np.unique(np.linspace(0, count - 1, min(count, FRAMES)).round().astype(int))
    drawn, axes, below = _panels(shown, columns)
    (line,) = axes.plot([], [], "-o", color=PATH, linewidth=1.0, markersize=1.5)
    (head,) = axes.plot([], [], "o", color="white", markeredgecolor="black", markersize=4)
    _draw_losses(below, shown)
    (place,) = below.plot([], [], "o", color=PATH, markersize=3, clip_on=False)
    canvas: Any = FigureCanvasAgg(drawn)
    drawn.set_dpi(DOTS)
    frames = []
    for number in chosen:
        x, y = path["coordinates"][: number + 1].T
        line.set_data(x, y)
        head.set_data(x[-1:], y[-1:])
        place.set_data(path["steps"][[number]], path["loss"][[number]])
        canvas.draw()
        frame = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3].copy())
        frames.append(frame.quantize(128, dither=Image.Dither.NONE))
    return frames
