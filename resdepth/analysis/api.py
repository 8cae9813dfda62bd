"""Landscapes as a function call: what `resdepth landscape render` does, from Python."""

from pathlib import Path

from resdepth.analysis.landscape import Source, render
from resdepth.analysis.surface import Surface, read_surface
from resdepth.errors import PathMissing
from resdepth.options.landscape import RenderOptions
from resdepth.runs.checkpoint import checkpoints
from resdepth.runs.run import Run


def render_landscape(
    run: Run, out: Path | str | None = None, options: RenderOptions | None = None
) -> Surface:
    """Evaluate the loss on a grid around the newest weights of `run`, and read it back.

    Parameters
    ----------
    out
        The .npy to write; a .json lies beside it. `<run>/landscape.npy` where left out.
    options
        Steps, span, dimensions, normalisation, subset, seed; the defaults where left out.

    Raises
    ------
    PathMissing
        The run has no checkpoint yet.
    """
    options = options or RenderOptions()
    found = checkpoints(run.path)
    if not found:
        raise PathMissing(path=run.path, kind="checkpoint")
    path = Path(out) if out is not None else run.path / "landscape.npy"
    render(Source(run.options, found[max(found)]), options, path, ["resdepth.render_landscape"])
    return read_surface(path)
