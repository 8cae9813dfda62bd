"""The path of a training run growing over its plane: .gif, or .mp4 by ffmpeg."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from resdepth.atomic import write_whole
from resdepth.errors import Impossible, System
from resdepth.figures import style
from resdepth.figures.landscape import PATH, Shown
from resdepth.figures.trajectory import losses, panels
from resdepth.runs.provenance import Provenance
from resdepth.runs.surface import Surface

FRAMES, PER_SECOND, HOLD = 300, 15, 15
"""Frames at most, frames a second, and frames for which the last one stays."""
DOTS = 150
"""Dots an inch of a frame."""


def save_animation(
    surface: Surface,
    shown: Shown,
    log: bool,
    path: Path,
    columns: int,
    provenance: Provenance | None = None,
) -> None:
    """Write the growing path of a trajectory over its contours, its losses beside them.

    Of more than 300 checkpoints evenly chosen ones, the first and the last among them.

    Raises
    ------
    Impossible
        The surface has no path.
    System
        An .mp4 is wanted and ffmpeg is not there, or failed.
    """
    if surface.trajectory is None:
        remedy = "'landscape trajectory' makes one that has"
        raise Impossible(surface.path, "it has no path", remedy)
    if path.suffix.lower() == ".mp4":
        _write_mp4(path, _frames(surface, shown, log, columns))
    else:
        _write_gif(path, _frames(surface, shown, log, columns), provenance)


def _frames(surface: Surface, shown: Shown, log: bool, columns: int) -> Iterator[Image.Image]:
    """One picture for each checkpoint that is shown."""
    path = surface.trajectory or {}
    count = len(path["steps"])
    chosen = np.unique(np.linspace(0, count - 1, min(count, FRAMES)).round().astype(int))
    with style.paper():
        drawn, axes, below = panels(surface, shown, log, columns)
        (line,) = axes.plot([], [], "-o", color=PATH, linewidth=1.0, markersize=1.5)
        (head,) = axes.plot([], [], "o", color="white", markeredgecolor="black", markersize=4)
        losses(below, path, log)
        (place,) = below.plot([], [], "o", color=PATH, markersize=3, clip_on=False)
        canvas: Any = FigureCanvasAgg(drawn)
        drawn.set_dpi(DOTS)
        for number in chosen:
            x, y = path["coordinates"][: number + 1].T
            line.set_data(x, y)
            head.set_data(x[-1:], y[-1:])
            place.set_data(path["steps"][[number]], path["loss"][[number]])
            canvas.draw()
            # Encoders want even numbers of pixels.
            pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]
            height, width = (size - size % 2 for size in pixels.shape[:2])
            yield Image.fromarray(np.ascontiguousarray(pixels[:height, :width]))


def _write_gif(path: Path, frames: Iterator[Image.Image], provenance: Provenance | None) -> None:
    first, *others = (frame.quantize(128, dither=Image.Dither.NONE) for frame in frames)
    durations = [1000 // PER_SECOND] * len(others) + [1000 * HOLD // PER_SECOND]
    write_whole(
        path,
        lambda stream: first.save(
            stream,
            format="gif",
            save_all=True,
            append_images=others,
            duration=durations,
            loop=0,
            comment="" if provenance is None else provenance.brief(),
        ),
    )


def _write_mp4(path: Path, frames: Iterator[Image.Image]) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        raise System(
            path,
            f"{'ffmpeg'} {'is needed for an .mp4 and is not on the PATH'}",
            "install it, or write a .gif",
        )
    pictures = list(frames)
    pictures += pictures[-1:] * HOLD
    width, height = pictures[0].size
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "path.mp4"
        command = [program, "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
        command += ["-s", f"{width}x{height}", "-r", str(PER_SECOND), "-i", "-"]
        command += ["-pix_fmt", "yuv420p", "-threads", "1", "-fflags", "+bitexact"]
        command += ["-flags:v", "+bitexact", "-movflags", "+faststart", str(made)]
        pixels = b"".join(picture.tobytes() for picture in pictures)
        ended = subprocess.run(command, input=pixels, capture_output=True, check=False)
        if ended.returncode or not made.is_file():
            said = ended.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
            raise System(path, f"{'ffmpeg'} failed: {said[-1]}", "write a .gif")
        content = made.read_bytes()
    write_whole(path, lambda stream: stream.write(content))
