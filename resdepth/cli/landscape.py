"""`resdepth landscape render`, `landscape trajectory` and `landscape vis`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from resdepth.atomic import check_writable
from resdepth.cli import console, signals
from resdepth.cli.landscape_picture import picture, shown_of
from resdepth.cli.landscape_picture import vis as vis
from resdepth.cli.parameters import command, command_line
from resdepth.cli.picture import illustrate, origin_of
from resdepth.cli.source import drawn_around
from resdepth.errors import Usage
from resdepth.options.base import AnalysisInvocation
from resdepth.options.landscape import (
    SUFFIXES,
    SURFACE,
    RenderOptions,
    TrajectoryOptions,
    VisOptions,
)
from resdepth.options.location import written_as

if TYPE_CHECKING:
    from resdepth.runs.surface import Surface

SUFFIX = ".npy"
Cells = Callable[[int, int], None]
"""Is called with the number of evaluated cells of a surface, and of all."""


@command("landscape render")
def render(options: RenderOptions, call: AnalysisInvocation) -> None:
    """Evaluate the loss on a line or a grid around trained weights.

    The directions are random and normalised to the filters, principal directions of the run's
    checkpoints, eigenvectors of the Hessian, or the differences to the weights of other runs.
    Writes the losses (.npy, float64), the accuracies of a classification, and a .json with the
    axes, the loss at the centre and all that is needed to repeat the computation. --resume resumes
    an interrupted surface, to the same bits. Prints three checks: the norms of the directions,
    their cosines, and the loss at the centre next to the one that the run recorded. For a line to
    another run it also prints the barrier between the two losses.
    """
    run, training, checkpoint = drawn_around(options.sources, "landscape render")
    out = _surface_path(options.out, run)
    with signals.deferred():
        from resdepth.probing.loss_surface import render as evaluate
        from resdepth.probing.objectives import Source
        from resdepth.records import as_json
        from resdepth.runs.surface import files_of

    source = Source(training, checkpoint)
    surface = _evaluated(
        out, lambda cells: evaluate(source, options, out, command_line(), cells), call.quiet
    )
    if call.json_:
        numbers = {"losses": surface.raw, "accuracies": surface.accuracies}
        print(as_json({**surface.record, **numbers}))
    console.wrote(files_of(out), aside=call.json_)


@command("landscape trajectory")
def trajectory(options: TrajectoryOptions, call: AnalysisInvocation) -> None:
    """Draw the path of training on the plane that contains most of it.

    The plane contains the last checkpoint and the first two principal directions of the run's
    checkpoints. For each checkpoint, its loss, the loss at its projection onto the plane, and its
    distance from the plane are recorded. Needs three checkpoints: train with --checkpoint-every.
    """
    from resdepth.runs.run import open_run

    if len(options.sources) != 1:
        raise Usage("SOURCES", "give one run", "resdepth landscape trajectory RUN")
    run = open_run(options.sources[0])
    figure = options.out or run.path / "trajectory.pdf"
    figure = written_as(figure, SUFFIXES)
    check_writable(figure)
    out = figure.with_suffix(SUFFIX)
    with signals.deferred():
        from resdepth.probing.loss_surface import render as evaluate
        from resdepth.probing.objectives import Source
        from resdepth.records import as_json
        from resdepth.runs.surface import files_of

    source = Source.of(run)
    surface = _evaluated(
        out, lambda cells: evaluate(source, options, out, command_line(), cells), call.quiet
    )
    if call.json_:
        print(as_json(_path_numbers(surface)), flush=True)
    looks = VisOptions(surface=out, log=options.log, columns=options.columns)
    origin = origin_of(options, files_of(out))
    illustrate(
        lambda: picture(shown_of(surface, looks), looks, "contour", figure, origin),
        figure,
        files_of(out),
        origin,
        call,
        show=options.show,
    )


def _surface_path(out: Path | None, run: Path | None) -> Path:
    out = out or (run or Path()) / SURFACE
    if out.suffix.lower() in SUFFIXES:
        surface = out.with_suffix(SUFFIX)
        what = f"{out} names a figure, but this command writes the losses, as {SUFFIX}"
        remedy = f"--out {surface}, then 'resdepth landscape vis {surface} --out {out}'"
        raise Usage("out", what, remedy)
    return written_as(out, (SUFFIX,))


def _evaluated(out: Path, evaluate: Callable[[Cells], object], quiet: bool) -> "Surface":
    """The surface at `out` after printing its checks."""
    from resdepth.cli.progress import Progress
    from resdepth.runs.surface import read_surface

    def cells(done: int, total: int) -> None:
        if not bar.total:
            bar.start(done, total)
        bar.update(done, lambda: f"{done} of {total} cells, {bar.speed(done):.3g} cells/s")

    console.route_warnings()
    bar = Progress(quiet=quiet)
    try:
        evaluate(cells)
    except KeyboardInterrupt:
        place = f" from cell {bar.done} of {bar.total}" if bar.total else ""
        console.say(f"interrupted; the same command with --resume resumes it{place}")
        raise typer.Abort from None
    finally:
        bar.close()
    surface = read_surface(out)
    for line in _checks(surface):
        console.say(line, quiet=quiet)
    return surface


def _path_numbers(surface: "Surface") -> dict[str, Any]:
    """The checkpoints of a trajectory, for `--json`."""
    path = surface.trajectory or {}
    names = ("coordinates", "loss", "plane_loss", "distance")
    return {
        "explained": surface.record["explained"],
        "steps": path["steps"].astype(int),
        **{name: path[name] for name in names},
        "provenance": surface.record.get("provenance"),
    }


def _checks(surface: "Surface") -> list[str]:
    """The checks of a surface, one line each."""
    record, found = surface.record, []
    if "norm_ratios" in record:
        ratios = ", ".join(f"{ratio:.6g}" for ratio in record["norm_ratios"][:8])
        found.append(f"norms of the directions relative to the weights that they change: {ratios}")
        cosines = [row[i + 1] for i, row in enumerate(record["cosines"][:-1])][::2]
        if cosines:
            words = ", ".join(f"{cosine:.3g}" for cosine in cosines[:8])
            found.append(f"cosines of the directions: {words}")
    if "spans" in record and record.get("span") == "auto":
        words = ", ".join(f"{span:.4g}" for span in record["spans"])
        found.append(f"spans that --span auto found: {words}")
    own = record.get("run_loss")
    recorded = "the run recorded no loss on the same data"
    recorded = recorded if own is None else f"the run recorded {own:.8g}"
    found.append(f"loss at the centre {record['centre_loss']:.8g}; {recorded}")
    return [*found, *_barrier(surface), *_path_words(surface)]


def _barrier(surface: "Surface") -> list[str]:
    """How high the loss rises between two minima above the straight line between their losses."""
    record = surface.record
    if record.get("kind") != "runs" or surface.losses.ndim != 1:
        return []
    (axis,), (other,) = surface.axes, record["mark_losses"]
    inside = (axis >= 0.0) & (axis <= 1.0)
    line = (1.0 - axis) * record["centre_loss"] + axis * other
    barrier = max(0.0, float((surface.losses - line)[inside].max(initial=0.0)))
    return [f"loss at the other weights {other:.8g}; barrier between them {barrier:.6g}"]


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
        f"largest distance from the plane: {path['distance'][farthest]:.4g} at step "
        f"{path['steps'][farthest]:.0f}; largest difference of the losses: {gaps[worst]:.4g} at "
        f"step {path['steps'][worst]:.0f}",
    ]
